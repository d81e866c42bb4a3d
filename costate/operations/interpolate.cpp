// u^(k)(t) = sum_i w_i^(k)(t) values_i with at most four weights that are not 0. Two extensions, the sum and its
// transpose in the values, are closed under differentiation: d/dt raises k.
#include "costate/operations/interpolate.h"

#include <algorithm>
#include <cmath>

#include "costate/base/names.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/knot_weights.h"
#include "costate/operations/internal/table_read.h"

namespace costate {
namespace {

using internal::Times;
using internal::Weights;

constexpr std::string_view kNames[] = {"linear", "hold", "cubic"};

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

class Value : public LoweredBy<Value, Interpolator> {
 public:
  using LoweredBy::LoweredBy;
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<ValueTileOp<T>>(interpolation(), order(), context);
  }
  std::string name() const override { return "interpolate"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return Shape{operands[1][1]}; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override;
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override;
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override;

 protected:
  std::size_t time_operand() const override { return 2; }
};

class Transposed : public LoweredBy<Transposed, Interpolator> {
 public:
  using LoweredBy::LoweredBy;
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<TransposedTileOp<T>>(interpolation(), order(), context);
  }
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

/// The derivative at x_i of the parabola through three points (x, y), by Lagrange's formula.
double slope_of_parabola(const double* x, const double* y, int i) {
  double sum = 0;
  for (int j = 0; j < 3; ++j) {
    const double a = x[(j + 1) % 3], b = x[(j + 2) % 3];
    sum += y[j] * (2 * x[i] - a - b) / ((x[j] - a) * (x[j] - b));
  }
  return sum;
}

/// The meaning of both extensions, written plainly: the derivative of this order, at t, of the piecewise polynomial
/// through one value at each time.
double evaluate(Interpolation interpolation, int order, std::span<const double> times, std::span<const double> values,
                double t) {
  if (std::isnan(t)) return t;
  std::size_t n = times.size();
  while (n > 1 && times[n - 1] <= times[n - 2]) --n;  // padding
  std::size_t next = 0;
  while (next < n && times[next] <= t) ++next;
  const std::size_t low = std::max<std::size_t>(next, 1) - 1;
  double c[4] = {values[low], 0, 0, 0};  // of powers of t - times[low]
  const bool is_inside = next > 0 && next < n;
  if (is_inside && interpolation != Interpolation::kHold) {
    const double h = times[next] - times[low];
    const double secant = c[1] = (values[next] - values[low]) / h;
    if (interpolation == Interpolation::kCubic && n > 2) {
      const auto slope = [&](std::size_t i) {
        const std::size_t left = std::clamp<std::size_t>(i, 1, n - 2) - 1;
        return slope_of_parabola(&times[left], &values[left], static_cast<int>(i - left));
      };
      c[1] = slope(low);
      c[2] = (3 * secant - 2 * c[1] - slope(next)) / h;
      c[3] = (c[1] + slope(next) - 2 * secant) / (h * h);
    }
  }
  return internal::cubic_derivative(c, order, t - times[low]);
}

std::vector<double> Value::interpret(std::span<const std::vector<double>> operands) const {
  const std::size_t n = operands[0].size(), m = operands[1].size() / n;
  std::vector<double> out, column(n);
  for (std::size_t k = 0; k < m; ++k) {
    for (std::size_t i = 0; i < n; ++i) column[i] = operands[1][i * m + k];
    out.push_back(evaluate(interpolation(), order(), operands[0], column, operands[2][0]));
  }
  return out;
}

std::vector<double> Transposed::interpret(std::span<const std::vector<double>> operands) const {
  const std::size_t n = operands[0].size();
  std::vector<double> out;
  for (std::size_t i = 0; i < n; ++i) {
    std::vector<double> one(n);
    one[i] = 1;
    const double weight = evaluate(interpolation(), order(), operands[0], one, operands[1][0]);
    for (const double cotangent : operands[2]) out.push_back(weight * cotangent);
  }
  return out;
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

std::optional<internal::TableForm> internal::table_form(const Extension& extension) {
  const auto* interpolator = dynamic_cast<const Interpolator*>(&extension);
  if (interpolator == nullptr) return std::nullopt;
  return TableForm{.interpolation = interpolator->interpolation(),
                   .order = interpolator->order(),
                   .is_transposed = dynamic_cast<const Value*>(interpolator) == nullptr};
}

std::optional<internal::TableRead> internal::table_read(const Node& node) {
  const auto form = node.op == Op::kExtension ? table_form(*node.extension) : std::nullopt;
  if (!form) return std::nullopt;
  TableRead read{.interpolation = form->interpolation,
                 .order = form->order,
                 .times = node.operands[0],
                 .query = node.operands[form->is_transposed ? 1 : 2],
                 .values = std::nullopt};
  if (!form->is_transposed) read.values = node.operands[1];
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
