#include "costate/solve/internal/reference_solve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "tests/support/problems.h"

namespace costate::internal {
namespace {

using test::Problem;
using test::relative_error;

std::vector<double> even_times(double t0, double t1, int intervals) {
  std::vector<double> times;
  for (int i = 0; i <= intervals; ++i) times.push_back(i == intervals ? t1 : t0 + (t1 - t0) * i / intervals);
  return times;
}

double largest_error(const Problem& problem, std::span<const double> times, const ReferenceSolution& solution) {
  double largest = 0;
  for (std::size_t i = 1; i < times.size(); ++i) {
    largest = std::max(largest, relative_error(solution.states[i], problem.solution(times[i])));
  }
  return largest;
}

/// Least-squares slope of log(error) over log(h), h = 1 / count.
double log_slope(std::span<const int> counts, std::span<const double> errors) {
  double mean_x = 0, mean_y = 0, covariance = 0, variance = 0;
  const auto size = static_cast<double>(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    mean_x -= std::log(counts[i]) / size;
    mean_y += std::log(errors[i]) / size;
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double x = -std::log(counts[i]) - mean_x;
    covariance += x * (std::log(errors[i]) - mean_y);
    variance += x * x;
  }
  return covariance / variance;
}

/// Step counts an interval that keep the errors of a method of that order in its asymptotic range and above 1e-13.
std::vector<int> asymptotic_counts(int order) {
  if (order >= 10) return {2, 3, 4};
  if (order == 9) return {3, 4, 5, 6};
  if (order >= 7) return {4, 5, 6, 8};
  if (order == 5) return {32, 40, 48, 64};
  return {64, 96, 128, 192};
}

/// How far from its order a method's slope may be. Between the first steps and rounding there is little of the
/// asymptotic range to high orders; what they are is proved by the order conditions (tableau_test.cpp).
double slope_band(int order) { return order >= 9 ? 1.2 : order >= 7 ? 0.4 : 0.15; }

class EveryMethod : public ::testing::TestWithParam<Method> {
 protected:
  const Tableau& method() const { return tableau(GetParam()); }
};

class EveryPairMethod : public EveryMethod {};

std::vector<Method> pairs() {
  std::vector<Method> out;
  for (Method method : explicit_methods()) {
    if (tableau(method).has_error_estimate()) out.push_back(method);
  }
  return out;
}

std::string method_name(const ::testing::TestParamInfo<Method>& info) { return std::string(name(info.param)); }

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod, ::testing::ValuesIn(explicit_methods()), method_name);
INSTANTIATE_TEST_SUITE_P(Methods, EveryPairMethod, ::testing::ValuesIn(pairs()), method_name);

TEST_P(EveryMethod, ConvergesAtItsOrder) {
  const std::vector<int> counts = asymptotic_counts(method().order);
  for (const Problem& problem : test::smooth_problems()) {
    const std::vector<double> times = even_times(problem.t0, problem.t1, 4);
    std::vector<double> errors;
    for (int count : counts) {
      const auto solution =
          reference_solve(problem.rhs, problem.y0, times, {.method = GetParam(), .steps_per_interval = count});
      ASSERT_EQ(solution.status, Status::kOk);
      errors.push_back(largest_error(problem, times, solution));
    }
    EXPECT_NEAR(log_slope(counts, errors), method().order, slope_band(method().order)) << problem.name;
  }
}

/// Steps of constant size that an adaptive solve takes without looking at the error.
SolveOptions constant_steps(Method method, double h) {
  return {.method = method,
          .rtol = 1e6,
          .first_step = h,
          .step_control = {.factor_min = 1, .factor_min_accepted = 1, .factor_max = 1}};
}

TEST_P(EveryPairMethod, DenseOutputConvergesAtItsOrder) {
  const std::vector<int> counts = asymptotic_counts(method().order);
  for (const Problem& problem : test::smooth_problems()) {
    std::vector<double> errors;
    for (int count : counts) {
      const int steps = 4 * count;
      const double h = (problem.t1 - problem.t0) / steps;
      std::vector<double> times{problem.t0};
      for (int m = 0; m < steps; ++m) times.push_back(problem.t0 + (m + 0.4) * h);
      times.push_back(problem.t1);
      const auto solution = reference_solve(problem.rhs, problem.y0, times, constant_steps(GetParam(), h));
      ASSERT_EQ(solution.accepted, steps);
      errors.push_back(largest_error(problem, times, solution));
    }
    const int order = std::min(method().order, method().dense_order + 1);
    EXPECT_NEAR(log_slope(counts, errors), order, slope_band(order)) << problem.name;
  }
}

/// y(t + theta h) of one step from the exact y(t), by the formulas of tableau.h, for methods whose solves have no dense
/// output.
std::vector<double> dense_step(const Tableau& method, const Problem& problem, double t, double h, double theta) {
  const std::vector<double> y = problem.solution(t);
  std::vector<std::vector<double>> k;
  const auto combine = [&](std::span<const double> weights) {
    std::vector<double> out = y;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      for (std::size_t j = 0; j < y.size(); ++j) out[j] += h * weights[i] * k[i][j];
    }
    return out;
  };
  for (int i = 0; i < method.num_all_stages(); ++i) {
    const std::vector<double> argument = combine(method.a_row(i));
    problem.rhs(t + method.c[static_cast<std::size_t>(i)] * h, argument, k.emplace_back(y.size()));
  }
  std::vector<double> weights(k.size());
  dense_weights(method, theta, weights);
  return combine(weights);
}

