// Minima that are known, and the first-order conditions of Karush, Kuhn and Tucker.
#include "costate/train/constrained.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "costate/graph/trace.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kNear = 1e-6;  // of points and multipliers, with violations of 1e-8

struct Found {
  HostArray x;
  ConstrainedMinimum minimum;
};

Found found_from(std::vector<double> start, const std::function<ConstrainedLoss(Array x)>& loss,
                 const ConstrainedOptions& options = {}) {
  Found found{.x = HostArray::vector(std::move(start)), .minimum = {.violation = 0}};
  found.minimum = minimize_constrained(found.x, constrained_problem(loss, found.x.shape()), options);
  return found;
}

/// x + y on the circle x^2 + y^2 = 2 (Nocedal and Wright 2006, example 12.1).
TEST(MinimizeConstrained, KeepsAnEquation) {
  const Found found = found_from({-0.5, -2.0}, [](Array x) -> ConstrainedLoss {
    return {sum(x), {.equations = reshape(sum(square(x)) - 2.0, {1})}};
  });
  EXPECT_NEAR(found.x.at(0), -1, kNear);
  EXPECT_NEAR(found.x.at(1), -1, kNear);
  EXPECT_NEAR(found.minimum.multipliers.lambda.equations.at(0), 0.5, kNear);
  EXPECT_LE(found.minimum.violation, 1e-8);
  EXPECT_LE(std::abs(found.minimum.constraints.equations.at(0)), 1e-8);
}

/// (x - 2)^2 + (y - 1)^2 within x^2 <= y and x + y <= 2: at (1, 1) both hold it with 2 / 3. A third limit is far away.
TEST(MinimizeConstrained, KeepsLimitsAndLeavesAloneThoseThatDoNotMatter) {
  const Found found = found_from({0.0, 0.0}, [](Array x) -> ConstrainedLoss {
    return {square(x[0] - 2.0) + square(x[1] - 1.0),
            {.limits = stack({square(x[0]) - x[1], x[0] + x[1] - 2.0, x[0] - 100.0})}};
  });
  EXPECT_NEAR(found.x.at(0), 1, kNear);
  EXPECT_NEAR(found.x.at(1), 1, kNear);
  const HostArray& lambda = found.minimum.multipliers.lambda.limits;
  EXPECT_NEAR(lambda.at(0), 2.0 / 3, kNear);
  EXPECT_NEAR(lambda.at(1), 2.0 / 3, kNear);
  EXPECT_EQ(lambda.at(2), 0);
}

/// The point of a line and a half-plane that is nearest to the origin, of three unknowns: x = (1, 1, 0) / 1 from
/// x + y + z = 2, z <= 0.
TEST(MinimizeConstrained, KeepsBoth) {
  const Found found = found_from({0.0, 0.5, 0.2}, [](Array x) -> ConstrainedLoss {
    return {0.5 * sum(square(x)), {.equations = reshape(sum(x) - 2.0, {1}), .limits = reshape(x[2], {1})}};
  });
  EXPECT_NEAR(found.x.at(0), 1, kNear);
  EXPECT_NEAR(found.x.at(1), 1, kNear);
  EXPECT_NEAR(found.x.at(2), 0, kNear);
  // grad f + lambda grad g = 0: 1 + l = 0, and 0 + l + m = 0.
  EXPECT_NEAR(found.minimum.multipliers.lambda.equations.at(0), -1, kNear);
  EXPECT_NEAR(found.minimum.multipliers.lambda.limits.at(0), 1, kNear);
}

TEST(MinimizeConstrained, WithoutConstraintsIsMinimize) {
  const Found found = found_from({3.0}, [](Array x) -> ConstrainedLoss { return {square(x[0] - 1.0)}; });
  EXPECT_NEAR(found.x.at(0), 1, kNear);
  EXPECT_EQ(found.minimum.rounds, 1);
  EXPECT_EQ(found.minimum.violation, 0);
}

TEST(MinimizeConstrained, SaysThatNoPointKeepsAllLimits) {
  const Found found = found_from({0.0},
                                 [](Array x) -> ConstrainedLoss {
                                   return {square(x[0]), {.limits = stack({x[0] + 1.0, 1.0 - x[0]})}};
                                 },
                                 {.rounds = 5});
  EXPECT_EQ(found.minimum.rounds, 5);
  EXPECT_GT(found.minimum.violation, 0.9);
}

TEST(MinimizeConstrained, CountsStepsThroughAllRounds) {
  std::vector<int> steps;
  const Found found = found_from(
      {-0.5, -2.0},
      [](Array x) -> ConstrainedLoss {
        return {sum(x), {.equations = reshape(sum(square(x)) - 2.0, {1})}};
      },
      {.rounds = 3, .each = {.steps = 4, .on_step = [&](int step, const HostArray&) { steps.push_back(step); }}});
  ASSERT_EQ(steps.size(), static_cast<std::size_t>(found.minimum.steps));
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], static_cast<int>(i) + 1);
}

TEST(MinimizeConstrained, RefusesWhatDoesNotFit) {
  const auto free = [](Array x) -> ConstrainedLoss { return {square(x[0])}; };
  EXPECT_ERROR(found_from({1.0}, free, {.rounds = -1}), InvalidArgument, "rounds must be 0 or more; got -1");
  EXPECT_ERROR(found_from({1.0}, free, {.penalty = 0}), InvalidArgument, "penalty must be positive; got 0");
  EXPECT_ERROR(found_from({1.0}, free, {.penalty_growth = 0.5}), InvalidArgument, "penalty_growth must be at least 1");
  EXPECT_ERROR(found_from({1.0},
                          [](Array x) -> ConstrainedLoss {
                            return {square(x[0]), {.limits = x[0]}};
                          }),
               ShapeError, "[augmented_lagrangian] limits must be a vector; got []");
  const auto traced = [](const Shape& lambda) {
    trace(
        [](Array x, Array of_g, Array penalty) {
          return augmented_lagrangian(sum(x),
                                      {.g = {.equations = x}, .lambda = {.equations = of_g}, .penalty = penalty});
        },
        {{"x", {2}}, {"lambda", lambda}, {"penalty", {}}});
  };
  EXPECT_NO_THROW(traced({2}));
  EXPECT_ERROR(traced({3}), ShapeError, "lambda of the equations must have their shape [2]; got [3]");
}

}  // namespace
}  // namespace costate
