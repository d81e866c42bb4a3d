// Delay equations against closed forms and SciPy (delay_references.py), their order, their bits, and what is refused.
#include "costate/solve/delays.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/expect_error.h"
#include "costate/base/threads.h"

namespace costate {
namespace {

/// z' = -z(t - lag_1) - z(t - lag_2) - …, z = 1 before.
DelayEquation falling(std::vector<double> lags) {
  return {.rhs =
              [](Array, Array, std::span<const Array> delayed, auto) {
                Array sum = -delayed[0];
                for (const Array& z : delayed.subspan(1)) sum = sum - z;
                return sum;
              },
          .history = [](Array, auto) { return ones({1}); },
          .lags = std::move(lags)};
}

/// The truth for lags a and b, by powers of (e^(-a s) + e^(-b s)) / s:
/// 1 + 2 sum_m (-1)^(m + 1) sum_j binomial(m, j) (t - j a - (m - j) b)_+^(m + 1) / (m + 1)!; the same with one lag.
double falling_at(double t, double a, double b, bool has_both) {
  double sum = 1;
  for (int m = 0; m < 40; ++m)
    for (int j = 0; j <= (has_both ? m : 0); ++j) {
      const double left = t - (has_both ? j * a + (m - j) * b : m * a);
      if (left <= 0) continue;
      const double binomial = std::exp(std::lgamma(m + 1) - std::lgamma(j + 1) - std::lgamma(m - j + 1));
      sum += (has_both ? 2 * binomial : 1) * (m % 2 == 0 ? -1 : 1) *
             std::exp((m + 1) * std::log(left) - std::lgamma(m + 2));
    }
  return sum;
}

TEST(SolveDelays, FollowsThePolynomialsOfTheMethodOfSteps) {
  const HostArray times = HostArray::linspace(0, 6.3, 60);
  for (const Method method : {Method::kDopri5, Method::kTsit5, Method::kVern7, Method::kDopri8, Method::kRodas5p}) {
    const DelayOptions options{.solve = {.method = method, .rtol = 1e-10, .atol = 1e-12}};
    const DelayResult one = solve_delays(falling({1}), std::nullopt, times, options);
    const DelayResult two = solve_delays(falling({1, std::sqrt(2.0)}), std::nullopt, times, options);
    one.check();
    two.check();
    for (std::int64_t i = 0; i < times.size(); ++i) {
      EXPECT_NEAR(one.states(0, i, 0), falling_at(times.at(i), 1, 0, false), 1e-9) << name(method);
      EXPECT_NEAR(two.states(0, i, 0), falling_at(times.at(i), 1, std::sqrt(2.0), true), 2e-8) << name(method);
    }
  }
}

// dz = c e^(lambda t) solves z' = a z(t - 1) + b z(t - 0.3) - z where lambda = a e^-lambda + b e^(-0.3 lambda) - 1:
// pieces that read several pieces of the past, and two components.
TEST(SolveDelays, FollowsExponentialsOverManyPieces) {
  const double lambda = 0.4, b = 0.5, a = (lambda + 1 - b * std::exp(-0.3 * lambda)) * std::exp(lambda);
  const DelayEquation equation{
      .rhs = [=](Array, Array z, std::span<const Array> delayed,
                 std::span<const Array> more) { return a * delayed[0] + b * delayed[1] - z + 0.0 * more[0]; },
      .history =
          [=](Array t, std::span<const Array> more) {
            return more[0] * constant(HostArray::vector({1, -2})) * exp(lambda * t);
          },
      .lags = {1, 0.3}};
  const HostArray sizes(Shape{3, 1}, std::vector<double>{1, 2, 5}), times = HostArray::vector({0.5, 0.5, 2, 4.3});
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const double tolerance = dtype == Dtype::kF64 ? 1e-9 : 1e-5;
    const DelayResult found =
        solve_delays(equation, std::nullopt, times, {.solve = {.rtol = tolerance, .atol = tolerance, .dtype = dtype}},
                     std::span(&sizes, 1));
    found.check();
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t at = 0; at < 4; ++at)
        EXPECT_NEAR(found.states(i, at, 1), -2 * sizes.at(i) * std::exp(lambda * times.at(at)),
                    20 * tolerance * sizes.at(i) * 5);
  }
}