TEST_P(EveryMethod, DenseOutputHasItsLocalOrder) {
  const std::vector<int> counts = asymptotic_counts(method().dense_order + 1);
  for (const Problem& problem : test::smooth_problems()) {
    std::vector<double> errors(counts.size());
    for (std::size_t n = 0; n < counts.size(); ++n) {
      const double h = (problem.t1 - problem.t0) / (4 * counts[n]);
      for (double start : {0.0, 0.2, 0.4, 0.6}) {
        for (double theta : {0.3, 0.5, 0.8}) {
          const double t = problem.t0 + start * (problem.t1 - problem.t0);
          const double error =
              relative_error(dense_step(method(), problem, t, h, theta), problem.solution(t + theta * h));
          errors[n] = std::max(errors[n], error);
        }
      }
    }
    const int order = method().dense_order + 1;
    EXPECT_NEAR(log_slope(counts, errors), order, slope_band(order)) << problem.name;
  }
}

struct AccuracyCase {
  Method method;
  double rtol;
};

class Accuracy : public ::testing::TestWithParam<AccuracyCase> {};

INSTANTIATE_TEST_SUITE_P(Methods, Accuracy,
                         ::testing::Values(AccuracyCase{Method::kDopri5, 1e-6}, AccuracyCase{Method::kDopri5, 1e-9},
                                           AccuracyCase{Method::kDopri8, 1e-6}, AccuracyCase{Method::kDopri8, 1e-9},
                                           AccuracyCase{Method::kDopri8, 1e-11}, AccuracyCase{Method::kTsit5, 1e-6},
                                           AccuracyCase{Method::kTsit5, 1e-9}, AccuracyCase{Method::kVern7, 1e-6},
                                           AccuracyCase{Method::kVern7, 1e-9}, AccuracyCase{Method::kDop853, 1e-6},
                                           AccuracyCase{Method::kDop853, 1e-9}, AccuracyCase{Method::kDop853, 1e-11},
                                           AccuracyCase{Method::kVern9, 1e-6}, AccuracyCase{Method::kVern9, 1e-9},
                                           AccuracyCase{Method::kVern9, 1e-11}));

