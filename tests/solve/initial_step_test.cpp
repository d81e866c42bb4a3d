#include "costate/solve/control/initial_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace costate {
namespace {

constexpr double kStepRounding = 1e-15;

double first_step(double trial, const InitialNorms& norms, const Tableau& pair) {
  return initial_step(trial, norms, pair, FirstStep::kOfMethod);
}

TEST(InitialStep, TrialIsAHundredthOfTheTimeScale) {
  EXPECT_NEAR(trial_step({.state = 4, .slope = 2}), 0.02, kStepRounding);
}

TEST(InitialStep, TrialIsTinyWhereANormSaysNothing) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(trial_step({.state = 0, .slope = 2}), 1e-6);
  EXPECT_EQ(trial_step({.state = 4, .slope = 9e-6}), 1e-6);
  EXPECT_EQ(trial_step({.state = 4, .slope = std::nan("")}), 1e-6);
  EXPECT_EQ(trial_step({.state = inf, .slope = inf}), 1e-6);
}

TEST(InitialStep, MeetsTheErrorThatTheMethodWouldEstimate) {
  const Tableau& dopri5 = tableau(Method::kDopri5);
  // A field that changes at rate 16: the fifth derivative is 2 * 16^4.
  const double h = first_step(0.02, {.slope = 2, .curvature = 32}, dopri5);
  EXPECT_NEAR(dopri5.error_constant * std::pow(h, 5) * 2 * std::pow(16, 4), 0.003, 1e-15);
}

// On y' = rate y the assumption about the derivatives holds: the first step's error estimate is what was asked for.
TEST(InitialStep, FirstErrorOfALinearField) {
  for (const Method method : explicit_methods()) {
    const Tableau& pair = tableau(method);
    if (!pair.has_error_estimate()) continue;
    const double tolerance = 1e-6, rate = -3;  // y0 = 1, scale = tolerance
    const double trial = trial_step({.state = 1 / tolerance, .slope = 3 / tolerance});
    const double h = first_step(trial, {.slope = 3 / tolerance, .curvature = 9 / tolerance}, pair);
    std::vector<double> slopes;
    for (int i = 0; i < pair.num_stages; ++i) {
      double y = 1;
      for (int j = 0; j < i; ++j)
        y += h * pair.a_row(i)[static_cast<std::size_t>(j)] * slopes[static_cast<std::size_t>(j)];
      slopes.push_back(rate * y);
    }
    const auto estimate = [&](std::span<const double> e) {
      double error = 0;
      for (std::size_t i = 0; i < e.size(); ++i) error += h * e[i] * slopes[i];
      return error;
    };
    double error = estimate(pair.e);
    if (pair.has_second_companion())
      error = std::sqrt(companion_square(error * error, estimate(pair.e_low) * estimate(pair.e_low)));
    // Of the error's terms the constant knows the one of quadrature.
    EXPECT_GT(std::abs(error) / tolerance, 1e-4) << pair.name;
    EXPECT_LT(std::abs(error) / tolerance, 1) << pair.name;
  }
}

TEST(InitialStep, IsAtMostTheTimeScaleOfTheState) {
  EXPECT_NEAR(first_step(1e-5, {.slope = 2, .curvature = 1}, tableau(Method::kDopri5)), 1e-3, kStepRounding);
  // A slope that does not change allows any step.
  EXPECT_NEAR(first_step(1e-5, {.slope = 2, .curvature = 0}, tableau(Method::kDopri5)), 1e-3, kStepRounding);
}

TEST(InitialStep, FlatFieldTakesATinyStep) {
  EXPECT_EQ(first_step(1e-6, {.slope = 0, .curvature = 0}, tableau(Method::kDopri5)), 1e-6);
  EXPECT_NEAR(first_step(0.1, {.slope = 1e-16, .curvature = 0}, tableau(Method::kDopri5)), 1e-4, kStepRounding);
}

TEST(InitialStep, NonFiniteProbeShrinksTheTrial) {
  EXPECT_EQ(first_step(1, {.slope = 1, .curvature = std::nan("")}, tableau(Method::kDopri5)), 1e-3);
}

TEST(InitialStep, HairersGoesByTheLargerNorm) {
  const Tableau& dopri5 = tableau(Method::kDopri5);
  for (const InitialNorms& norms :
       {InitialNorms{.slope = 2, .curvature = 32}, InitialNorms{.slope = 32, .curvature = 2}})
    EXPECT_NEAR(initial_step(1, norms, dopri5, FirstStep::kHairers), std::pow(0.01 / 32, 0.2), 4 * kStepRounding);
  EXPECT_NEAR(initial_step(1e-3, {.slope = 1e-6, .curvature = 1e-6}, dopri5, FirstStep::kHairers), 0.1, kStepRounding);
  EXPECT_EQ(initial_step(1e-6, {.slope = 0, .curvature = 0}, dopri5, FirstStep::kHairers), 1e-6);
}

}  // namespace
}  // namespace costate
