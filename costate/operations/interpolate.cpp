// u^(k)(t) = sum_i w_i^(k)(t) values_i with at most four weights that are not 0. Two extensions, the sum and its
// transpose in the values, are closed under differentiation: d/dt raises k.
#include "costate/operations/interpolate.h"

#include <algorithm>
#include <cmath>

#include "costate/base/names.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/table_read.h"

namespace costate {
namespace {

constexpr std::string_view kNames[] = {"linear", "hold", "cubic"};

/// Weights of the values first, first + 1, …, first + 3; those outside of [0, n) are 0.
struct Weights {
  std::int64_t first = 0;
  double weight[4] = {0, 0, 0, 0};

  void add(std::int64_t index, double w) { weight[index - first] += w; }
};

/// Times of one sample: element i at data[i * stride].
template <class T>
struct Times {
  const T* data;
  std::size_t stride;
  std::int64_t count;

  double operator[](std::int64_t i) const { return static_cast<double>(data[static_cast<std::size_t>(i) * stride]); }
};

/// The k-th derivative with respect to x of a cubic c_0 + c_1 x + c_2 x^2 + c_3 x^3.
double cubic_derivative(const double (&c)[4], int k, double x) {
  double sum = 0;
  for (int power = 3; power >= k; --power) {
    double factor = c[power];
    for (int i = 0; i < k; ++i) factor *= power - i;
    sum = sum * x + factor;
  }
  return sum;
}

/// Adds scale times the slope at knot i, as weights of its neighbours: the derivative there of the parabola through
/// three knots.
template <class T>
void add_slope(const Times<T>& times, std::int64_t n, std::int64_t i, double scale, Weights& weights) {
  const auto add_secant = [&](std::int64_t j, double w) {  // (v_j+1 - v_j) / (t_j+1 - t_j)
    const double h = times[j + 1] - times[j];
    weights.add(j + 1, w / h);
    weights.add(j, -w / h);
  };
  if (n == 2) return add_secant(0, scale);
  const std::int64_t left = std::clamp<std::int64_t>(i - 1, 0, n - 3);  // the parabola's first knot
  const double h0 = times[left + 1] - times[left], h1 = times[left + 2] - times[left + 1];
  // slope at t = s_0 + (s_1 - s_0) (2 t - t_0 - t_1) / (t_2 - t_0)
  const double share = (2 * times[i] - times[left] - times[left + 1]) / (h0 + h1);
  add_secant(left, scale * (1 - share));
  add_secant(left + 1, scale * share);
}

/// The last of n knots that is at or before t; 0 if none is.
template <class T>
std::int64_t find_knot(const Times<T>& times, std::int64_t n, double t) {
  std::int64_t low = 0, high = n;  // times[low] <= t < times[high]
  if (n > 2) {                     // knots are evenly spaced more often than not: look there first
    const double share = (t - times[0]) / (times[n - 1] - times[0]);
    const double within = share > 0 ? std::min(share, 1.0) : 0.0;  // NaN is 0
    const auto guess = static_cast<std::int64_t>(within * static_cast<double>(n - 1));
    low = std::max<std::int64_t>(guess - 1, 0);
    high = std::min(guess + 2, n);
    if (times[low] > t) low = 0;
    if (high < n && times[high] <= t) high = n;
  }
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (times[middle] <= t ? low : high) = middle;
  }
  return low;
}

template <class T>
Weights find_weights(Interpolation interpolation, int order, const Times<T>& times, double t) {
  std::int64_t n = times.count;
  while (n > 1 && times[n - 1] <= times[n - 2]) --n;  // padding
  const std::int64_t low = find_knot(times, n, t);
  Weights weights{.first = low - 1};
  const bool is_outside = t < times[0] || low == n - 1;
  if (is_outside || interpolation == Interpolation::kHold) {
    weights.add(low, order == 0 ? 1 : 0);
    return weights;
  }
  const double h = times[low + 1] - times[low], x = (t - times[low]) / h;
  const double scale = order == 0 ? 1.0 : std::pow(h, -order);
  if (interpolation == Interpolation::kLinear) {
    weights.add(low, scale * cubic_derivative({1, -1, 0, 0}, order, x));
    weights.add(low + 1, scale * cubic_derivative({0, 1, 0, 0}, order, x));
    return weights;
  }
  weights.add(low, scale * cubic_derivative({1, 0, -3, 2}, order, x));
  weights.add(low + 1, scale * cubic_derivative({0, 0, 3, -2}, order, x));
  add_slope(times, n, low, scale * h * cubic_derivative({0, 1, -2, 1}, order, x), weights);
  add_slope(times, n, low + 1, scale * h * cubic_derivative({0, 0, -1, 1}, order, x), weights);
  return weights;
}

/// An operand in a tile: how far apart its rows are, and where a lane starts.
struct Layout {
  std::size_t row_stride;
  std::size_t lane_stride;

