// Structure, reductions, products and windows: linear in each operand, so the tangent is the operation itself and the
// cotangent its transpose.
#include <numeric>

#include "costate/base/error.h"
#include "costate/diff/internal/rules.h"
#include "costate/graph/internal/builder.h"

namespace costate::internal {
namespace {

/// Sums a cotangent over the axes that broadcasting made or stretched.
Array sum_to(const Array& a, const Shape& shape) {
  std::vector<std::int64_t> axes;
  const int extra = a.shape().rank() - shape.rank();
  for (int axis = 0; axis < a.shape().rank(); ++axis)
    if (axis < extra || (shape[axis - extra] == 1 && a.shape()[axis] != 1)) axes.push_back(axis);
  return reshape(sum(a, axes), shape);
}

/// Puts a reduced value back over the axes that the reduction removed.
Array spread_over(const Array& reduced, const Node& node, const Shape& shape) {
  std::vector<std::int64_t> axes = shape.axes();
  for (const std::int64_t axis : node.indices) axes[static_cast<std::size_t>(axis)] = 1;
  return broadcast_to(reshape(reduced, Shape(axes)), shape);
}

std::vector<std::int64_t> inverse(const std::vector<std::int64_t>& permutation) {
  std::vector<std::int64_t> result(permutation.size());
  for (std::size_t i = 0; i < permutation.size(); ++i)
    result[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  return result;
}

/// The part of a cotangent that belongs to operand i of a concat.
Array concat_part(const Node& node, std::size_t i, std::span<const Array> operands, const Array& a) {
  const auto axis = static_cast<std::size_t>(node.indices[0]);
  std::int64_t outer = 1, inner = 1, start = 0;
  for (std::size_t k = 0; k < node.shape.axes().size(); ++k)
    if (k != axis) (k < axis ? outer : inner) *= node.shape.axes()[k];
  for (std::size_t k = 0; k < i; ++k) start += operands[k].shape().axes()[axis];
  const std::int64_t length = operands[i].shape().axes()[axis];
  std::vector<std::int64_t> positions;
  for (std::int64_t row = 0; row < outer; ++row)
    for (std::int64_t k = 0; k < length * inner; ++k)
      positions.push_back((row * node.shape.axes()[axis] + start) * inner + k);
  return gather(a, std::move(positions), operands[i].shape());
}

/// 1 where an element is the extreme one of its group, ties sharing it evenly.
Array extreme_weights(const Node& node, const Array& x, const Array& result) {
  const Array hit = equal(x, spread_over(result, node, x.shape()));
  return hit / spread_over(sum(hit, node.indices), node, x.shape());
}

Array matmul_partial(bool first, const Array& x, const Array& y, const Array& a) {
  const int left = x.shape().rank();
  const int right = y.shape().rank();
  if (left == 1 && right == 1) return a * (first ? y : x);
  if (left == 2 && right == 1) return first ? outer(a, y) : matmul(transpose(x), a);
  if (left == 1 && right == 2) return first ? matmul(y, a) : outer(x, a);
  return first ? matmul(a, transpose(y)) : matmul(transpose(x), a);
}

/// One of the three convolutions, with the attributes of another.
Array convolution(Op op, const Node& like, const Array& first, const Array& second, const Shape& shape) {
  const Array operands[] = {first, second};
  return append_op(op, operands, std::source_location::current(), like.indices, shape);
}

/// From the sum of x w y over what meets: of the two that are not operand i, one is the result, for which the cotangent
/// comes in.
Array convolution_partial(const Node& node, std::size_t i, const Array& x, const Array& y, const Array& a) {
  const Array& other = i == 0 ? y : x;
  const Shape& shape = (i == 0 ? x : y).shape();
  switch (node.op) {
    case Op::kConv2d:  // x, w
      return i == 0 ? convolution(Op::kConv2dInput, node, a, other, shape)
                    : convolution(Op::kConv2dWeights, node, other, a, shape);
    case Op::kConv2dInput:  // y, w
      return i == 0 ? convolution(Op::kConv2d, node, a, other, shape)
                    : convolution(Op::kConv2dWeights, node, a, other, shape);
    default:  // x, y
      return i == 0 ? convolution(Op::kConv2dInput, node, other, a, shape)
                    : convolution(Op::kConv2d, node, other, a, shape);
  }
}

/// One of the four pools, with the attributes of another.
Array pool(Op op, const Node& like, std::span<const Array> operands, const Shape& shape) {
  return append_op(op, operands, std::source_location::current(), like.indices, shape);
}

/// The two that choose by x, at the place of their second operand.
Array chosen_pool(Op op, const Node& like, const Array& x, const Array& a, const Shape& shape) {
  const Array operands[] = {x, a};
  return pool(op, like, operands, shape);
}

}  // namespace

MaybeArray transposed_partial(const Node& node, std::size_t i, std::span<const Array> operands, const Array& result,
                              const Array& a) {
  const Array& x = operands[0];
  switch (node.op) {
    case Op::kBroadcast:
      return sum_to(a, x.shape());
    case Op::kReshape:
      return reshape(a, x.shape());
    case Op::kTranspose:
      return transpose(a, inverse(node.indices));
    case Op::kGather:
      return scatter(a, node.indices, x.shape());
    case Op::kScatter:
      return gather(a, node.indices, x.shape());
    case Op::kConcat:
      return concat_part(node, i, operands, a);
    case Op::kSum:
      return spread_over(a, node, x.shape());
    case Op::kReduceMin:
    case Op::kReduceMax:
      return spread_over(a, node, x.shape()) * extreme_weights(node, x, result);
    case Op::kMatmul:
      return matmul_partial(i == 0, x, operands[1], a);
    case Op::kOuter:
      return i == 0 ? matmul(a, operands[1]) : matmul(x, a);
    case Op::kConv2d:
    case Op::kConv2dInput:
    case Op::kConv2dWeights:
      return convolution_partial(node, i, x, operands[1], a);
    case Op::kAvgPool:
      return pool(Op::kAvgPoolInput, node, {&a, 1}, x.shape());
    case Op::kAvgPoolInput:
      return pool(Op::kAvgPool, node, {&a, 1}, x.shape());
    case Op::kMaxPool:
      return i == 0 ? MaybeArray() : chosen_pool(Op::kMaxPoolInput, node, x, a, x.shape());
    case Op::kMaxPoolInput:
      return i == 0 ? MaybeArray() : chosen_pool(Op::kMaxPool, node, x, a, operands[1].shape());
    default:
      COSTATE_CHECK(false, "no transposed rule for ", info(node.op).name);
      return {};
  }
}

MaybeArray forward_tangent(const Node& node, std::span<const Array> operands, const Array& result,
                           std::span<const MaybeArray> tangents) {
  const auto tangent = [&](std::size_t i) { return tangents[i].is_empty() ? zeros(operands[i].shape()) : tangents[i]; };
  switch (node.op) {
    case Op::kBroadcast:
      return broadcast_to(tangent(0), node.shape);
    case Op::kReshape:
      return reshape(tangent(0), node.shape);
    case Op::kTranspose:
      return transpose(tangent(0), node.indices);
    case Op::kGather:
      return gather(tangent(0), node.indices, node.shape);
    case Op::kScatter:
      return scatter(tangent(0), node.indices, node.shape);
    case Op::kConcat: {
      std::vector<Array> parts;
      for (std::size_t i = 0; i < operands.size(); ++i) parts.push_back(tangent(i));
      return concat(parts, static_cast<int>(node.indices[0]));
    }
    case Op::kSum:
      return sum(tangent(0), node.indices);
    case Op::kReduceMin:
    case Op::kReduceMax:
      return sum(tangent(0) * extreme_weights(node, operands[0], result), node.indices);
    case Op::kMatmul:
      return matmul(tangent(0), operands[1]) + matmul(operands[0], tangent(1));
    case Op::kOuter:
      return outer(tangent(0), operands[1]) + outer(operands[0], tangent(1));
    case Op::kConv2d:
    case Op::kConv2dInput:
    case Op::kConv2dWeights:
      return convolution(node.op, node, tangent(0), operands[1], node.shape) +
             convolution(node.op, node, operands[0], tangent(1), node.shape);
    case Op::kAvgPool:
    case Op::kAvgPoolInput:
      return pool(node.op, node, {{tangent(0)}}, node.shape);
    case Op::kMaxPool:
    case Op::kMaxPoolInput:
      return tangents[1].is_empty() ? MaybeArray() : chosen_pool(node.op, node, operands[0], tangents[1], node.shape);
    default:
      COSTATE_CHECK(false, "no forward rule for ", info(node.op).name);
      return {};
  }
}

}  // namespace costate::internal