TEST_P(Accuracy, IsWithinTenTimesTheTolerance) {
  const auto [method, rtol] = GetParam();
  for (const Problem& problem : {test::lotka_volterra(), test::van_der_pol(), test::pendulum(1), test::pendulum(2.5)}) {
    const std::vector<double> times = even_times(problem.t0, problem.t1, 20);
    const auto solution =
        reference_solve(problem.rhs, problem.y0, times, {.method = method, .rtol = rtol, .atol = 0.1 * rtol});
    ASSERT_EQ(solution.status, Status::kOk);
    EXPECT_LE(largest_error(problem, times, solution), 10 * rtol) << problem.name;
  }
}

const Problem& oscillator() {
  static const Problem problem = test::linear_2x2();
  return problem;
}

ReferenceSolution solve_oscillator(const std::vector<double>& times, const SolveOptions& options) {
  return reference_solve(oscillator().rhs, oscillator().y0, times, options);
}

TEST_P(EveryMethod, FixedStepsCountTheirEvaluations) {
  const auto solution = solve_oscillator({0, 1, 1.5}, {.method = GetParam(), .steps_per_interval = 5});
  EXPECT_EQ(solution.status, Status::kOk);
  EXPECT_EQ(solution.accepted, 10);
  EXPECT_EQ(solution.rejected, 0);
  // Without an error estimate to read it, the last closing stage is never evaluated.
  const int stages = method().num_stages - 1;
  EXPECT_EQ(solution.nfe, 10 * stages + (method().error_needs_closing_stage() ? 1 : 0));
  EXPECT_EQ(solution.steps[6].t, 1 + 0.1);
  EXPECT_EQ(solution.steps[6].h, 0.1);
  EXPECT_EQ(solution.t, 1.5);
}

TEST_P(EveryPairMethod, AdaptiveStepsCountTheirEvaluations) {
  const auto solution = solve_oscillator({0, 3}, {.method = GetParam(), .rtol = 1e-5});
  EXPECT_EQ(solution.status, Status::kOk);
  EXPECT_EQ(solution.accepted, static_cast<std::int64_t>(solution.steps.size()));
  const std::int64_t attempts = solution.accepted + solution.rejected;
  const std::int64_t inner = method().num_stages - 2;
  const std::int64_t closings = method().error_needs_closing_stage() ? attempts : solution.accepted - 1;
  // Two more: f(t0, y0) and the probe of the first step.
  EXPECT_EQ(solution.nfe, 2 + attempts * inner + closings);
}

TEST_P(EveryPairMethod, EndsAtTheFinalTimeBothWays) {
  const std::vector<double> forward{0.1, 1.7, 2.9}, backward{2.9, 1.7, 0.1};
  const SolveOptions options{.method = GetParam(), .rtol = 1e-6, .atol = 1e-8};
  const auto there = solve_oscillator(forward, options);
  EXPECT_EQ(there.status, Status::kOk);
  EXPECT_EQ(there.t, 2.9);
  const auto back = reference_solve(oscillator().rhs, there.states.back(), backward, options);
  EXPECT_EQ(back.t, 0.1);
  EXPECT_LT(back.steps.back().h, 0);
  // Backward the spiral grows by exp(1.4) = 4; each way errs by some tolerances.
  EXPECT_LE(relative_error(back.states.back(), oscillator().y0), 100 * options.rtol);
  EXPECT_LE(relative_error(back.states[1], there.states[1]), 100 * options.rtol);
}

TEST_P(EveryPairMethod, OutputTimesDoNotMoveTheSteps) {
  const SolveOptions options{.method = GetParam(), .rtol = 1e-4};
  const auto plain = solve_oscillator({0, 3}, options);
  const auto with_outputs = solve_oscillator({0, 0.01, 0.02, 1.1, 2.99, 3}, options);
  ASSERT_EQ(plain.steps.size(), with_outputs.steps.size());
  for (std::size_t i = 0; i < plain.steps.size(); ++i) {
    EXPECT_EQ(plain.steps[i].t, with_outputs.steps[i].t);
    EXPECT_EQ(plain.steps[i].h, with_outputs.steps[i].h);
  }
  EXPECT_EQ(plain.states.back(), with_outputs.states.back());
}

