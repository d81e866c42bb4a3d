#include "costate/train/minimize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// Rosenbrock's valley, whose lowest point is (1, 1).
Evaluation valley(const HostArray& at) {
  const double x = at.at(0), y = at.at(1), a = 1 - x, b = y - x * x;
  return {.loss = a * a + 100 * b * b, .gradients = {HostArray::vector({-2 * a - 400 * x * b, 200 * b})}};
}

TEST(Minimize, EndsAtTheLowestPoint) {
  HostArray x = HostArray::vector({-1.2, 1.0});
  std::vector<int> steps;
  const int taken = minimize(x, valley, {.on_step = [&](int step, const HostArray&) { steps.push_back(step); }});
  EXPECT_NEAR(x.at(0), 1, 1e-7);
  EXPECT_NEAR(x.at(1), 1, 1e-7);
  EXPECT_LT(taken, 100);  // it knows that it is there
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(taken));
  EXPECT_EQ(steps.front(), 1);
}

TEST(Minimize, TakesNoMoreStepsThanItMay) {
  HostArray x = HostArray::vector({-1.2, 1.0});
  EXPECT_EQ(minimize(x, valley, {.steps = 3}), 3);
  const HostArray before = x;
  EXPECT_EQ(minimize(x, valley, {.steps = 0}), 0);
  EXPECT_TRUE(x.same_bits(before));
}

/// x - log(x), which there is none of below 0; the first move would go there.
TEST(Minimize, StaysWhereThereIsALoss) {
  HostArray x = HostArray::vector({1e-3});
  minimize(x, [](const HostArray& at) {
    const double here = at.at(0);
    const bool is_there = here > 0;
    return Evaluation{.loss = is_there ? here - std::log(here) : std::numeric_limits<double>::infinity(),
                      .gradients = {HostArray::vector({is_there ? 1 - 1 / here : 0})}};
  });
  EXPECT_NEAR(x.at(0), 1, 1e-7);
}

TEST(Minimize, RefusesOtherOptions) {
  HostArray x = HostArray::vector({-1.2, 1.0});
  EXPECT_ERROR(minimize(x, valley, {.steps = -1}), InvalidArgument, "[minimize] steps must be 0 or more; got -1");
  const auto other = [](const HostArray&) { return Evaluation{.gradients = {HostArray::vector({1.0})}}; };
  EXPECT_ERROR(minimize(x, other), ShapeError, "");
}

}  // namespace
}  // namespace costate
