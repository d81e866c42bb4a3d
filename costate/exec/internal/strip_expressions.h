// Members of a group of strips that are computed in one pass: sums, differences and products of which nothing else
// reads the parts. A part is then neither stored nor loaded.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/exec/kernels/expression.h"
#include "costate/plan/strips.h"

namespace costate::internal {

/// Source k of a member, as an operand of an expression.
struct StripOperand {
  std::size_t member = 0, source = 0;
};

/// What a member computes in place of its instruction; no steps: nothing else than that.
struct StripExpression {
  std::vector<ExpressionStep> steps = {};
  std::vector<StripOperand> operands = {};

  bool is_empty() const { return steps.empty(); }
};

/// A group, and the expression of each member. What an expression computes on its way is skipped.
struct BoundStrips {
  StripGroup group;
  std::vector<StripExpression> expressions;
};

/// The group of these instructions with the expressions that its members make.
BoundStrips with_expressions(StripGroup group, const std::vector<Instruction>& instructions, std::size_t lanes);

}  // namespace costate::internal
