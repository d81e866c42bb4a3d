// For one group of n numbers x, with m their mean, v their variance and r = 1 / sqrt(v + eps):
//
//     y = (x - m) r          J a = dy/dx a = r (a - mean(a) - y mean(y a))          dr = -r² mean(y dx)
//
// J is symmetric and serves both modes: NormalizeSlope(x, a) = J a, whose own derivatives follow from dy = J dx and dr.
#include "costate/operations/normalize.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "costate/base/error.h"
#include "costate/exec/kernels/group_norm.h"
#include "costate/exec/tile_op.h"
#include "costate/operations/internal/check_eps.h"

namespace costate {
namespace {

/// What operands that all samples share become: [n, lanes], as the others are.
template <class T>
struct SpreadState : TileOpState {
  std::vector<std::vector<T>> operands;
};

template <class T>
class NormalizeTileOp : public TileOp<T> {
 public:
  NormalizeTileOp(const TileOpContext& context, std::size_t n, double eps)
      : context_(context), n_(n), eps_(static_cast<T>(eps)) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<SpreadState<T>>();
    for (const bool is_shared : context_.operand_is_shared)
      state->operands.emplace_back(is_shared ? size() * context_.lanes : 0);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    internal::group_norm<T>({.x = spread(run, 0),
                             .a = run.operands.size() > 1 ? spread(run, 1) : nullptr,
                             .out = out,
                             .groups = size() / n_,
                             .n = n_,
                             .lanes = context_.lanes,
                             .eps = eps_});
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(context_.operand_shapes[0].size()); }

  /// An operand as [n, lanes].
  const T* spread(const TileOpRun<T>& run, std::size_t operand) const {
    const T* given = run.operands[operand];
    if (!context_.operand_is_shared[operand]) return given;
    T* all = static_cast<SpreadState<T>&>(*run.state).operands[operand].data();
    for (std::size_t i = 0; i < size(); ++i) std::fill_n(all + i * context_.lanes, context_.lanes, given[i]);
    return all;
  }

  TileOpContext context_;
  std::size_t n_;
  T eps_;
};

double mean_of(std::span<const double> x) {
  double sum = 0;
  for (const double number : x) sum += number;
  return sum / static_cast<double>(x.size());
}

/// Makes y of x; returns r.
double normalize(std::span<double> x, double eps) {
  const double mean = mean_of(x);
  double variance = 0;
  for (double& number : x) {
    number -= mean;
    variance += number * number / static_cast<double>(x.size());
  }
  const double r = 1 / std::sqrt(variance + eps);
  for (double& number : x) number *= r;
  return r;
}

/// Makes J a of y.
void apply_slope(std::span<double> y, double r, std::span<const double> a) {
  double along = 0;
  for (std::size_t i = 0; i < y.size(); ++i) along += y[i] * a[i] / static_cast<double>(y.size());
  const double mean = mean_of(a);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = r * (a[i] - mean - y[i] * along);
}

/// An operation on each n neighbouring numbers of x, and of a second operand of its shape if there is one.
class OfGroups : public LoweredBy<OfGroups> {
 public:
  OfGroups(std::int64_t n, double eps) : n_(n), eps_(eps) {}

  std::string attributes() const override { return text::concat("n=", n_, ", eps=", eps_); }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    std::vector<double> out = operands[0];
    const auto n = static_cast<std::size_t>(n_);
    for (std::size_t first = 0; first < out.size(); first += n) {
      const std::span<double> group(out.data() + first, n);
      const double r = normalize(group, eps_);
      if (operands.size() > 1) apply_slope(group, r, std::span(operands[1]).subspan(first, n));
    }
    return out;
  }

  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const OfGroups*>(&other);
    return same != nullptr && same->name() == name() && same->n_ == n_ && same->eps_ == eps_;
  }

  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<NormalizeTileOp<T>>(context, static_cast<std::size_t>(n_), eps_);
  }

 protected:
  std::int64_t n_;
  double eps_;
};

Array normalized(const Array& x, std::int64_t n, double eps);
Array slope_times(const Array& x, const Array& a, std::int64_t n, double eps);

class Normalize : public OfGroups {
 public:
  using OfGroups::OfGroups;
  std::string name() const override { return "normalize"; }

  std::vector<Array> vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {slope_times(operands[0], cotangent, n_, eps_)};
  }
  Array jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const override {
    return slope_times(operands[0], tangents[0], n_, eps_);
  }
};

