// What no solve can do is said before it begins; what a solve ended with names the sample, the time and the step.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "costate/exec/program.h"
#include "costate/solve/events.h"
#include "costate/solve/solve.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();

VectorField grows_like_its_square() {
  return vector_field({1}, [](Array, Array z) { return z * z; });
}

TEST(BadOptions, AreNamedWithTheirValues) {
  struct Case {
    SolveOptions options;
    std::string message;
  };
  const Case cases[] = {
      {{.rtol = -1e-3}, "rtol and atol must be finite, at least 0 and not both 0; got rtol = -0.001, atol = 1e-08"},
      {{.rtol = 0, .atol = 0}, "rtol and atol must be finite, at least 0 and not both 0; got rtol = 0, atol = 0"},
      {{.atol = kNan}, "rtol and atol must be finite"},
      {{.rtol = 0, .atols = {0}}, "rtol and atol of number 0 of the state are both 0; raise one"},
      {{.first_step = -1}, "first_step must be finite and at least 0; got 0, 0 and -1"},
      {{.step_size = kInf}, "steps_per_interval, step_size and first_step must be finite"},
      {{.steps_per_interval = -2}, "at least 0; got -2, 0 and 0"},
      {{.steps_per_interval = 2, .step_size = 0.1}, "at most one of steps_per_interval and step_size"},
      {{.max_step = kNan}, "max_step must be finite and at least 0 (no limit); got nan"},
      {{.min_step = -1}, "min_step must be finite and at least 0 (no limit); got -1"},
      {{.at_min_step = AtMinStep::kAccept}, "at_min_step is for solves with a min_step; set min_step, too"},
      {{.stop_at = {1, kInf}}, "times in stop_at must be finite; got inf"},
      {{.max_steps = 0}, "max_steps must be at least 1; got 0"},
      {{.step_control = {.safety = 0}}, "safety must be positive and finite; got 0"},
      {{.step_control = {.beta2 = kNan}}, "beta1, beta2 and beta3 must be finite; got 0.85, nan and 0"},
      {{.step_size = 0.1, .adjoint = Adjoint::kQuadrature},
       "adjoint = 'quadrature' reads the state between the steps, which fixed steps do not keep"},
      {{.step_size = 0.1, .adjoint = Adjoint::kInterpolating}, "adjoint = 'interpolating' reads the state between"},
      {{.adjoint = Adjoint::kBacksolve, .adjoint_rtol = -1},
       "adjoint_rtol must be finite and at least 0 (that of the solve); got -1"},
      {{.method = Method::kRodas5p, .mass_matrix = {1}, .adjoint = Adjoint::kQuadrature},
       "adjoint = 'quadrature' is for y' = f; got a mass_matrix"},
      {{.method = static_cast<Method>(99)}, "method must be one of "},
      {{.control = static_cast<Control>(2)}, "control must be one of 2 enumerators; got number 2"},
      {{.adjoint = static_cast<Adjoint>(-1)}, "adjoint must be one of 7 enumerators; got number "},
  };
  const VectorField field = grows_like_its_square();
  const HostArray z0(Shape{1, 1}), times = HostArray::vector({0, 1});
  for (const auto& [options, message] : cases) {
    EXPECT_ERROR(solve(field, z0, times, options), InvalidArgument, message);
    EXPECT_ERROR(trace([&](Array z) { return solve(field, z, constant(times), options); }, {{"z", {1}}}),
                 InvalidArgument, message);
  }
  EXPECT_ERROR(solve(field, z0, HostArray::vector(std::vector<double>{})), ShapeError,
               "times must have shape [time] or [1, time]; got [0]");
}

/// Three solves, each from where the one before it ended, and a sum of all.
TEST(BadSolves, WhatFollowsFromAFailureIsNotReported) {
  const Function f = trace(
      [](Array z0) {
        const Array times = constant(HostArray::vector({0, 2}));
        Array end = z0, all = z0;
        for (int i = 0; i < 3; ++i) {
          end = solve(grows_like_its_square(), end, times)[1];
          all = all + end;
        }
        return all;
      },
      {{"z0", {1}}});
  const RunResult found = compile(f).run({HostArray(Shape{3, 1}, std::vector<double>{0.1, 1, 0.3})});
  ASSERT_EQ(found.report.failures.size(), 2U);  // of the third sample, which ends at 1 / 0.3, the second solve fails
  EXPECT_EQ(found.report.failures[0].sample, 1);
  EXPECT_NEAR(found.report.failures[0].t, 1, 1e-5);
  EXPECT_EQ(found.report.failures[1].sample, 2);
  EXPECT_NEAR(found.report.failures[1].t, 1 / 0.3 - 2, 1e-5);
  EXPECT_NEAR(found.outputs[0].at(0), 0.1 + 1.0 / 8 + 1.0 / 6 + 1.0 / 4, 1e-5);
}

