// The shape rule of every operation of ops.def.
#pragma once

#include <span>
#include <vector>

#include "costate/array/shape.h"
#include "costate/graph/ops.h"

namespace costate::internal {

/// The result's shape. `target` is the wanted shape of operations that carry one (broadcast, reshape, gather, scatter,
/// conv2d_input, conv2d_weights, avg_pool_input).
/// ShapeError with the bare reason if operands do not fit; the caller adds operation, shapes and place.
Shape infer_shape(Op op, std::span<const Shape> shapes, const std::vector<std::int64_t>& indices, const Shape& target);

}  // namespace costate::internal