  Layout(const TileOpContext& context, std::size_t operand)
      : row_stride(context.operand_is_shared[operand] ? 1 : context.lanes),
        lane_stride(context.operand_is_shared[operand] ? 0 : 1) {}
};

/// What both extensions have in common: their attributes.
class Interpolator : public Extension, public std::enable_shared_from_this<Interpolator> {
 public:
  Interpolator(Interpolation interpolation, int order) : interpolation_(interpolation), order_(order) {}

  Interpolation interpolation() const { return interpolation_; }
  int order() const { return order_; }
  /// Whether the result jumps as t passes a knot: a derivative of hold from the first on, of linear from the second …
  bool jumps() const {
    return order_ >= (interpolation_ == Interpolation::kHold ? 0 : interpolation_ == Interpolation::kLinear ? 1 : 2);
  }
  OperandRule rule(std::size_t operand) const override {
    if (operand == 0) return OperandRule::kNone;
    return operand == time_operand() && jumps() ? OperandRule::kJumps : OperandRule::kFlows;
  }
  std::string attributes() const override {
    return text::concat(costate::name(interpolation_), ", derivative=", order_);
  }
  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const Interpolator*>(&other);
    return same != nullptr && same->name() == name() && same->interpolation_ == interpolation_ &&
           same->order_ == order_;
  }

 protected:
  virtual std::size_t time_operand() const = 0;

 private:
  Interpolation interpolation_;
  int order_;
};

/// times [n], values [n, m], t [] -> [m].
template <class T>
class ValueTileOp : public TileOp<T> {
 public:
  ValueTileOp(Interpolation interpolation, int order, const TileOpContext& context)
      : interpolation_(interpolation),
        order_(order),
        lanes_(context.lanes),
        n_(context.operand_shapes[0].size()),
        m_(static_cast<std::size_t>(context.operand_shapes[1].size() / n_)),
        times_(context, 0),
        values_(context, 1),
        t_(context, 2) {}

  void run(const TileOpRun<T>& run, T* out) const override {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const Times<T> times{run.operands[0] + lane * times_.lane_stride, times_.row_stride, n_};
      const Weights weights =
          find_weights(interpolation_, order_, times, static_cast<double>(run.operands[2][lane * t_.lane_stride]));
      for (std::size_t k = 0; k < m_; ++k) {
        double sum = 0;
        for (std::int64_t j = 0; j < 4; ++j) {
          if (weights.weight[j] == 0) continue;
          const std::size_t row = static_cast<std::size_t>(weights.first + j) * m_ + k;
          sum += weights.weight[j] *
                 static_cast<double>(run.operands[1][row * values_.row_stride + lane * values_.lane_stride]);
        }
        out[k * lanes_ + lane] = static_cast<T>(sum);
      }
    }
  }

 private:
  Interpolation interpolation_;
  int order_;
  std::size_t lanes_;
  std::int64_t n_;
  std::size_t m_;
  Layout times_, values_, t_;
};

/// times [n], t [], cotangent [m] -> [n, m].
template <class T>
class TransposedTileOp : public TileOp<T> {
 public:
  TransposedTileOp(Interpolation interpolation, int order, const TileOpContext& context)
      : interpolation_(interpolation),
        order_(order),
        lanes_(context.lanes),
        n_(context.operand_shapes[0].size()),
        m_(static_cast<std::size_t>(context.operand_shapes[2].size())),
        times_(context, 0),
        t_(context, 1),
        cotangent_(context, 2) {}

