// What inputs reach in a graph.
#pragma once

#include <cstddef>

#include "costate/graph/internal/per_node.h"

namespace costate::internal {

/// Which nodes are computed from an input at the positions first … end - 1, through whatever operations.
inline PerNode<bool> reached_from(const Function& function, std::size_t first, std::size_t end) {
  PerNode<bool> reached(num_nodes(function));
  for (NodeId id = 0; id < num_nodes(function); ++id) {
    const Node& node = function.node(id);
    if (node.op == Op::kInput) {
      const auto input = static_cast<std::size_t>(node.indices[0]);
      reached[id] = first <= input && input < end;
    }
    for (const NodeId operand : node.operands) reached[id] = reached[id] || reached[operand];
  }
  return reached;
}

/// Which nodes are the same for all samples: of inputs that are, through operations other than extensions.
inline PerNode<bool> shared_by_samples(const Function& function) {
  PerNode<bool> shared(num_nodes(function));
  for (NodeId id = 0; id < num_nodes(function); ++id) {
    const Node& node = function.node(id);
    shared[id] = node.op != Op::kExtension;
    if (node.op == Op::kInput)
      shared[id] = function.inputs()[static_cast<std::size_t>(node.indices[0])].kind == InputKind::kShared;
    for (const NodeId operand : node.operands) shared[id] = shared[id] && shared[operand];
  }
  return shared;
}

}  // namespace costate::internal