TEST(SolveDelays, AgreesWithSciPy) {
  const DelayOptions options{.solve = {.method = Method::kVern7, .rtol = 1e-12, .atol = 1e-13}};
  const DelayEquation hutchinson{
      .rhs = [](Array, Array z, std::span<const Array> delayed, auto) { return 1.7 * z * (1.0 - delayed[0]); },
      .history = [](Array, auto) { return full({1}, 0.5); },
      .lags = {1}};
  const DelayEquation mackey_glass{
      .rhs = [](Array, Array z, std::span<const Array> delayed,
                auto) { return 0.2 * delayed[0] / (1.0 + pow(delayed[0], 10.0)) - 0.1 * z; },
      .history = [](Array, auto) { return full({1}, 1.2); },
      .lags = {17}};
  const DelayResult first = solve_delays(hutchinson, std::nullopt, HostArray::vector({0, 10}), options);
  first.check();
  EXPECT_NEAR(first.states(0, 1, 0), 1.822471413478217, 1e-9);
  DelayOptions shorter = options;
  shorter.max_piece = 17.0 / 4;
  const DelayResult second = solve_delays(mackey_glass, std::nullopt, HostArray::vector({0, 100}), shorter);
  second.check();
  EXPECT_NEAR(second.states(0, 1, 0), 1.0137240165241224, 1e-9);
}

// Steps of one length: their errors have the method's order, over jumps in derivatives and over the past's dense
// output.
TEST(SolveDelays, HasTheOrderOfItsMethod) {
  const DelayEquation equation{.rhs = [](Array t, Array z, std::span<const Array> delayed,
                                         auto) { return sin(3.0 * delayed[0]) - z * delayed[0] + cos(t); },
                               .history = [](Array t, auto) { return reshape(1.0 + 0.5 * sin(t), {1}); },
                               .lags = {1}};
  const HostArray times = HostArray::linspace(0, 4, 41);
  const auto states = [&](Method method, int steps) {
    const double h = 1.0 / steps;
    const DelayResult found =
        solve_delays(equation, std::nullopt, times,
                     {.solve = {.method = method, .rtol = 1, .atol = 1, .first_step = h, .max_step = h}, .nodes = 48});
    found.check();
    return found.states.numbers();
  };
  const std::vector<double> truth = states(Method::kDopri8, 64);
  const auto error = [&](Method method, int steps) {
    const std::vector<double> found = states(method, steps);
    double largest = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) largest = std::max(largest, std::abs(found[i] - truth[i]));
    return largest;
  };
  for (const Method method : {Method::kBosh3, Method::kDopri5, Method::kTsit5}) {
    double sum = 0;
    for (int i = 0; i < 4; ++i) sum += (1.5 - i) * std::log2(error(method, 6 << i));
    const double order = tableau(method).order;
    EXPECT_GT(sum / 5, order - 0.15) << name(method);
    EXPECT_LT(sum / 5, order + 0.5) << name(method);
  }
}

TEST(SolveDelays, PiecesEndWhereDerivativesMayJump) {
  std::vector<double> starts;
  trace(
      [&](Array z0) {
        const Lag lags[] = {1.0, 0.4};
        const DelaySolution solution = solve_delays(
            [](Array, Array, std::span<const Array> delayed) { return delayed[0]; }, [&](Array) { return z0; }, lags,
            constant(HostArray::vector({2, 4})), {.solve = {.method = Method::kBosh3}});
        starts = solution.piece_starts;
        return solution.states;
      },
      {{"z0", {1}}});
  for (const double jump : {2.0, 2.4, 2.8, 3.0, 3.2, 3.4, 3.6, 3.8, 4.0})  // 0.4 j + k, of up to four lags
    EXPECT_TRUE(std::ranges::any_of(starts, [=](double start) { return std::abs(start - jump) < 1e-12; })) << jump;
  for (std::size_t i = 1; i < starts.size(); ++i) EXPECT_LE(starts[i] - starts[i - 1], 0.4 + 1e-12);
}

