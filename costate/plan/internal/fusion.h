// Which nodes become one instruction.
//
// A product takes its bias and activation along: matmul -> add(shared bias) -> tanh. So does matmul -> times (1 - z²),
// which the derivative of z = tanh brings, and as other activations bring theirs. And sums, differences and products
// are computed in pairs, as in a x - b y: in a small field, most of an instruction's cost is not its arithmetic. A sum
// -y + x is the difference x - y, whose bits it has.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/plan/internal/placement.h"

namespace costate::internal {

/// By node.
struct Fusion {
  explicit Fusion(NodeId num_nodes)
      : product(num_nodes, -1),
        bias(num_nodes, -1),
        epilogue(num_nodes, Epilogue::kNone),
        slope_of(num_nodes, -1),
        pair(num_nodes, -1),
        is_difference(num_nodes, false),
        is_inner(num_nodes, false) {}

  PerNode<NodeId> product;      // of the chain's last node: its matmul or convolution; -1 elsewhere
  PerNode<NodeId> bias;         // of the chain's last node: the bias; -1 if none
  PerNode<Epilogue> epilogue;   // of the chain's last node
  PerNode<NodeId> slope_of;     // of the chain's last node: z where it ends with the slope of an activation; -1 if not
  PerNode<NodeId> pair;         // of an elementwise node: the operand that it computes on its way; -1 if none
  PerNode<bool> is_difference;  // of a sum: whose first operand, a negation that nothing else reads, is taken off
  PerNode<bool> is_inner;       // computed inside a chain or pair, never stored
};

Fusion fuse(const Function& function, const Placement& placement);

/// How often each node's value is read by needed nodes, outputs and accumulations.
PerNode<int> count_reads(const Function& function, const Placement& placement);

}  // namespace costate::internal