/// The mean of each group, at each of its numbers.
Array group_mean(const Array& x, std::int64_t n) {
  const std::int64_t groups = x.shape().size() / n;
  const Array mean_of_each = reshape(mean(reshape(x, {groups, n}), {1}), {groups, 1});
  return reshape(broadcast_to(mean_of_each, {groups, n}), x.shape());
}

class NormalizeSlope : public OfGroups {
 public:
  using OfGroups::OfGroups;
  std::string name() const override { return "normalize_slope"; }

  /// Of a: J c. Of x: -r y mean(c J a) - J (r (mean(y a) c + mean(y c) a)), since sum(c J a), in which c and a may be
  /// centered, is r (sum(c a) - sum(y c) sum(y a) / n).
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& c,
                         const std::vector<bool>& wanted) const override {
    const Array &x = operands[0], &a = operands[1];
    std::vector<Array> cotangents(2);
    if (wanted[1]) cotangents[1] = slope_times(x, c, n_, eps_);
    if (!wanted[0]) return cotangents;
    const Array y = normalized(x, n_, eps_), r = scale(x);
    const Array mixed = r * (group_mean(y * a, n_) * c + group_mean(y * c, n_) * a);
    cotangents[0] = -(r * y * group_mean(c * result, n_)) - slope_times(x, mixed, n_, eps_);
    return cotangents;
  }

  /// J da - r (mean(y dx) J a + mean(y a) dy + mean(a dy) y), dy = J dx.
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    const Array &x = operands[0], &a = operands[1], &dx = tangents[0], &da = tangents[1];
    const Array by_a = da.is_empty() ? zeros(x.shape()) : slope_times(x, da, n_, eps_);
    if (dx.is_empty()) return by_a;
    const Array y = normalized(x, n_, eps_), dy = slope_times(x, dx, n_, eps_);
    return by_a -
           scale(x) * (group_mean(y * dx, n_) * result + group_mean(y * a, n_) * dy + group_mean(a * dy, n_) * y);
  }

 private:
  /// r, at each number.
  Array scale(const Array& x) const { return 1.0 / sqrt(group_mean(square(x - group_mean(x, n_)), n_) + eps_); }
};

Array normalized(const Array& x, std::int64_t n, double eps) {
  if (x.shape().size() == 0) return x;
  return costate::apply(std::make_shared<Normalize>(n, eps), std::span(&x, 1));
}

Array slope_times(const Array& x, const Array& a, std::int64_t n, double eps) {
  const Array operands[] = {x, a};
  return costate::apply(std::make_shared<NormalizeSlope>(n, eps), operands);
}

}  // namespace

Array layer_norm(Operand x, std::vector<std::int64_t> axes, double eps) {
  internal::check_eps("layer_norm", eps);
  if (axes.empty()) throw InvalidArgument("[layer_norm] needs at least one axis to normalize over; got none.");
  const Shape shape = x.array.shape();
  // The axes last, for their numbers to be neighbours.
  std::vector<std::int64_t> order;
  for (std::int64_t& axis : axes) {
    if (axis < -shape.rank() || axis >= shape.rank())
      throw ShapeError("[layer_norm] axes must be those of x, of shape ", shape, "; got axis ", axis, ".");
    axis = shape.normalize_axis(axis);
  }
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (std::ranges::find(axes, axis) == axes.end()) order.push_back(axis);
  std::int64_t n = 1;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (std::ranges::find(axes, axis) != axes.end()) {
      order.push_back(axis);
      n *= shape[axis];
    }
  std::vector<std::int64_t> back(order.size());
  for (std::size_t i = 0; i < order.size(); ++i)
    back[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
  return transpose(normalized(transpose(x, order), n, eps), back);
}

Array group_norm(Operand x, std::int64_t groups, double eps) {
  internal::check_eps("group_norm", eps);
  const Shape& shape = x.array.shape();
  if (shape.rank() < 1) throw ShapeError("[group_norm] x must have shape [channel, …]; got ", shape, ".");
  if (groups < 1 || shape[0] % groups != 0)
    throw InvalidArgument("[group_norm] groups must divide the channels; got ", groups, " groups of ", shape[0],
                          " channels.");
  return normalized(x.array, shape.size() / groups, eps);
}

}  // namespace costate
