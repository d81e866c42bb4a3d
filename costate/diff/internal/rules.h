// The derivative rules, by family. Each has the form "derivative times direction": fed a cotangent it gives the
// operand's cotangent, and for elementwise operations, whose Jacobian is diagonal, fed a tangent it gives the result's
// tangent.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// An empty Array stands for a zero that is never computed.
using MaybeArray = Array;

/// Elementwise operations: d result / d operand i, times direction.
MaybeArray elementwise_partial(Op op, std::size_t i, std::span<const Array> operands, const Array& result,
                               const Array& direction);

/// Structure, reductions, products and windows: cotangent of operand i.
MaybeArray transposed_partial(const Node& node, std::size_t i, std::span<const Array> operands, const Array& result,
                              const Array& cotangent);

/// Structure, reductions, products and windows: tangent of the result from the operands' tangents (empty: none).
MaybeArray forward_tangent(const Node& node, std::span<const Array> operands, const Array& result,
                           std::span<const MaybeArray> tangents);

}  // namespace costate::internal