/// z' = [t > 0.7] - z(t - 1), z = 0 before: a ramp from 0.7, less its integral a lag later.
TEST(SolveDelays, PiecesEndAtTheStopsOfTheUser) {
  const DelayEquation equation{
      .rhs = [](Array t, Array, std::span<const Array> delayed, auto) { return where(t > 0.7, 1.0, 0.0) - delayed[0]; },
      .history = [](Array, auto) { return zeros({1}); },
      .lags = {1}};
  const HostArray times = HostArray::vector({0, 1.2, 2.5});
  DelayOptions options{.solve = {.rtol = 1e-9, .atol = 1e-11}};
  EXPECT_ERROR(solve_delays(equation, std::nullopt, times, options).check(), SolveFailed,
               "or name in stop_at where f jumps");
  options.solve.stop_at = {0.7};
  const DelayResult found = solve_delays(equation, std::nullopt, times, options);
  found.check();
  EXPECT_NEAR(found.states.at(1), 0.5, 1e-10);
  EXPECT_NEAR(found.states.at(2), 1.8 - 0.8 * 0.8 / 2, 1e-10);
}

TEST(SolveDelays, SampleBitsDoNotDependOnBatchOrThreads) {
  const DelayEquation equation{.rhs = [](Array, Array z, std::span<const Array> delayed,
                                         std::span<const Array> more) { return more[0] * z * (1.0 - delayed[0]); },
                               .history = [](Array t, std::span<const Array> more) { return 0.5 + 0.1 * more[0] * t; },
                               .lags = {1}};
  HostArray rates(Shape{37, 1});
  for (std::int64_t i = 0; i < 37; ++i) rates.set(i, 1 + 0.02 * static_cast<double>(i));
  const HostArray times = HostArray::vector({0, 3.5});
  set_num_threads(1);
  const DelayResult together = solve_delays(equation, std::nullopt, times, {}, std::span(&rates, 1));
  set_num_threads(5);
  EXPECT_TRUE(solve_delays(equation, std::nullopt, times, {}, std::span(&rates, 1)).states.same_bits(together.states));
  set_num_threads(0);
  const HostArray one = rates.slice(20, 21);
  EXPECT_TRUE(
      solve_delays(equation, std::nullopt, times, {}, std::span(&one, 1)).states[0].same_bits(together.states[20]));
}

TEST(SolveDelays, SaysWhereASolutionIsNotResolved) {
  const DelayEquation equation{.rhs = [](Array t, Array, std::span<const Array> delayed,
                                         std::span<const Array> more) { return cos(more[0] * t) - delayed[0]; },
                               .history = [](Array, auto) { return zeros({1}); },
                               .lags = {2}};
  const HostArray rates(Shape{2, 1}, std::vector<double>{1, 60}), times = HostArray::vector({0, 1, 5});
  DelayOptions options{.solve = {.rtol = 1e-6, .atol = 1e-6}};
  const DelayResult found = solve_delays(equation, std::nullopt, times, options, std::span(&rates, 1));
  EXPECT_ERROR(
      found.check(), SolveFailed,
      "sample 1 ended with unresolved at t = 0 with step 2; no polynomial of degree 23 follows the solution over "
      "a piece so long: set max_piece below 2");
  EXPECT_TRUE(std::isnan(found.states(1, 1, 0)) && std::isnan(found.states(1, 2, 0)));
  EXPECT_TRUE(std::isfinite(found.states(0, 2, 0)));
  options.max_piece = 0.25;
  const DelayResult cured = solve_delays(equation, std::nullopt, times, options, std::span(&rates, 1));
  cured.check();
  EXPECT_NEAR(cured.states(1, 1, 0), std::sin(60.0) / 60, 1e-6);
}

