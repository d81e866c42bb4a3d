// For one group of n numbers x, with m their mean, v their variance and r = 1 / sqrt(v + eps):
//
//     y = (x - m) r          J a = dy/dx a = r (a - mean(a) - y mean(y a))          dr = -r² mean(y dx)
//
// J is symmetric and serves both modes: NormalizeSlope(x, a) = J a, whose own derivatives follow from dy = J dx and dr.
#include "costate/operations/normalize.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"

namespace costate {
namespace {

// ---- the kernel: a group is read three or four times, but from the first cache

constexpr std::size_t kBlock = 16;  // lanes that go through a group together, their sums in registers

/// A group of n numbers of a block of lanes: number i of lane l at x[i * stride + l], and so for a, if there is one,
/// and the result.
template <class T>
struct Group {
  const T* x;
  const T* a;
  T* out;
  std::size_t stride, n;
  T eps;
};

/// One number for each lane.
template <class T>
struct Lanes {
  T values[kBlock] = {};
  T& operator[](std::size_t lane) { return values[lane]; }
  T operator[](std::size_t lane) const { return values[lane]; }
};

/// The means of term(i * stride + lane, lane), i ascending. `width` is a constant where a block is full.
template <class T, class Width, class Term>
Lanes<T> means(const Group<T>& group, Width width, const Term& term) {
  Lanes<T> mean;
  for (std::size_t i = 0; i < group.n; ++i)
    for (std::size_t lane = 0; lane < width; ++lane) mean[lane] += term(i * group.stride + lane, lane);
  for (std::size_t lane = 0; lane < width; ++lane) mean[lane] /= static_cast<T>(group.n);
  return mean;
}

/// Writes term(i * stride + lane, lane).
template <class T, class Width, class Term>
void write(const Group<T>& group, Width width, const Term& term) {
  for (std::size_t i = 0; i < group.n; ++i)
    for (std::size_t lane = 0; lane < width; ++lane)
      group.out[i * group.stride + lane] = term(i * group.stride + lane, lane);
}

/// y, or J a if there is an a.
template <class T, class Width>
void run_group(const Group<T>& group, Width width) {
  const Lanes<T> mean = means(group, width, [&](std::size_t at, std::size_t) { return group.x[at]; });
  Lanes<T> r = means(group, width, [&](std::size_t at, std::size_t lane) {
    const T distance = group.x[at] - mean[lane];
    return distance * distance;
  });
  for (std::size_t lane = 0; lane < width; ++lane) r[lane] = 1 / std::sqrt(r[lane] + group.eps);
  const auto y = [&](std::size_t at, std::size_t lane) { return (group.x[at] - mean[lane]) * r[lane]; };
  if (group.a == nullptr) return write(group, width, y);
  const Lanes<T> mean_a = means(group, width, [&](std::size_t at, std::size_t) { return group.a[at]; });
  const Lanes<T> mean_ya =
      means(group, width, [&](std::size_t at, std::size_t lane) { return y(at, lane) * group.a[at]; });
  write(group, width, [&](std::size_t at, std::size_t lane) {
    return r[lane] * (group.a[at] - mean_a[lane] - y(at, lane) * mean_ya[lane]);
  });
}

// ---- its operations

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
    const std::size_t lanes = context_.lanes;
    const T* x = spread(run, 0);
    const T* a = run.operands.size() > 1 ? spread(run, 1) : nullptr;
    for (std::size_t row = 0; row < size(); row += n_)
      for (std::size_t lane = 0; lane < lanes; lane += kBlock) {
        const std::size_t first = row * lanes + lane, width = std::min(kBlock, lanes - lane);
        const Group<T> group{x + first, a == nullptr ? nullptr : a + first, out + first, lanes, n_, eps_};
        if (width == kBlock)
          run_group(group, std::integral_constant<std::size_t, kBlock>());
        else
          run_group(group, width);
      }
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

/// An operation on each n neighbouring numbers of x, and of a second operand of its shape if there is one.
class OfGroups : public LoweredBy<OfGroups> {
 public:
  OfGroups(std::int64_t n, double eps) : n_(n), eps_(eps) {}

  std::string attributes() const override { return text::concat("n=", n_, ", eps=", eps_); }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    std::vector<double> out(operands[0].size());
    const auto n = static_cast<std::size_t>(n_);
    for (std::size_t first = 0; first < out.size(); first += n) {
      const double* a = operands.size() > 1 ? operands[1].data() + first : nullptr;
      run_group(Group<double>{operands[0].data() + first, a, out.data() + first, 1, n, eps_}, std::size_t{1});
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

void check_eps(const char* function, double eps) {
  if (!(eps > 0)) throw InvalidArgument("[", function, "] eps must be positive; got ", eps, ".");
}

}  // namespace

Array layer_norm(Operand x, std::vector<std::int64_t> axes, double eps) {
  check_eps("layer_norm", eps);
  if (axes.empty()) throw InvalidArgument("[layer_norm] needs at least one axis to normalize over; got none.");
  const Shape shape = x.array.shape();
  // The axes last, for their numbers to be neighbours.
  std::vector<std::int64_t> order;
  for (std::int64_t& axis : axes) axis = shape.normalize_axis(static_cast<int>(axis));
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
  check_eps("group_norm", eps);
  const Shape& shape = x.array.shape();
  if (shape.rank() < 1) throw ShapeError("[group_norm] x must have shape [channel, …]; got ", shape, ".");
  if (groups < 1 || shape[0] % groups != 0)
    throw InvalidArgument("[group_norm] groups must divide the channels; got ", groups, " groups of ", shape[0],
                          " channels.");
  return normalized(x.array, shape.size() / groups, eps);
}

}  // namespace costate