/// The second of two samples, from 1 at 0 and so to infinity at 1.
TEST(BadSolves, AStepThatUnderflowsNamesSampleTimeAndStep) {
  const HostArray z0(Shape{2, 1}, std::vector<double>{0.1, 1});
  const Solution found = solve(grows_like_its_square(), z0, HostArray::vector({0, 2}));
  EXPECT_EQ(found.status[0], Status::kOk);
  EXPECT_EQ(found.status[1], Status::kStepTooSmall);
  EXPECT_NEAR(found.reached[1], 1, 1e-3);
  EXPECT_TRUE(std::isnan(found.states(1, 1, 0)));
  EXPECT_NEAR(found.states(0, 1, 0), 0.125, 1e-6);
  EXPECT_ERROR(found.check(), SolveFailed, "sample 1 ended with step_too_small at t = ");
  EXPECT_ERROR(found.check(), SolveFailed, "with step ");
}

TEST(BadSolves, ANanOfTheFieldNamesSampleTimeAndStep) {
  const VectorField field = vector_field({1}, [](Array t, Array z) { return z * sqrt(0.5 - t); });
  const HostArray z0(Shape{2, 1}, std::vector<double>{0, 1});
  const Solution found = solve(field, z0, HostArray::vector({0, 0.25, 1}), {.method = Method::kTsit5});
  for (const Status status : found.status) EXPECT_EQ(status, Status::kNonFinite);
  EXPECT_TRUE(std::isfinite(found.states(1, 1, 0)) && std::isnan(found.states(1, 2, 0)));
  EXPECT_ERROR(found.check(), SolveFailed, "sample 0 ended with non_finite at t = ");
}

TEST(BadSolves, AnEventThatNeverComesChangesNothing) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SolveEvent never = solve_event(field, [](Array, Array z) { return z[0] + 1.0; }, {.stop_after = 1});
  const HostArray z0(Shape{2, 1}, std::vector<double>{1, 2}), times = HostArray::vector({0, 1, 3});
  const Solution with = solve(field, z0, times, {}, {}, std::span(&never, 1)), without = solve(field, z0, times);
  with.check();
  EXPECT_TRUE(with.events.times.empty());
  EXPECT_TRUE(with.states.same_bits(without.states));
}

TEST(BadSolves, AFieldOfAnEmptyFunctionIsRefused) {
  EXPECT_ERROR(VectorField(Function(), {StatePart{"z", {1}}}, {}, {}), InvalidArgument,
               "[VectorField] the function is empty; make one by trace().");
  EXPECT_ERROR(SolveEvent(Function(), 0, {}, {}), InvalidArgument, "[SolveEvent] the function is empty");
}

TEST(BadSolves, NoTimeBackwardTimeAndNoSamples) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const HostArray z0(Shape{1, 1}, std::vector<double>{2});
  const Solution still = solve(field, z0, HostArray::vector({3, 3}));
  EXPECT_EQ(still.states(0, 1, 0), 2);
  EXPECT_EQ(still.accepted[0], 0);
  const Solution back = solve(field, z0, HostArray::vector({1, 0.5, 0}), {.rtol = 1e-9, .atol = 1e-9});
  EXPECT_NEAR(back.states(0, 1, 0), 2 * std::exp(0.5), 1e-7);
  EXPECT_NEAR(back.states(0, 2, 0), 2 * std::exp(1), 1e-7);
  const Solution none = solve(field, HostArray(Shape{0, 1}), HostArray::vector({0, 1}));
  none.check();
  EXPECT_EQ(none.states.shape(), (Shape{0, 2, 1}));
  EXPECT_TRUE(none.status.empty());
}

}  // namespace
}  // namespace costate
