// Products that take their bias and activation along: matmul -> add(shared bias) -> tanh becomes one instruction, and
// so does matmul -> times (1 - z²), which the derivative of z = tanh brings, as other activations bring theirs. And
// pairs of sums, differences and products, as in a x - b y: what a small field's instruction costs besides its
// arithmetic is most of it.
#pragma once

#include <vector>

#include "costate/plan/internal/placement.h"

namespace costate::internal {

struct Fusion {
  std::vector<NodeId> product;     // of the chain's last node: its matmul; -1 elsewhere
  std::vector<NodeId> bias;        // of the chain's last node: the bias; -1 if none
  std::vector<Epilogue> epilogue;  // of the chain's last node
  std::vector<NodeId> slope_of;  // of the chain's last node: z where it ends with the slope of an activation; -1 if not
  std::vector<NodeId> pair;      // of an elementwise node: the operand that it computes on its way; -1 if none
  std::vector<bool> is_inner;    // computed inside a chain or pair, never stored
};

Fusion fuse(const Function& function, const Placement& placement);

/// How often each node's value is read by needed nodes, outputs and accumulations.
std::vector<int> count_reads(const Function& function, const Placement& placement);

}  // namespace costate::internal