/// cos(60 t) over a piece of length 2, whose last coefficients are about 0.01.
TEST(SolveDelays, PiecesAreJudgedByTolerancesOfEachNumber) {
  const DelayEquation equation{
      .rhs = [](Array t, Array, std::span<const Array> delayed, auto) { return cos(60.0 * t) - delayed[0]; },
      .history = [](Array, auto) { return zeros({2}); },
      .lags = {2}};
  const HostArray z0(Shape{1, 2}), times = HostArray::vector({0, 2});
  const auto is_resolved = [&](const SolveOptions& options) {
    return solve_delays(equation, z0, times, {.solve = options}).report.failures.empty();
  };
  EXPECT_TRUE(is_resolved({.rtol = 1e-6, .atol = 1e-6, .atols = {0.1, 0.1}}));
  EXPECT_FALSE(is_resolved({.rtol = 1e-6, .atol = 1e-6, .atols = {0.1, 1e-6}}));
  EXPECT_FALSE(is_resolved({.rtol = 0.1, .atol = 0.1, .rtols = {1e-6}, .atols = {1e-6}}));
}

TEST(SolveDelays, FailuresNameSampleTimeAndStep) {
  const DelayEquation equation{
      .rhs = [](Array, Array z, std::span<const Array> delayed, auto) { return z * z + sqrt(delayed[0]); },
      .history = [](Array, auto) { return ones({1}); },
      .lags = {2}};
  const HostArray z0(Shape{2, 1}, std::vector<double>{0.1, 3});
  const DelayResult found = solve_delays(equation, z0, HostArray::vector({0, 1}));
  ASSERT_EQ(found.report.failures.size(), 1u);  // z' = z^2 + 1 from 3: to infinity at atan(1/3)
  EXPECT_NEAR(found.report.failures[0].t, std::atan(1.0 / 3), 1e-3);
  EXPECT_ERROR(found.check(), SolveFailed, "[solve_delays] sample 1 ended with step_too_small at t = 0.32");
  EXPECT_NEAR(found.states(0, 1, 0), std::tan(1 + std::atan(0.1)), 1e-4);
}

TEST(SolveDelays, NoTimePassesInAnIntervalOfNoLength) {
  for (const HostArray& times : {HostArray::vector({3}), HostArray::vector({3, 3})}) {
    const DelayResult found = solve_delays(falling({1}), std::nullopt, times);
    for (std::int64_t i = 0; i < times.size(); ++i) EXPECT_EQ(found.states(0, i, 0), 1);
  }
}

TEST(SolveDelays, RefusesWhatItCannotDo) {
  const HostArray times = HostArray::vector({0, 1});
  const auto solved = [&](std::vector<double> lags, const HostArray& at, const DelayOptions& options = {}) {
    return solve_delays(falling(std::move(lags)), std::nullopt, at, options);
  };
  EXPECT_ERROR(solved({0}, times), InvalidArgument, "lags must be positive and finite; got 0");
  EXPECT_ERROR(solved({-1}, times), InvalidArgument, "got -1");
  EXPECT_ERROR(solved({}, times), InvalidArgument, "has a lag; got none");
  EXPECT_ERROR(solved({1}, HostArray::vector({1, 0})), InvalidArgument, "times must not descend");
  EXPECT_ERROR(solved({1}, HostArray::vector({0, 2, 1})), InvalidArgument, "must not turn back");
  EXPECT_ERROR(solved({1e-5}, times), InvalidArgument, "at most 4096 pieces");
  EXPECT_ERROR(solved({1}, times, {.nodes = 5}), InvalidArgument, "nodes must be from 8 to 64; got 5");
  EXPECT_ERROR(solved({1}, times, {.max_piece = -1}), InvalidArgument, "max_piece must be finite");
  EXPECT_ERROR(solved({1}, times, {.solve = {.method = Method::kRk4}}), NotSupported, "steps go by their error");
  EXPECT_ERROR(solve_delays(falling({1}), HostArray(Shape{}), times), ShapeError, "z0 must have shape [batch, …]");
  EXPECT_ERROR(solve_delays(falling({1}), HostArray(Shape{1, 2}), times), ShapeError,
               "the history must have z0's shape [2]; got [1]");
  const auto traced = [&](const Shape& shape) {
    trace(
        [&](Array lag) {
          const Lag lags[] = {Lag(lag)};
          return solve_delays([](Array, Array z, auto) { return z; }, [](Array) { return ones({1}); }, lags,
                              constant(times))
              .states;
        },
        {{"lag", shape}});
  };
  EXPECT_ERROR(traced({}), InvalidArgument,
               "the size of a lag must be known when the program is traced; got input 'lag'");
}

}  // namespace
}  // namespace costate