TEST_P(EveryMethod, ZeroFieldKeepsTheState) {
  const auto zero = [](double, std::span<const double>, std::span<double> dy) { dy[0] = 0; };
  const double y0[] = {0.1}, times[] = {0, 0.3, 1};
  const auto solution = reference_solve(zero, y0, times, {.method = GetParam()});
  EXPECT_EQ(solution.status, Status::kOk);
  EXPECT_EQ(solution.states[1][0], 0.1);
  EXPECT_EQ(solution.states[2][0], 0.1);
}

TEST(ReferenceSolve, StepSizeDividesIntervalsEqually) {
  // 1 / 0.1 is 10 up to rounding; 0.55 / 0.1 takes 6 steps.
  const auto solution = solve_oscillator({0, 1, 1.55}, {.method = Method::kRk4, .step_size = 0.1});
  EXPECT_EQ(solution.accepted, 16);
  EXPECT_EQ(solution.steps[0].h, 0.1);
  EXPECT_NEAR(solution.steps[10].h, 0.55 / 6, 1e-16);
}

TEST(ReferenceSolve, MethodsWithoutAnEstimateStepFromOutputToOutput) {
  const auto solution = solve_oscillator({0, 0.5, 0.75, 1}, {.method = Method::kMidpoint});
  EXPECT_EQ(solution.accepted, 3);
  EXPECT_EQ(solution.steps[1].h, 0.25);
}

TEST(ReferenceSolve, EulerIsTheFormula) {
  const auto grow = [](double t, std::span<const double> y, std::span<double> dy) { dy[0] = t + y[0]; };
  const double y0[] = {1}, times[] = {0, 1};
  const auto solution = reference_solve(grow, y0, times, {.method = Method::kEuler, .steps_per_interval = 2});
  // 1 + 0.5 (0 + 1) = 1.5; 1.5 + 0.5 (0.5 + 1.5) = 2.5
  EXPECT_EQ(solution.states[1][0], 2.5);
  EXPECT_EQ(solution.nfe, 2);
}

TEST(ReferenceSolve, FirstStepIsTakenAsGiven) {
  const auto solution = solve_oscillator({0, 3}, {.rtol = 1e-3, .first_step = 0.01});
  EXPECT_EQ(solution.steps[0].h, 0.01);
}

TEST(ReferenceSolve, OneTimeIsTheStart) {
  const auto solution = solve_oscillator({2}, {});
  EXPECT_EQ(solution.status, Status::kOk);
  EXPECT_EQ(solution.states[0], oscillator().y0);
  EXPECT_EQ(solution.nfe, 0);
}

// Outcomes

/// y' = y^2 from 1 blows up at t = 1.
ReferenceSolution solve_blow_up(const SolveOptions& options) {
  const auto field = [](double, std::span<const double> y, std::span<double> dy) { dy[0] = y[0] * y[0]; };
  const double y0[] = {1}, times[] = {0, 0.5, 2};
  return reference_solve(field, y0, times, options);
}

TEST(ReferenceSolve, BlowUpAsksForTooSmallSteps) {
  const auto solution = solve_blow_up({.method = Method::kTsit5});
  EXPECT_TRUE(solution.status == Status::kStepTooSmall || solution.status == Status::kNonFinite);
  EXPECT_NEAR(solution.t, 1, 1e-3);
  EXPECT_NEAR(solution.states[1][0], 2, 1e-4);
  EXPECT_TRUE(std::isnan(solution.states[2][0]));
}

TEST(ReferenceSolve, DiscontinuityOfInfiniteSizeIsStepTooSmall) {
  // No step over t = 0.5 passes: the field's size there is 1e300 and depends on t alone.
  const auto field = [](double t, std::span<const double>, std::span<double> dy) { dy[0] = t < 0.5 ? 1 : 1e300; };
  const double y0[] = {0}, times[] = {0, 1};
  const auto solution = reference_solve(field, y0, times);
  EXPECT_EQ(solution.status, Status::kStepTooSmall);
  EXPECT_NEAR(solution.t, 0.5, 1e-10);
}

