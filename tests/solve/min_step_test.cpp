// min_step: what is not made shorter, and what becomes of it.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/expect_error.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

constexpr double kJumpsTo = 1e6, kShortest = 0.003;

/// y' jumps at t = 0.5, which no line in t says, and no tolerance is met by the step over that.
VectorField jump() {
  return vector_field({1}, [](Array t, Array y) { return where(t * t > 0.25, kJumpsTo, 0.25) + 0.0 * y; });
}

internal::ReferenceSolution reference(std::span<const double> times, const SolveOptions& options) {
  const auto rhs = [](double t, std::span<const double>, std::span<double> dy) { dy[0] = t > 0.5 ? kJumpsTo : 0.25; };
  const double y0[] = {0.0};
  return internal::reference_solve(rhs, y0, times, options);
}

const HostArray kStart(Shape{3, 1}, std::vector<double>{0, 0, 0});

TEST(MinStep, EndsTheSolveWhereAShorterStepIsAskedFor) {
  for (const Method method : {Method::kDopri5, Method::kBosh3, Method::kDop853}) {
    const SolveOptions options{.method = method, .min_step = kShortest};
    const std::vector<double> times = {0, 0.3, 1};
    const Solution solution = solve(jump(), kStart, HostArray::vector(times), options);
    const auto expected = reference(times, options);
    EXPECT_EQ(expected.status, Status::kStepTooSmall);
    EXPECT_NEAR(expected.t, 0.5, kShortest);
    EXPECT_LE(std::abs(expected.h), 1.01 * kShortest);
    for (std::size_t sample = 0; sample < 3; ++sample) {
      EXPECT_EQ(solution.status[sample], Status::kStepTooSmall);
      EXPECT_EQ(solution.reached[sample], expected.t);
      EXPECT_EQ(solution.last_step[sample], expected.h);
      EXPECT_EQ(solution.accepted[sample], expected.accepted);
      EXPECT_EQ(solution.rejected[sample], expected.rejected);
      EXPECT_EQ(solution.states.at(static_cast<std::int64_t>(3 * sample + 1)), expected.states[1][0]);
      EXPECT_TRUE(std::isnan(solution.states.at(static_cast<std::int64_t>(3 * sample + 2))));
    }
    EXPECT_ERROR(solution.check(), SolveFailed, "step_too_small");
    EXPECT_ERROR(solution.check(), SolveFailed, "lower min_step");
  }
}

TEST(MinStep, IsTakenWhateverTheErrorIfAskedFor) {
  for (const Method method : {Method::kDopri5, Method::kBosh3, Method::kDop853}) {
    const SolveOptions options{.method = method, .min_step = kShortest, .at_min_step = AtMinStep::kAccept};
    const std::vector<double> times = {0, 0.3, 1};
    const Solution solution = solve(jump(), kStart, HostArray::vector(times), options);
    const auto expected = reference(times, options);
    ASSERT_EQ(expected.status, Status::kOk);
    for (std::size_t i = 0; i + 1 < expected.steps.size(); ++i) EXPECT_GE(expected.steps[i].h, kShortest);
    for (std::size_t sample = 0; sample < 3; ++sample) {
      EXPECT_EQ(solution.status[sample], Status::kOk);
      EXPECT_EQ(solution.accepted[sample], expected.accepted);
      EXPECT_EQ(solution.rejected[sample], expected.rejected);
      EXPECT_EQ(solution.states.at(static_cast<std::int64_t>(3 * sample + 2)), expected.states[2][0]);
    }
    // Off by what the one step over the jump makes of it.
    EXPECT_NEAR(expected.states[2][0], 0.125 + 0.5 * kJumpsTo, 2 * kShortest * kJumpsTo);
  }
}

TEST(MinStep, BelowAllStepsChangesNoBit) {
  const std::vector<double> times = {0, 0.45};
  const auto plain = reference(times, {}), limited = reference(times, {.min_step = 1e-9});
  EXPECT_EQ(plain.states, limited.states);
  EXPECT_EQ(plain.nfe, limited.nfe);
}

TEST(MinStep, TheLastStepMayBeShorter) {
  const double times[] = {0, 0.001};
  const auto solution = reference(times, {.min_step = 0.01});
  EXPECT_EQ(solution.status, Status::kOk);
  EXPECT_EQ(solution.accepted, 1);
  // One per cent more than the shortest is shortest, too: it would be tried again and again.
  const auto stretched = [](double end, AtMinStep what) {
    const double around[] = {0.5 - end / 2, 0.5 + end / 2};
    return reference(around, {.min_step = 0.01, .at_min_step = what});
  };
  EXPECT_EQ(stretched(0.01005, AtMinStep::kFail).status, Status::kStepTooSmall);
  EXPECT_EQ(stretched(0.01005, AtMinStep::kAccept).accepted, 1);
}

TEST(MinStep, AnErrorThatIsNotFiniteIsNeverTaken) {
  const auto rhs = [](double t, std::span<const double> y, std::span<double> dy) {
    dy[0] = t > 0.5 ? std::nan("") : y[0];
  };
  const double y0[] = {1}, times[] = {0, 1};
  const VectorField field = vector_field({1}, [](Array t, Array y) { return where(t > 0.5, NAN, 1.0) * y; });
  for (const AtMinStep what : {AtMinStep::kFail, AtMinStep::kAccept}) {
    const SolveOptions options{.min_step = 1e-3, .at_min_step = what};
    EXPECT_EQ(internal::reference_solve(rhs, y0, times, options).status, Status::kNonFinite);
    EXPECT_EQ(solve(field, kStart, HostArray::vector({0, 1}), options).status[1], Status::kNonFinite);
  }
}

TEST(MinStep, TheGuardDoesNotEndASolve) {
  // At rest, the guard asks for steps of about 0.1.
  const VectorField field = vector_field({1}, [](Array, Array y) { return -30.0 * y; });
  const HostArray times = HostArray::vector({0, 20});
  const SolveOptions guarded{.gradient_steps = GradientSteps::kOn};
  SolveOptions limited = guarded;
  limited.min_step = 2;
  const Solution solution = solve(field, kStart, times, limited);
  EXPECT_EQ(solution.status[0], Status::kOk);
  EXPECT_LE(solution.accepted[0], 11);
  EXPECT_GT(solve(field, kStart, times, guarded).accepted[0], 50);
}

TEST(MinStep, BadOptionsAreNamed) {
  const auto solve_with = [](const SolveOptions& options) {
    solve(jump(), kStart, HostArray::vector({0, 1}), options);
  };
  EXPECT_ERROR(solve_with({.min_step = -1}), InvalidArgument, "min_step must be finite and at least 0");
  EXPECT_ERROR(solve_with({.min_step = 0.2, .max_step = 0.1}), InvalidArgument,
               "min_step must not be above max_step; got 0.2 and 0.1");
  EXPECT_ERROR(solve_with({.at_min_step = AtMinStep::kAccept}), InvalidArgument, "set min_step, too");
  EXPECT_ERROR(solve_with({.method = Method::kRk4, .min_step = 0.1}), InvalidArgument,
               "min_step is for steps chosen by the error");
  EXPECT_ERROR(at_min_step_from_name("acept"), InvalidArgument, "did you mean 'accept'?");
  EXPECT_EQ(name(AtMinStep::kFail), "fail");
}

}  // namespace
}  // namespace costate
