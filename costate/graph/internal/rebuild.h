// A function made anew, node by node: what passes over whole functions share.
#pragma once

#include <functional>
#include <span>

#include "costate/graph/graph.h"
#include "costate/graph/internal/builder.h"

namespace costate::internal {

/// The node itself, of other operands.
Array append_copy(GraphBuilder& builder, Node node, std::span<const Array> operands);

/// What `builder` holds, as a function whose outputs are of the names and kinds of `like`'s.
Function finish_like(GraphBuilder& builder, const Function& like, std::span<const Array> outputs);

/// `function` with the same inputs and outputs in `builder`, which holds nothing yet; every other node is what `make`
/// gives for it and its operands there.
Function rebuild_function(GraphBuilder& builder, const Function& function,
                          const std::function<Array(const Node&, std::span<const Array>)>& make);

}  // namespace costate::internal
