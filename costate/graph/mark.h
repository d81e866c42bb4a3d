// An operation whose value is its first operand; only differentiation looks at its other operands.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/extension.h"
#include "costate/graph/graph.h"

namespace costate {

/// No plan has it: lower() drops it.
class GraphMark : public Extension {
 public:
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override { return operands[0]; }
};

/// The function with the first operand of each GraphMark in its place, for callers that take no more derivatives: the
/// same numbers, and equal values are one node again.
Function drop_marks(const Function& function);

}  // namespace costate