  void run(const TileOpRun<T>& run, T* out) const override {
    std::fill_n(out, static_cast<std::size_t>(n_) * m_ * lanes_, T{0});
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const Times<T> times{run.operands[0] + lane * times_.lane_stride, times_.row_stride, n_};
      const Weights weights =
          find_weights(interpolation_, order_, times, static_cast<double>(run.operands[1][lane * t_.lane_stride]));
      for (std::int64_t j = 0; j < 4; ++j) {
        if (weights.weight[j] == 0) continue;
        for (std::size_t k = 0; k < m_; ++k)
          out[(static_cast<std::size_t>(weights.first + j) * m_ + k) * lanes_ + lane] = static_cast<T>(
              weights.weight[j] *
              static_cast<double>(run.operands[2][k * cotangent_.row_stride + lane * cotangent_.lane_stride]));
      }
    }
  }

 private:
  Interpolation interpolation_;
  int order_;
  std::size_t lanes_;
  std::int64_t n_;
  std::size_t m_;
  Layout times_, t_, cotangent_;
};

/// Lowered to tiles by Op, for both types.
template <template <class> class Op>
class Lowered : public Interpolator {
 public:
  using Interpolator::Interpolator;
  std::unique_ptr<TileOp<float>> lower_f32(const TileOpContext& context) const override {
    return std::make_unique<Op<float>>(interpolation(), order(), context);
  }
  std::unique_ptr<TileOp<double>> lower_f64(const TileOpContext& context) const override {
    return std::make_unique<Op<double>>(interpolation(), order(), context);
  }
};

class Value : public Lowered<ValueTileOp> {
 public:
  using Lowered::Lowered;
  std::string name() const override { return "interpolate"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return Shape{operands[1][1]}; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;

 protected:
  std::size_t time_operand() const override { return 2; }
};

class Transposed : public Lowered<TransposedTileOp> {
 public:
  using Lowered::Lowered;
  std::string name() const override { return "interpolate_transposed"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return Shape{operands[0][0], operands[2][0]}; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;

 protected:
  std::size_t time_operand() const override { return 1; }
};

Array value(Interpolation interpolation, int order, const Array& times, const Array& values, const Array& t) {
  const std::vector<Array> operands = {times, values, t};
  return costate::apply(std::make_shared<Value>(interpolation, order), operands);
}

Array transposed(Interpolation interpolation, int order, const Array& times, const Array& t, const Array& cotangent) {
  const std::vector<Array> operands = {times, t, cotangent};
  return costate::apply(std::make_shared<Transposed>(interpolation, order), operands);
}

/// The meaning of either for one sample: its TileOp on one lane.
std::vector<double> run_one(const TileOp<double>& op, std::span<const std::vector<double>> operands, std::size_t size) {
  std::vector<const double*> pointers;
  for (const std::vector<double>& operand : operands) pointers.push_back(operand.data());
  std::vector<double> out(size);
  op.run({.operands = pointers,
          .operand_states = {},
          .state = nullptr,
          .num_samples = 1,
          .first_sample = 0,
          .report = nullptr},
         out.data());
  return out;
}

std::vector<double> Value::interpret(std::span<const std::vector<double>> operands) const {
  const auto n = static_cast<std::int64_t>(operands[0].size());
  const auto m = static_cast<std::int64_t>(operands[1].size()) / n;
  const TileOpContext one{
      .lanes = 1, .operand_shapes = {Shape{n}, Shape{n, m}, Shape{}}, .operand_is_shared = {false, false, false}};
  return run_one(ValueTileOp<double>(interpolation(), order(), one), operands, static_cast<std::size_t>(m));
}

std::vector<double> Transposed::interpret(std::span<const std::vector<double>> operands) const {
  const auto n = static_cast<std::int64_t>(operands[0].size());
  const auto m = static_cast<std::int64_t>(operands[2].size());
  const TileOpContext one{
      .lanes = 1, .operand_shapes = {Shape{n}, Shape{}, Shape{m}}, .operand_is_shared = {false, false, false}};
  return run_one(TransposedTileOp<double>(interpolation(), order(), one), operands, static_cast<std::size_t>(n * m));
}

void refuse_knots(const char* mode, const Array& times) {
  throw NotSupported("[", mode, "] interpolate has no derivative by its times, which come from ",
                     internal::origin(times),
                     "; leave that out of wrt, or pass stop_gradient(times) to keep the knots where they are.");
}

/// x + y, where an empty Array stands for a tangent of 0.
Array sum_of(const Array& x, const Array& y) { return x.is_empty() ? y : y.is_empty() ? x : x + y; }

std::vector<Array> Value::vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                              const std::vector<bool>& wanted) const {
  if (wanted[0]) refuse_knots("vjp", operands[0]);
  std::vector<Array> cotangents(3);
  if (wanted[1]) cotangents[1] = transposed(interpolation(), order(), operands[0], operands[2], cotangent);
  if (wanted[2])
    cotangents[2] = sum(value(interpolation(), order() + 1, operands[0], operands[1], operands[2]) * cotangent);
  return cotangents;
}

Array Value::jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const {
  if (!tangents[0].is_empty()) refuse_knots("jvp", operands[0]);
  Array by_values, by_time;
  if (!tangents[1].is_empty()) by_values = value(interpolation(), order(), operands[0], tangents[1], operands[2]);
  if (!tangents[2].is_empty())
    by_time = value(interpolation(), order() + 1, operands[0], operands[1], operands[2]) * tangents[2];
  return sum_of(by_values, by_time);
}

std::vector<Array> Transposed::vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                                   const std::vector<bool>& wanted) const {
  if (wanted[0]) refuse_knots("vjp", operands[0]);
  std::vector<Array> cotangents(3);
  if (wanted[1])
    cotangents[1] = sum(value(interpolation(), order() + 1, operands[0], cotangent, operands[1]) * operands[2]);
  if (wanted[2]) cotangents[2] = value(interpolation(), order(), operands[0], cotangent, operands[1]);
  return cotangents;
}

