// A pool goes along columns, then along rows: of equal numbers the first in row-major order stays first.
#include "costate/graph/internal/composed_pools.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/pooling.h"
#include "costate/graph/internal/rebuild.h"
#include "costate/graph/pooling.h"

namespace costate::internal {
namespace {

using Positions = std::vector<std::int64_t>;

Shape with_length(const Shape& shape, int axis, std::size_t length) {
  std::vector<std::int64_t> axes = shape.axes();
  axes[static_cast<std::size_t>(axis)] = static_cast<std::int64_t>(length);
  return Shape(std::move(axes));
}

/// Flat positions of what stands at `positions` along an axis.
Positions flat_positions(const Shape& shape, int axis, const Positions& positions) {
  const std::int64_t inner = shape.strides()[static_cast<std::size_t>(axis)], length = shape[axis];
  const std::int64_t outer = shape.size() / std::max<std::int64_t>(1, inner * length);
  Positions flat;
  flat.reserve(static_cast<std::size_t>(outer * inner) * positions.size());
  for (std::int64_t block = 0; block < outer; ++block)
    for (const std::int64_t position : positions)
      for (std::int64_t i = 0; i < inner; ++i) flat.push_back((block * length + position) * inner + i);
  return flat;
}

/// The numbers at `positions` along an axis, which stays.
Array take(const Array& x, int axis, const Positions& positions) {
  return gather(x, flat_positions(x.shape(), axis, positions), with_length(x.shape(), axis, positions.size()));
}

/// Its transpose: the numbers added to zeros at `positions` along an axis of `length`.
Array put(const Array& y, int axis, const Positions& positions, std::int64_t length) {
  const Shape shape = with_length(y.shape(), axis, static_cast<std::size_t>(length));
  return scatter(y, flat_positions(shape, axis, positions), shape);
}

/// Where the number of each window stands that is `offset` places behind its first. Where a window reaches over an end
/// of the axis, the number at that end, which is in the window, stands for what is missing.
Positions positions_of(const PoolAxis& along, std::int64_t offset) {
  Positions positions;
  for (std::int64_t window = 0; window < along.count; ++window)
    positions.push_back(std::clamp<std::int64_t>(window * along.stride - along.padding + offset, 0, along.length - 1));
  return positions;
}

/// The windows along one axis of an image.
class Along {
 public:
  Along(int axis, const PoolAxis& windows) : axis_(axis), length_(windows.length) {
    for (std::int64_t offset = 0; offset < windows.kernel; ++offset)
      positions_.push_back(positions_of(windows, offset));
  }

  Array fold(const Array& x, Array (*combine)(Operand, Operand)) const {
    Array folded = take(x, axis_, positions_[0]);
    for (std::size_t offset = 1; offset < positions_.size(); ++offset)
      folded = combine(folded, take(x, axis_, positions_[offset]));
    return folded;
  }
  /// The transpose of a sum, windows in order, as kernels add them up.
  Array spread(const Array& y) const {
    Array sum = put(y, axis_, positions_.back(), length_);
    for (std::size_t offset = positions_.size() - 1; offset-- > 0;)
      sum = sum + put(y, axis_, positions_[offset], length_);
    return sum;
  }

  /// For each number of a window but its first, whether it is larger than those before it, and the maximum.
  std::pair<std::vector<Array>, Array> compare(const Array& x) const {
    std::vector<Array> is_larger;
    Array largest = take(x, axis_, positions_[0]);
    for (std::size_t offset = 1; offset < positions_.size(); ++offset) {
      const Array next = take(x, axis_, positions_[offset]);
      is_larger.push_back((largest < next) + (1.0 - equal(next, next)));  // or NaN
      largest = where(is_larger.back(), next, largest);
    }
    return {is_larger, largest};
  }
  Array choose(const std::vector<Array>& is_larger, const Array& v) const {
    Array chosen = take(v, axis_, positions_[0]);
    for (std::size_t offset = 1; offset < positions_.size(); ++offset)
      chosen = where(is_larger[offset - 1], take(v, axis_, positions_[offset]), chosen);
    return chosen;
  }
  /// The transpose of choose.
  Array spread_chosen(const std::vector<Array>& is_larger, const Array& y) const {
    Array rest = y, sum;
    for (std::size_t offset = positions_.size(); offset-- > 1;) {
      const Array part = put(where(is_larger[offset - 1], rest, 0.0), axis_, positions_[offset], length_);
      sum = sum.is_empty() ? part : sum + part;
      rest = where(is_larger[offset - 1], 0.0, rest);
    }
    const Array first = put(rest, axis_, positions_[0], length_);
    return sum.is_empty() ? first : sum + first;
  }

