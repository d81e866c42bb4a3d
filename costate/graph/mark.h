// An operation whose value is its first operand: what it says of that, only who differentiates looks at.
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

/// The function with the first operand of each GraphMark in its place, for who takes no more derivatives: the same
/// numbers, and equal values are one node again.
Function drop_marks(const Function& function);

}  // namespace costate
