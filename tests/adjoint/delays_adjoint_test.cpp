// Gradients of delay equations: against differences of the computed solution, with steps of one length.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/delays.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

/// Two components and lags, the shorter one of a Parameter; a rate of each sample, and a Parameter in the history.
struct Delayed {
  Parameter lag{"lag", HostArray(Shape{}, Numbers{0.7})};
  Parameter past{"past", HostArray::vector({0.4, 0.9})};

  Function loss(const DelayOptions& options, bool has_lag = true) const {
    return trace(
        [&](Array z0, Array rate) {
          const Array shorter = has_lag ? Array(lag) : constant(0.7);
          const Lag lags[] = {Lag(shorter), Lag(1.1)};
          const DelaySolution solution = solve_delays(
              [&](Array t, Array z, std::span<const Array> delayed) {
                return stack({-rate[0] * delayed[0][0] * z[1], sin(delayed[1][0]) - delayed[0][1] * z[0] + 0.1 * t});
              },
              [&](Array t) {
                return past * cos(t) + stack({0.1 * t, 0.0 * t});
              },
              lags, constant(HostArray::vector({0, 0.4, 2.6})), options, z0);
          return sum(solution.states * solution.states *
                     constant(HostArray(Shape{3, 2}, Numbers{1, 2, -1, 0.5, 0.3, 1})));
        },
        {{"z0", {2}}, {"rate", {1}}});
  }
};

/// Steps of one length, which no error changes.
DelayOptions fixed_length() {
  return {.solve = {.method = Method::kTsit5,
                    .rtol = 1,
                    .atol = 1,
                    .first_step = 0.123,
                    .max_step = 0.123,
                    .gradient_steps = GradientSteps::kOff}};
}

// z0, rate, lag and past at once; the state jumps at t0, where z0 is not the history's.
TEST(DelayGradient, AgreesWithDifferencesOfTheComputedSolution) {
  const Delayed delayed;
  const Function loss = delayed.loss(fixed_length());
  const Numbers at = {0.5, -0.3, 1.3, 0.7, 0.4, 0.9};
  const auto set = [&](const Numbers& x) {
    delayed.lag.set_value(HostArray(Shape{}, Numbers{x[3]}));
    delayed.past.set_value(HostArray::vector({x[4], x[5]}));
  };
  const Function gradients = value_and_grad(loss);
  Numbers gradient(6);
  const RunResult found = compile(gradients).run({row({at[0], at[1]}), row({at[2]})});
  std::size_t output = 1;
  for (const Input& input : gradients.inputs()) {
    const std::size_t first = input.name == "z0" ? 0 : input.name == "rate" ? 2 : input.name == "lag" ? 3 : 4;
    const Numbers numbers = found.outputs[output++].numbers();
    std::ranges::copy(numbers, gradient.begin() + static_cast<std::ptrdiff_t>(first));
  }
  const Program program = compile(loss);
  const Numbers truth = differences(
      [&](const Numbers& x) {
        set(x);
        return program.run({row({x[0], x[1]}), row({x[2]})}).outputs[0].at(0);
      },
      at, 1e-3);
  set(at);
  expect_near(gradient, truth, 1e-8, "gradient");
}

TEST(DelayGradient, ForwardReverseAndInterpreterAgree) {
  const Function loss = Delayed().loss(fixed_length(), false);
  testing::check_derivatives(loss, testing::draw_inputs(loss, 1, -1, 1, 8), 1e-7);
  const Function gradient = value_and_grad(loss);
  testing::check_execution(gradient, testing::draw_inputs(gradient, 5, -1, 1, 4), 1e-11);
}

