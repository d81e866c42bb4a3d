// Shape rules, one a family. They run while user code is traced, so their messages speak to the user: which operation,
// which shapes made by which operations, and the line.
#include "costate/graph/internal/infer.h"

#include <algorithm>
#include <numeric>

#include "costate/base/error.h"
#include "costate/graph/extension.h"
#include "costate/graph/internal/convolution.h"
#include "costate/graph/internal/pooling.h"

namespace costate::internal {
namespace {

/// Axes of nodes count from the front: what reads a node does not normalize them again.
void check_axis(const Shape& shape, std::int64_t axis) {
  if (axis < 0 || axis >= shape.rank()) throw ShapeError("axis ", axis, " is none of ", shape);
}

Shape remove_axes(const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::vector<bool> removed(static_cast<std::size_t>(shape.rank()), false);
  for (const std::int64_t axis : axes) {
    check_axis(shape, axis);
    const auto at = static_cast<std::size_t>(axis);
    if (removed[at]) throw ShapeError("axis ", axis, " is listed twice");
    removed[at] = true;
  }
  std::vector<std::int64_t> kept;
  for (std::size_t axis = 0; axis < removed.size(); ++axis)
    if (!removed[axis]) kept.push_back(shape.axes()[axis]);
  return Shape(std::move(kept));
}

Shape infer_matmul(const Shape& left, const Shape& right) {
  if (left.rank() < 1 || left.rank() > 2 || right.rank() < 1 || right.rank() > 2)
    throw ShapeError("operands must be vectors or matrices");
  if (left[-1] != right[0]) throw ShapeError("the inner lengths ", left[-1], " and ", right[0], " must agree");
  std::vector<std::int64_t> axes;
  if (left.rank() == 2) axes.push_back(left[0]);
  if (right.rank() == 2) axes.push_back(right[1]);
  return Shape(std::move(axes));
}

Shape infer_transpose(const Shape& shape, const std::vector<std::int64_t>& axes) {
  std::vector<std::int64_t> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> expected(static_cast<std::size_t>(shape.rank()));
  std::iota(expected.begin(), expected.end(), std::int64_t{0});
  if (sorted != expected) throw ShapeError("axes [", text::join(axes), "] must be a permutation of the axes");
  std::vector<std::int64_t> result;
  for (const std::int64_t axis : axes) result.push_back(shape.axes()[static_cast<std::size_t>(axis)]);
  return Shape(std::move(result));
}

Shape infer_concat(std::span<const Shape> shapes, std::int64_t axis) {
  if (shapes.empty()) throw ShapeError("at least one operand is needed");
  check_axis(shapes[0], axis);
  std::vector<std::int64_t> axes = shapes[0].axes();
  const auto along = static_cast<std::size_t>(axis);
  for (const Shape& shape : shapes.subspan(1)) {
    if (shape.rank() != shapes[0].rank()) throw ShapeError("operands must have equal rank");
    for (std::size_t i = 0; i < axes.size(); ++i)
      if (i != along && shape.axes()[i] != axes[i]) throw ShapeError("operands must agree except along axis ", axis);
    axes[along] += shape.axes()[along];
  }
  return Shape(std::move(axes));
}

void check_positions(const std::vector<std::int64_t>& positions, std::int64_t count, std::int64_t limit) {
  if (static_cast<std::int64_t>(positions.size()) != count)
    throw ShapeError("needs ", count, " positions, got ", positions.size());
  for (const std::int64_t position : positions)
    if (position < 0 || position >= limit) throw ShapeError("position ", position, " lies outside [0, ", limit, ")");
}

Shape infer(Op op, std::span<const Shape> shapes, const std::vector<std::int64_t>& indices, const Shape& target) {
  switch (op) {
    case Op::kBroadcast:
      if (!(broadcast_shapes(shapes[0], target) == target)) throw ShapeError("cannot broadcast to ", target);
      return target;
    case Op::kReshape:
      if (shapes[0].size() != target.size()) throw ShapeError("cannot reshape to ", target);
      return target;
    case Op::kTranspose:
      return infer_transpose(shapes[0], indices);
    case Op::kGather:
      check_positions(indices, target.size(), shapes[0].size());
      return target;
    case Op::kScatter:
      check_positions(indices, shapes[0].size(), target.size());
      return target;
    case Op::kConcat:
      COSTATE_CHECK(indices.size() == 1, "concat has one axis");
      return infer_concat(shapes, indices[0]);
    case Op::kSum:
      return remove_axes(shapes[0], indices);
    case Op::kReduceMin:
    case Op::kReduceMax: {
      Shape reduced = remove_axes(shapes[0], indices);
      if (shapes[0].size() == 0 && reduced.size() > 0) throw ShapeError("of no numbers there is none");
      return reduced;
    }
    case Op::kMatmul:
      return infer_matmul(shapes[0], shapes[1]);
    case Op::kOuter:
      if (shapes[0].rank() != 1 || shapes[1].rank() != 1) throw ShapeError("operands must be vectors");
      return Shape{shapes[0][0], shapes[1][0]};
    case Op::kConv2d:
    case Op::kConv2dInput:
    case Op::kConv2dWeights:
      return conv_shape(op, conv_geometry(op, shapes, indices, target));
    case Op::kAvgPool:
    case Op::kAvgPoolInput:
    case Op::kMaxPool:
    case Op::kMaxPoolInput:
      return pool_shape(op, pool_geometry(op, shapes, indices, target));
    default:
      COSTATE_CHECK(is_elementwise(op), "no shape rule for ", info(op).name);
      for (const Shape& shape : shapes.subspan(1))
        COSTATE_CHECK(shape == shapes[0], "elementwise operands must be broadcast first");
      return shapes[0];
  }
}

}  // namespace

Shape infer_shape(Op op, std::span<const Shape> shapes, const std::vector<std::int64_t>& indices, const Shape& target) {
  const int arity = info(op).arity;
  COSTATE_CHECK(arity < 0 || static_cast<std::size_t>(arity) == shapes.size(), info(op).name, " takes ", arity,
                " operands");
  return infer(op, shapes, indices, target);
}

}  // namespace costate::internal
