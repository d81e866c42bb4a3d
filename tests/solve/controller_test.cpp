#include "costate/solve/control/controller.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace costate {
namespace {

constexpr double kRounding = 1e-14;  // two pow() and two products

TEST(DecideStep, ElementaryRuleIsTorchdiffeqs) {
  const StepControl control = StepControl::torchdiffeq();
  // error 1/32, order 5: 0.9 * 2 = 1.8.
  const StepDecision grown = decide_step(control, {}, 1.0 / 32, 5);
  EXPECT_TRUE(grown.accepted);
  EXPECT_NEAR(grown.factor, 1.8, kRounding);
  // Accepted with error just below 1: 0.9 would shrink, which this rule does not do.
  EXPECT_EQ(decide_step(control, {}, 0.99, 5).factor, 1);
  // error 32: 0.9 / 2. error 1e5: 0.09 is held at dfactor. error 1e-10: 90 is held at ifactor.
  const StepDecision shrunk = decide_step(control, {}, 32, 5);
  EXPECT_FALSE(shrunk.accepted);
  EXPECT_NEAR(shrunk.factor, 0.45, kRounding);
  EXPECT_EQ(decide_step(control, {}, 1e5, 5).factor, 0.2);
  EXPECT_EQ(decide_step(control, {}, 1e-10, 5).factor, 10);
}

TEST(DecideStep, ProportionalIntegralRuleIsHairers) {
  // DOPRI5: fac = err^(0.2 - 0.75 * 0.04) / facold^0.04, h_new = h * 0.9 / fac.
  const double error = 0.3, previous = 0.05;
  const StepDecision decision = decide_step(StepControl{}, {.previous_log = std::log(previous)}, error, 5);
  EXPECT_NEAR(decision.factor, 0.9 / (std::pow(error, 0.17) / std::pow(previous, 0.04)), kRounding);
  EXPECT_NEAR(decision.next.previous_log, std::log(error), kRounding);
  EXPECT_FALSE(decision.next.after_reject);
}

TEST(DecideStep, ThirdErrorMakesItAPidController) {
  // diffrax's factor is safety inv^(b1 / k) previous_inv^(b2 / k) before_inv^(b3 / k) with inv = 1 / error, b1 = p + i
  // + d, b2 = -(p + 2 d), b3 = d.
  const double p = 0.4, i = 0.3, d = 0.1, error = 0.3, previous = 0.05, before = 0.6;
  const StepControl control{.beta1 = p + i + d, .beta2 = -(p + 2 * d), .beta3 = d};
  const ControlState state{.previous_log = std::log(previous), .before_log = std::log(before)};
  const StepDecision decision = decide_step(control, state, error, 5);
  EXPECT_NEAR(decision.factor,
              0.9 * std::pow(1 / error, (p + i + d) / 5) * std::pow(1 / previous, -(p + 2 * d) / 5) *
                  std::pow(1 / before, d / 5),
              kRounding);
  EXPECT_NEAR(decision.next.previous_log, std::log(error), kRounding);
  EXPECT_EQ(decision.next.before_log, std::log(previous));
  // A rejected step is forgotten.
  const StepDecision rejected = decide_step(control, state, 2, 5);
  EXPECT_EQ(rejected.next.before_log, state.before_log);
  EXPECT_EQ(rejected.next.previous_log, state.previous_log);
}

TEST(DecideStep, AfterARejectionTheAcceptedStepDoesNotGrow) {
  const StepDecision rejected = decide_step(StepControl{}, {.previous_log = -0.7}, 2, 3);
  EXPECT_FALSE(rejected.accepted);
  EXPECT_NEAR(rejected.factor, 0.9 * std::pow(2, -1.0 / 3), kRounding);
  EXPECT_TRUE(rejected.next.after_reject);
  EXPECT_EQ(rejected.next.previous_log, -0.7);
  const StepDecision accepted = decide_step(StepControl{}, rejected.next, 1e-6, 3);
  EXPECT_TRUE(accepted.accepted);
  EXPECT_EQ(accepted.factor, 1);
  EXPECT_FALSE(accepted.next.after_reject);
  EXPECT_NEAR(accepted.next.previous_log, std::log(0.01), kRounding);
}

TEST(DecideStep, RetriesAreSmallerByAMargin) {
  const StepDecision first = decide_step(StepControl{}, {}, 1.01, 5);
  EXPECT_EQ(first.factor, 0.8);
  const StepDecision second = decide_step(StepControl{}, first.next, 1.01, 5);
  EXPECT_EQ(second.factor, 0.5);
  EXPECT_NEAR(decide_step(StepControl{}, first.next, 500, 5).factor, 0.9 * std::pow(500, -0.2), kRounding);
}

TEST(DecideStep, NonFiniteErrorsReject) {
  for (double error : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const StepDecision decision = decide_step(StepControl{}, {}, error, 5);
    EXPECT_FALSE(decision.accepted);
    EXPECT_EQ(decision.factor, 0.2);
    EXPECT_TRUE(decision.next.after_reject);
  }
}

TEST(DecideStep, ZeroAndOneAreAccepted) {
  EXPECT_TRUE(decide_step(StepControl{}, {}, 0, 5).accepted);
  EXPECT_EQ(decide_step(StepControl{}, {}, 0, 5).factor, 10);
  EXPECT_TRUE(decide_step(StepControl{}, {}, 1, 5).accepted);
  EXPECT_FALSE(decide_step(StepControl{}, {}, std::nextafter(1, 2), 5).accepted);
}

/// A stub method whose error is exactly (h / 0.1)^2: the elementary rule settles at h = 0.09 with exact counts.
TEST(DecideStep, StubLoopCountsExactly) {
  const StepControl control = StepControl::torchdiffeq();
  ControlState state;
  double t = 0, h = 1;
  int accepted = 0, rejected = 0;
  while (t < 1) {
    const StepDecision decision = decide_step(control, state, (h / 0.1) * (h / 0.1), 2);
    state = decision.next;
    if (decision.accepted) {
      t += h;
      ++accepted;
    } else {
      ++rejected;
    }
    h *= decision.factor;
  }
  // 1 -> 0.2 (dfactor), 0.2 -> 0.09 (0.9 * 0.1 / 0.2); then 12 accepted steps of 0.09: their rule gives 0.9 * 0.1 /
  // 0.09 = 1.
  EXPECT_EQ(rejected, 2);
  EXPECT_EQ(accepted, 12);
  EXPECT_NEAR(h, 0.09, kRounding);
}

TEST(DecideStep, IsPure) {
  const ControlState state{.previous_log = -1.6, .after_reject = false};
  const StepDecision first = decide_step(StepControl{}, state, 0.7, 8);
  const StepDecision second = decide_step(StepControl{}, state, 0.7, 8);
  EXPECT_EQ(first.factor, second.factor);
  EXPECT_EQ(first.next, second.next);
}

}  // namespace
}  // namespace costate