// A lag of 1, of which halves and sums are exact: steps begin and end where t - lag is the end of a piece.
TEST(DelayGradient, TimesBetweenTwoPiecesCountOnce) {
  const Parameter lag("lag", HostArray::vector({1}));
  const Function loss = trace(
      [&](Array z0) {
        const Lag lags[] = {Lag(lag)};
        return solve_delays([](Array, Array z, std::span<const Array> delayed) { return 1.8 * z * (1.0 - delayed[0]); },
                            [&](Array) { return z0; }, lags, constant(HostArray::vector({0, 3.4})), fixed_length())
            .states[1][0];
      },
      {{"z0", {1}}});
  const double gradient = compile(value_and_grad(loss, std::span(&lag, 1))).run({column({0.5})}).outputs[1].at(0);
  const Program program = compile(loss);
  const Numbers truth = differences(
      [&](const Numbers& x) {
        lag.set_value(HostArray::vector(x));
        return program.run({column({0.5})}).outputs[0].at(0);
      },
      {1}, 1e-3);
  expect_near(Numbers{gradient}, truth, 1e-8, "gradient");
}

// z' = -z(t - lag), z = 1 before: z(2) = 1 - 2 + (2 - lag)^2 / 2 for lags from 1 to 2, of derivative lag - 2.
TEST(DelayGradient, OfALagIsThatOfTheClosedForm) {
  const Parameter lag("lag", HostArray::vector({1.2}));
  const Function loss = trace(
      [&](Array z0) {
        const Lag lags[] = {Lag(lag)};
        return solve_delays([](Array, Array, std::span<const Array> delayed) { return -delayed[0]; },
                            [&](Array) { return z0; }, lags, constant(HostArray::vector({0, 2})))
            .states[1][0];
      },
      {{"z0", {1}}});
  const RunResult found = compile(value_and_grad(loss, std::span(&lag, 1))).run({column({1, 1, 1})});
  EXPECT_NEAR(found.outputs[0].at(0), -1 + 0.8 * 0.8 / 2, 1e-9);
  EXPECT_NEAR(found.outputs[1].at(0), 3 * -0.8, 1e-8);
}

// The same lag as twice a Parameter, whose size is given.
TEST(DelayGradient, GoesThroughWhatALagIsMadeOf) {
  const Parameter half("half", HostArray::vector({0.6}));
  const Function loss = trace(
      [&](Array z0) {
        const Lag lags[] = {Lag(2.0 * half, 1.2)};
        return solve_delays([](Array, Array, std::span<const Array> delayed) { return -delayed[0]; },
                            [&](Array) { return z0; }, lags, constant(HostArray::vector({0, 2})))
            .states[1][0];
      },
      {{"z0", {1}}});
  const RunResult found = compile(value_and_grad(loss, std::span(&half, 1))).run({column({1})});
  EXPECT_NEAR(found.outputs[1].at(0), 2 * -0.8, 1e-8);
}

// Where pieces end was decided with a lag of 0.7 beside 1.1. Sums of 0.72 have the same order, 3 times 0.8 is above 2
// times 1.1, and 0.5 is shorter than pieces are.
TEST(DelayGradient, ALagThatPassesAnotherIsReported) {
  const Delayed delayed;
  const Program program = compile(delayed.loss({}));
  const auto run = [&](double lag) {
    delayed.lag.set_value(HostArray(Shape{}, Numbers{lag}));
    return program.run({row({0.5, -0.3}), row({1.3})});
  };
  EXPECT_TRUE(run(0.72).report.failures.empty());
  for (const double lag : {0.8, 0.5, 1.2}) {
    const RunResult found = run(lag);
    ASSERT_FALSE(found.report.failures.empty()) << lag;
    EXPECT_EQ(found.report.failures[0].reason, "invalid_times");
    EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
  }
}

TEST(DelayGradient, TheLastTimeIsNoSumOfLagsThatMove) {
  const Parameter lag("lag", HostArray::vector({0.5}));
  const auto traced = [&](double end) {
    return trace(
        [&](Array z0) {
          const Lag lags[] = {Lag(lag)};
          return solve_delays([](Array, Array, std::span<const Array> delayed) { return -delayed[0]; },
                              [&](Array) { return z0; }, lags, constant(HostArray::vector({0, end})))
              .states;
        },
        {{"z0", {1}}});
  };
  traced(1.1);
  EXPECT_ERROR(traced(1), InvalidArgument,
               "the last time must be no sum of lags that may move, which would pass it; 1 is");
}

}  // namespace
}  // namespace costate
