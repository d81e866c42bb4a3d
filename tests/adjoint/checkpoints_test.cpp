// How many steps a reverse sweep takes again where the states outgrow the memory budget: as many as the best schedule.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "costate/adjoint/internal/binomial_checkpoints.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

using Count = std::size_t;

/// The fewest steps from which the states before `count` steps are had, last first, with so many kept at most: by
/// trying all schedules.
Count fewest(Count count, Count slots, std::map<std::pair<Count, Count>, Count>& known) {
  if (count <= 1) return 0;
  if (slots == 1) return count * (count - 1) / 2;
  if (const auto found = known.find({count, slots}); found != known.end()) return found->second;
  Count least = count * count;
  for (Count m = 1; m < count; ++m)
    least = std::min(least, m + fewest(count - m, slots - 1, known) + fewest(m, slots, known));
  return known[{count, slots}] = least;
}

Count fewest(Count count, Count slots) {
  std::map<std::pair<Count, Count>, Count> known;
  return fewest(count, slots, known);
}

/// The formula of Griewank and Walther.
Count by_formula(Count count, Count slots) {
  if (count <= 1) return 0;
  Count repeats = 1;
  while (internal::binomial_reach(slots, repeats) < count) ++repeats;
  return repeats * count - internal::binomial_reach(slots + 1, repeats - 1);
}

TEST(BinomialCheckpoints, EveryAdvanceIsOneOfABestSchedule) {
  for (Count slots = 2; slots <= 6; ++slots)
    for (Count count = 2; count <= 70; ++count) {
      const Count m = internal::binomial_advance(count, slots);
      ASSERT_TRUE(m >= 1 && m < count) << count << " states, " << slots << " slots";
      EXPECT_EQ(m + fewest(count - m, slots - 1) + fewest(m, slots), fewest(count, slots));
      EXPECT_EQ(by_formula(count, slots), fewest(count, slots));
    }
}

TEST(BinomialCheckpoints, ReachDoesNotOverflow) {
  EXPECT_EQ(internal::binomial_reach(3, 2), 10U);
  EXPECT_EQ(internal::binomial_reach(1000, 3), 167'668'501U);
  EXPECT_EQ(internal::binomial_reach(1'000'000, 50), std::numeric_limits<Count>::max());
  EXPECT_EQ(internal::binomial_advance(1'000'000, 10'000'000), 1U);
}

/// Evaluations on the way back through so many steps of one number.
std::int64_t evaluations_back(int num_steps, std::size_t bytes) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return sin(z); });
  const Function loss = trace(
      [&](Array z0) {
        return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                         {.method = Method::kRk4, .steps_per_interval = num_steps, .memory_budget = bytes})[1]);
      },
      {{"z0", {1}}});
  return compile(value_and_grad(loss)).run({row({0.5})}).report.nfe_backward;
}

TEST(Checkpoints, StatesBetweenRecordedOnesTakeTheFewestSteps) {
  const int num_evaluations = tableau(Method::kRk4).num_stages - 1;
  for (const Count kept : {1, 3, 7})
    for (const int num_steps : {20, 200, 1000}) {
      const std::size_t bytes = kept * 4 * sizeof(double);  // a quarter is for states of the way back, half is recorded
      Count stride = 1;
      while ((static_cast<Count>(num_steps) + stride - 1) / stride > 2 * kept) stride *= 2;
      Count expected = 0;
      for (Count first = 0; first < static_cast<Count>(num_steps); first += stride)
        expected += by_formula(std::min(stride, static_cast<Count>(num_steps) - first), 1 + kept);
      const std::int64_t again = evaluations_back(num_steps, bytes) - evaluations_back(num_steps, std::size_t{1} << 28);
      EXPECT_EQ(again, num_evaluations * static_cast<std::int64_t>(expected)) << kept << " kept, " << num_steps;
    }
}

}  // namespace
}  // namespace costate
