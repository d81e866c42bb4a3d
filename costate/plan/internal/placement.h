// Pass 2: which nodes are shared by all samples, in which phase each is computed, and what parameter gradients add up.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/graph/graph.h"
#include "costate/plan/plan.h"

namespace costate::internal {

/// One addend of a kSum output.
struct SumTerm {
  NodeId node = 0;
  double sign = 1.0;
};

struct Placement {
  std::vector<bool> is_shared;
  std::vector<std::uint8_t> phase;          // 0 forward, 1 reverse; of sample values
  std::vector<bool> is_needed;              // as a value in memory
  std::vector<std::vector<SumTerm>> terms;  // one list an output; empty for kSample outputs
};

Placement place(const Function& function, const PlanOptions& options);

/// The form `A [m, k] · transpose(X [n, k])` of a node that an accumulation computes as one product over lanes (and k),
/// so that the node itself never exists: Outer(a, x), or Matmul(A, Transpose(X)).
struct LaneProduct {
  NodeId left = -1;
  NodeId right = -1;
  std::size_t m = 0, n = 0, k = 0;
  bool is_valid() const { return left >= 0; }
};

LaneProduct lane_product(const Function& function, const std::vector<bool>& is_shared, NodeId node);

}  // namespace costate::internal