TEST(ReferenceSolve, MaxStepsStops) {
  const auto solution = solve_oscillator({0, 3}, {.rtol = 1e-10, .max_steps = 7});
  EXPECT_EQ(solution.status, Status::kMaxSteps);
  EXPECT_EQ(solution.accepted + solution.rejected, 7);
  EXPECT_TRUE(std::isnan(solution.states[1][0]));
  const auto fixed = solve_oscillator({0, 3}, {.steps_per_interval = 10, .max_steps = 7});
  EXPECT_EQ(fixed.status, Status::kMaxSteps);
  EXPECT_EQ(fixed.accepted, 7);
}

TEST(ReferenceSolve, FieldThatTurnsNaNIsNonFinite) {
  const auto field = [](double t, std::span<const double> y, std::span<double> dy) {
    dy[0] = t > 0.5 ? std::numeric_limits<double>::quiet_NaN() : y[0];
  };
  const double y0[] = {1}, times[] = {0, 0.25, 1};
  for (Method method : {Method::kDopri5, Method::kDopri8}) {
    const auto solution = reference_solve(field, y0, times, {.method = method});
    EXPECT_EQ(solution.status, Status::kNonFinite);
    EXPECT_NEAR(solution.t, 0.5, 1e-10);
    EXPECT_NEAR(solution.states[1][0], std::exp(0.25), 1e-5);
  }
  EXPECT_EQ(reference_solve(field, y0, times, {.steps_per_interval = 4}).status, Status::kNonFinite);
}

TEST(ReferenceSolve, BadStartIsNonFinite) {
  const auto infinite = [](double, std::span<const double>, std::span<double> dy) {
    dy[0] = std::numeric_limits<double>::infinity();
  };
  const double nan[] = {std::nan("")}, one[] = {1}, times[] = {0, 1};
  EXPECT_EQ(reference_solve(oscillator().rhs, nan, times).status, Status::kNonFinite);
  EXPECT_EQ(reference_solve(infinite, one, times).status, Status::kNonFinite);
  EXPECT_EQ(reference_solve(infinite, one, times, {.method = Method::kEuler}).status, Status::kNonFinite);
}

TEST(ReferenceSolve, ARepeatedTimeHasTheSameStateAgain) {
  for (const SolveOptions& options : {SolveOptions{}, SolveOptions{.steps_per_interval = 3}}) {
    const auto once = solve_oscillator({0, 1, 2}, options).states,
               twice = solve_oscillator({0, 0, 1, 1, 2, 2}, options).states;
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(twice[i], once[i / 2]) << i;
  }
  const auto still = solve_oscillator({1, 1}, {}).states;
  EXPECT_EQ(still[1], still[0]);
}

// Mistakes

void expect_message(const std::string& part, const std::vector<double>& times, const SolveOptions& options = {}) {
  try {
    solve_oscillator(times, options);
    ADD_FAILURE() << "no exception with: " << part;
  } catch (const InvalidArgument& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ReferenceSolve, MistakesAreNamed) {
  expect_message("times must hold at least the start time", {});
  expect_message("times must be finite; times[1]", {0, std::nan("")});
  expect_message("must not turn back; times[1] is 1 and times[2] is 0.5", {0, 1, 0.5});
  expect_message("not both 0", {0, 1}, {.rtol = 0, .atol = 0});
  expect_message("rtol = -1", {0, 1}, {.rtol = -1});
  expect_message("at most one of steps_per_interval and step_size", {0, 1},
                 {.steps_per_interval = 2, .step_size = 0.1});
  const double times[] = {0, 1};
  EXPECT_THROW(reference_solve(oscillator().rhs, {}, times), InvalidArgument);
}

}  // namespace
}  // namespace costate::internal
