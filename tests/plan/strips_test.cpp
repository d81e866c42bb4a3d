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
#include "costate/graph/pooling.h"
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
  for (std::size_t i = 0; i < groups[0].count; ++i)
    EXPECT_EQ(groups[0].members[i].is_passing(), plan.in(Phase::kForward)[i].out.region == Region::kScratch);
}

TEST(Strips, FewNumbersAreNotCut) { EXPECT_TRUE(strip_groups(plan_of(stencil, 1000), Phase::kForward).empty()); }

/// The members of the only group of a phase.
std::vector<StripMember> members_of(const Plan& plan, Phase phase) {
  const std::vector<StripGroup> groups = strip_groups(plan, phase);
  return groups.size() == 1 ? groups[0].members : std::vector<StripMember>();
}

TEST(Strips, WhatIsReadAheadIsComputedAhead) {
  const Plan plan = plan_of([](const Array& x) {
    const Array y = exp(x) * x;
    return sin(y.slice(40, kMany)) * y.slice(0, kMany - 40);  // of other rows of y
  });
  const std::vector<StripMember> members = members_of(plan, Phase::kForward);
  ASSERT_EQ(members.size(), 4U);
  EXPECT_GE(members[1].lead, 40);
  EXPECT_GE(members[1].kept, 40U);
  EXPECT_GE(members[1].capacity, 512U + 40U);
  EXPECT_EQ(members[0].lead, members[1].lead);
  EXPECT_EQ(members[3].sources[1].member, 1);
  EXPECT_EQ(members[3].sources[1].shift, 0);
  EXPECT_EQ(members[2].sources[0].shift, 40);
  EXPECT_FALSE(members[3].is_passing());
}

TEST(Strips, WhatIsReadFarAwayEndsAGroup) {
  constexpr std::int64_t kFar = 40'000;
  const Plan plan = plan_of(
      [](const Array& x) {
        const Array y = exp(x) * x;
        return sin(y.slice(kFar, 2 * kFar)) * y.slice(0, kFar);
      },
      2 * kFar);
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kForward);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_FALSE(groups[0].members[1].is_passing());  // y is read after its group
}

TEST(Strips, WhatASumReadsIsStored) {
  const Plan plan = plan_of([](const Array& x) { return sum(exp(x) * sin(x)); });
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kForward);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].count, 3U);
  EXPECT_TRUE(groups[0].members[0].is_passing());
  EXPECT_TRUE(groups[0].members[1].is_passing());
  EXPECT_FALSE(groups[0].members[2].is_passing());
}

TEST(Strips, CotangentsOfNeighboursAreSummedWhereTheyStand) {
  const Function stencil_of = trace([&](Array x) { return stencil(x) * x[0]; }, {{"x", {kMany}}});
  const Plan plan = lower(vjp(stencil_of), {.lanes = 1, .late_inputs = {1}});
  const std::vector<StripGroup> groups = strip_groups(plan, Phase::kReverse);
  ASSERT_FALSE(groups.empty());
  std::size_t scatters = 0, skipped = 0;
  for (std::size_t i = 0; i < groups.back().count; ++i) {
    if (plan.in(Phase::kReverse)[groups.back().first + i].kind != InstructionKind::kScatter) continue;
    ++scatters;
    skipped += groups.back().members[i].is_skipped ? 1 : 0;
  }
  EXPECT_GE(scatters, 3U);           // one a neighbour
  EXPECT_EQ(skipped + 1, scatters);  // what the others are added to
}

TEST(Strips, RowsWithPaddingGoThroughOneGroup) {
  constexpr std::int64_t kRows = 100, kColumns = 100, kPitch = kColumns + 2;
  const Function grid = trace(
      [&](Array x) {
        const Array wide = reshape(pad(reshape(x, {kRows, kColumns}), {{1, 1}, {1, 1}}), {(kRows + 2) * kPitch});
        const std::int64_t size = (kRows - 1) * kPitch + kColumns, first = kPitch + 1;
        const auto at = [&](std::int64_t shift) { return wide.slice(first + shift, first + shift + size); };
        const Array sums = at(1) + at(-1) + at(kPitch) * at(-kPitch) - 4.0 * at(0);
        std::vector<std::int64_t> points;
        for (std::int64_t i = 0; i < kRows * kColumns; ++i) points.push_back(i / kColumns * kPitch + i % kColumns);
        return gather(sums, points, {kRows * kColumns});
      },
      {{"x", {kRows * kColumns}}});
  const Plan plan = lower(grid, {.lanes = 1, .late_inputs = {}});
  const std::vector<StripMember> members = members_of(plan, Phase::kForward);
  ASSERT_EQ(members.size(), plan.in(Phase::kForward).size());
  EXPECT_GE(members[0].lead, 2 * kPitch + 1);                                 // the padded field
  EXPECT_EQ(plan.in(Phase::kForward).back().kind, InstructionKind::kGather);  // straight to the output
  EXPECT_EQ(plan.in(Phase::kForward).back().out.region, Region::kOutput);
}

}  // namespace
}  // namespace costate::internal