 private:
  int axis_;
  std::int64_t length_;
  std::vector<Positions> positions_;  // by offset in a window
};

Array add(Operand x, Operand y) { return x + y; }

/// The same windows of an axis to which its padding belongs.
PoolAxis with_padding(PoolAxis along) {
  along.length += 2 * along.padding;
  along.padding = 0;
  return along;
}

/// Where the numbers of the axis stand on it.
Positions behind_padding(const PoolAxis& along) {
  Positions positions(static_cast<std::size_t>(along.length));
  std::iota(positions.begin(), positions.end(), along.padding);
  return positions;
}

/// Whether there is one window, and it is all of the axis.
bool is_whole(const PoolAxis& along) { return along.padding == 0 && along.kernel == along.length; }

Array composed_mean(Op op, const PoolGeometry& geometry, const Array& x) {
  const double share = 1 / static_cast<double>(geometry.window_size());
  if (is_whole(geometry.rows) && is_whole(geometry.columns)) {
    const std::int64_t channels = geometry.channels;
    if (op == Op::kAvgPool) return reshape(sum(sum(x, {2}), {1}) * share, {channels, 1, 1});
    return broadcast_to(x * share, {channels, geometry.rows.length, geometry.columns.length});
  }
  const Along down(1, with_padding(geometry.rows)), across(2, with_padding(geometry.columns));
  if (op == Op::kAvgPool) {
    const std::int64_t above = geometry.rows.padding, left = geometry.columns.padding;
    return down.fold(across.fold(pad(x, {{0, 0}, {above, above}, {left, left}}), add), add) * share;
  }
  const Array padded = down.spread(across.spread(x)) * share;
  return take(take(padded, 1, behind_padding(geometry.rows)), 2, behind_padding(geometry.columns));
}

Array composed_maximum(Op op, const PoolGeometry& geometry, const Array& x, const Array& other) {
  const Along down(1, geometry.rows), across(2, geometry.columns);
  if (op == Op::kMaxPool && x.node() == other.node()) return down.fold(across.fold(x, max), max);
  const auto [is_larger_across, rows] = across.compare(x);
  const auto [is_larger_down, largest] = down.compare(rows);
  if (op == Op::kMaxPool) return down.choose(is_larger_down, across.choose(is_larger_across, other));
  return across.spread_chosen(is_larger_across, down.spread_chosen(is_larger_down, other));
}

bool is_pool(const Node& node) { return info(node.op).family == OpFamily::kWindow; }

Array composed(const Node& node, std::span<const Array> operands) {
  std::vector<Shape> shapes;
  for (const Array& operand : operands) shapes.push_back(operand.shape());
  const PoolGeometry geometry = pool_geometry(node.op, shapes, node.indices, node.shape);
  return operands.size() == 1 ? composed_mean(node.op, geometry, operands[0])
                              : composed_maximum(node.op, geometry, operands[0], operands[1]);
}

}  // namespace

Function compose_pools(const Function& function) {
  if (std::ranges::none_of(function.nodes(), is_pool)) return function;
  GraphBuilder builder;
  const BuilderScope scope(builder);
  return rebuild_function(builder, function, [&](const Node& node, std::span<const Array> operands) {
    return is_pool(node) ? composed(node, operands) : append_copy(builder, node, operands);
  });
}

}  // namespace costate::internal
