// Which instructions run together a strip at a time, and which of their results are stored.
#include "costate/plan/strips.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/graph/array.h"
#include "costate/graph/trace.h"

namespace costate::internal {
namespace {

constexpr std::int64_t kMany = 10'000;

Plan plan_of(const std::function<Array(const Array&)>& f, std::int64_t numbers = kMany) {
  return lower(trace([&](Array x) { return f(x); }, {{"x", {numbers}}}), {.lanes = 1, .late_inputs = {}});
}

/// u_xx - u u_x of differences.
Array stencil(const Array& u) {
  const std::int64_t inner = u.shape().size() - 2;
  const Array left = u.slice(0, inner), middle = u.slice(1, inner + 1), right = u.slice(2, inner + 2);
  return left + right - 2.0 * middle - middle * (right - left);
}

TEST(Strips, AStencilIsOneGroupThatStoresItsResultAlone) {
  const Plan plan = plan_of(stencil);
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kForward);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].first, 0U);
  EXPECT_EQ(groups[0].count, plan.in(Phase::kForward).size());
  for (const Instruction& instruction : plan.in(Phase::kForward))
    EXPECT_EQ(groups[0].is_passing(instruction.out), instruction.out.region == Region::kScratch);
}

TEST(Strips, FewNumbersAreNotCut) { EXPECT_TRUE(strip_groups(plan_of(stencil, 1000), Phase::kForward).empty()); }

TEST(Strips, NeighboursOfWhatIsComputedEndAGroup) {
  const Plan plan = plan_of([](const Array& x) {
    const Array y = exp(x) * x;
    return sin(y.slice(1, kMany)) * y.slice(0, kMany - 1);  // of other rows of y
  });
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kForward);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 2U);
  EXPECT_FALSE(groups[0].is_passing(plan.in(Phase::kForward)[1].out));  // y is read after its group
  EXPECT_EQ(groups[1].first, 2U);
}

TEST(Strips, WhatASumReadsIsStored) {
  const Plan plan = plan_of([](const Array& x) { return sum(exp(x) * sin(x)); });
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kForward);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].count, 3U);
  const auto& instructions = plan.in(Phase::kForward);
  EXPECT_FALSE(groups[0].is_passing(instructions[2].out));
  for (const Slot& slot : groups[0].passing) EXPECT_FALSE(slot == instructions[2].out);
  EXPECT_EQ(groups[0].passing.size(), 1U);  // the product takes the place of one of its factors
}

TEST(Strips, CotangentsOfNeighboursStandTogether) {
  const Function stencil_of = trace([&](Array x) { return stencil(x) * x[0]; }, {{"x", {kMany}}});
  const Plan plan = lower(vjp(stencil_of), {.lanes = 1, .late_inputs = {1}});
  const auto& instructions = plan.in(Phase::kReverse);
  const auto is_large_scatter = [](const Instruction& instruction) {
    return instruction.kind == InstructionKind::kScatter && may_strip(instruction, 1);
  };
  const auto first = std::ranges::find_if(instructions, is_large_scatter);
  EXPECT_GE(std::ranges::count_if(instructions, is_large_scatter), 3);  // one a neighbour
  // From the first one on there is nothing but sums of them.
  for (auto at = first; at != instructions.end(); ++at) EXPECT_EQ(at->rows, static_cast<std::size_t>(kMany));
}

}  // namespace
}  // namespace costate::internal
