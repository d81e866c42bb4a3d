#include "costate/solve/control/initial_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace costate {
namespace {

constexpr double kRounding = 1e-15;

TEST(InitialStep, TrialIsAHundredthOfTheTimeScale) {
  EXPECT_NEAR(trial_step({.state = 4, .slope = 2}), 0.02, kRounding);
}

TEST(InitialStep, TrialIsTinyWhereANormSaysNothing) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(trial_step({.state = 0, .slope = 2}), 1e-6);
  EXPECT_EQ(trial_step({.state = 4, .slope = 9e-6}), 1e-6);
  EXPECT_EQ(trial_step({.state = 4, .slope = std::nan("")}), 1e-6);
  EXPECT_EQ(trial_step({.state = inf, .slope = inf}), 1e-6);
}

TEST(InitialStep, IsTheSmallerOfTwoBounds) {
  // (0.01 / max(2, 32))^(1/5) = (1/3200)^(1/5); 100 * 0.02 = 2 is larger.
  EXPECT_NEAR(initial_step(0.02, {.slope = 2, .curvature = 32}, 5), std::pow(1.0 / 3200, 0.2), kRounding);
  // 100 * 1e-5 is smaller than (0.01 / 2)^(1/5) = 0.35.
  EXPECT_NEAR(initial_step(1e-5, {.slope = 2, .curvature = 1}, 5), 1e-3, kRounding);
}

TEST(InitialStep, FlatFieldTakesATinyStep) {
  EXPECT_EQ(initial_step(1e-6, {.slope = 0, .curvature = 0}, 5), 1e-6);
  EXPECT_NEAR(initial_step(0.1, {.slope = 0, .curvature = 1e-16}, 5), 1e-4, kRounding);
}

TEST(InitialStep, NonFiniteProbeShrinksTheTrial) {
  EXPECT_EQ(initial_step(1, {.slope = 1, .curvature = std::nan("")}, 5), 1e-3);
}

}  // namespace
}  // namespace costate
