// Pass 2: which nodes are shared by all samples, in which phase each is computed, and what parameter gradients add up.
#pragma once

#include <vector>

#include "costate/graph/graph.h"
#include "costate/graph/internal/per_node.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// One addend of a kSum output: sign times the node's value.
struct SumTerm {
  NodeId node = 0;
  double sign = 1.0;
};

struct Placement {
  PerNode<bool> is_shared;
  PerNode<Phase> phase;                     // kForward or kReverse; of sample values
  PerNode<bool> is_needed;                  // as a value in memory
  std::vector<std::vector<SumTerm>> terms;  // one list an output; empty for kSample outputs
};

Placement place(const Function& function, const PlanOptions& options);

/// A node of the form `A [m, k] · transpose(X [n, k])`: Outer(a, x), or Matmul(A, Transpose(X)). Its sum over the batch
/// is one product over lanes and k, so that no sample's own matrix is ever stored. The same holds for Conv2dWeights(x,
/// y), here without m, n and k. Not valid for any other node.
struct LaneProduct {
  NodeId left = -1;
  NodeId right = -1;
  std::size_t m = 0, n = 0, k = 0;
  bool is_valid() const { return left >= 0; }
};

LaneProduct lane_product(const Function& function, const PerNode<bool>& is_shared, NodeId node);

}  // namespace costate::internal