Array Transposed::jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const {
  if (!tangents[0].is_empty()) refuse_knots("jvp", operands[0]);
  Array by_cotangent, by_time;
  if (!tangents[2].is_empty())
    by_cotangent = transposed(interpolation(), order(), operands[0], operands[1], tangents[2]);
  if (!tangents[1].is_empty())
    by_time = transposed(interpolation(), order() + 1, operands[0], operands[1], operands[2]) * tangents[1];
  return sum_of(by_cotangent, by_time);
}

}  // namespace

std::optional<internal::TableRead> internal::table_read(const Node& node) {
  if (node.op != Op::kExtension) return std::nullopt;
  const auto* interpolator = dynamic_cast<const Interpolator*>(node.extension.get());
  if (interpolator == nullptr) return std::nullopt;
  const bool has_values = dynamic_cast<const Value*>(interpolator) != nullptr;
  TableRead read{.interpolation = interpolator->interpolation(),
                 .order = interpolator->order(),
                 .times = node.operands[0],
                 .query = node.operands[has_values ? 2 : 1],
                 .values = std::nullopt};
  if (has_values) read.values = node.operands[1];
  return read;
}

std::string name(Interpolation interpolation) { return spelling(interpolation, kNames); }

Interpolation interpolation_from_name(const std::string& name) {
  return from_spelling<Interpolation>("interpolate", "interpolation", name, kNames);
}

Array interpolate(const Array& times, const Array& values, const Array& t, Interpolation interpolation) {
  if (times.shape().rank() != 1 || times.shape().size() < 1 || values.shape().rank() != 2 ||
      values.shape()[0] != times.shape()[0] || t.shape().rank() != 0)
    throw ShapeError("[interpolate] times must have shape [n], values [n, m] and t []; got ", times.shape(), ", ",
                     values.shape(), " and ", t.shape(), ".");
  if (const auto known = internal::constant_numbers(times))
    for (std::size_t i = 1; i < known->size(); ++i) {
      const double before = (*known)[i - 1], time = (*known)[i];
      if (!(time > before) && !(time == before && time == known->back()))
        throw InvalidArgument("[interpolate] times must increase; times ", i - 1, " and ", i, " are ", before, " and ",
                              time, ".");
    }
  return value(interpolation, 0, times, values, t);
}

}  // namespace costate
