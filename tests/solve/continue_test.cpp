// Solves that go on where others ended, those that are watched, and errors measured by a user's norm.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/solve/event_cases.h"
#include "tests/solve/pendulum_starts.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

VectorField spring() {
  return vector_field({2}, [](Array, Array z) { return stack({z[1], -1.0 * sin(z[0])}); });
}

TEST(ContinueSolve, HasTheBitsOfOneSolveWithAStop) {
  const VectorField field = spring();
  for (const Method method : {Method::kDopri5, Method::kTsit5, Method::kDopri8, Method::kVern9, Method::kRodas5p})
    for (const Dtype dtype : {Dtype::kF64, Dtype::kF32})
      for (const std::int64_t batch : {1, 37}) {
        const HostArray z0 = pendulum_starts(batch).astype(dtype);
        SolveOptions options{.method = method, .dtype = dtype};
        const Solution first = solve(field, z0, HostArray::vector({0, 1, 3}), options);
        const Solution second = continue_solve(field, first.end, HostArray::vector({3, 4, 7}), options);
        second.check();
        options.stop_at = {3};
        const Solution whole = solve(field, z0, HostArray::vector({0, 1, 3, 4, 7}), options);
        for (std::int64_t i = 0; i < batch; ++i) {
          const auto sample = static_cast<std::size_t>(i);
          for (std::int64_t k = 0; k < 4; ++k)
            EXPECT_EQ(second.states.at(6 * i + 2 + k), whole.states.at(10 * i + 6 + k)) << name(method) << ", " << i;
          EXPECT_EQ(first.accepted[sample] + second.accepted[sample], whole.accepted[sample]);
          EXPECT_EQ(first.rejected[sample] + second.rejected[sample], whole.rejected[sample]);
        }
      }
}

TEST(ContinueSolve, GoesOnWithTheMethodThatAutoHadTaken) {
  const VectorField field = vector_field({2}, [](Array, Array y) {
    return stack({y[1], 1000.0 * (1.0 - y[0] * y[0]) * y[1] - y[0]});
  });
  const HostArray z0(Shape{1, 2}, std::vector<double>{2, 0});
  SolveOptions options{.method = Method::kAuto};
  const Solution first = solve(field, z0, HostArray::vector({0, 100}), options);
  EXPECT_EQ(first.end.takes_implicit[0], 1);
  const Solution second = continue_solve(field, first.end, HostArray::vector({100, 300}), options);
  EXPECT_EQ(second.implicit_steps, second.accepted);
  options.stop_at = {100};
  const Solution whole = solve(field, z0, HostArray::vector({0, 100, 300}), options);
  for (std::int64_t k = 0; k < 2; ++k) EXPECT_EQ(second.states.at(2 + k), whole.states.at(4 + k));
  EXPECT_EQ(first.nfe[0] + second.nfe[0], whole.nfe[0]);
}

TEST(ContinueSolve, CarriesTheLastSlope) {
  const HostArray z0 = pendulum_starts(1);
  const Solution first = solve(spring(), z0, HostArray::vector({0, 3}), {.method = Method::kDopri5});
  const Solution second = continue_solve(spring(), first.end, HostArray::vector({3, 7}), {.method = Method::kDopri5});
  EXPECT_EQ(second.nfe[0], 6 * (second.accepted[0] + second.rejected[0]));
  EXPECT_EQ(first.end.slopes.at(0), first.states.at(3));  // z' of the position is the velocity
  EXPECT_NEAR(first.end.slopes.at(1), -std::sin(first.states.at(2)), 1e-15);
}

/// z' = cos(t) z, of which z(b) = z(a) exp(sin(b) - sin(a)).
VectorField swell() {
  return vector_field({1}, [](Array t, Array z) { return cos(t) * z; });
}

HostArray starts_of_swell(std::int64_t batch) {
  HostArray z0(Shape{batch, 1});
  for (std::int64_t i = 0; i < batch; ++i) z0.set(i, 1 + 0.1 * static_cast<double>(i));
  return z0;
}

constexpr double kSwellTolerance = 1e-5;  // what rtol 1e-8 leaves in the some thousand steps of methods of order 2

SolveOptions swell_options(Method method, Control control, std::int64_t max_steps = 1'000'000) {
  return {.method = method, .rtol = 1e-8, .atol = 1e-10, .max_steps = max_steps, .control = control};
}

TEST(ContinueSolve, ThatTurnsIsASolveFromThere) {
  for (const Method method : adaptive_methods())
    for (const Control control : {Control::kPerSample, Control::kJoint})
      for (const std::int64_t batch : {1, 5})
        for (const double end : {1.0, -1.0}) {
          const HostArray z0 = starts_of_swell(batch), back = HostArray::vector({end, 0.5 * end, 0});
          const SolveOptions options = swell_options(method, control);
          const Solution first = solve(swell(), z0, HostArray::vector({0, end}), options);
          const Solution second = continue_solve(swell(), first.end, back, options);
          second.check();
          const Solution fresh = solve(swell(), first.end.states, back, options);
          EXPECT_TRUE(second.states.same_bits(fresh.states)) << name(method);
          EXPECT_EQ(second.accepted, fresh.accepted) << name(method);
          for (std::int64_t i = 0; i < batch; ++i)
            EXPECT_NEAR(second.states.at(3 * i + 2), z0.at(i), kSwellTolerance) << name(method);
        }
}

TEST(ContinueSolve, SomeSamplesTurn) {
  constexpr std::int64_t kBatch = 21;
  HostArray later(Shape{kBatch, 2});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    later.set(2 * i, 1);
    later.set(2 * i + 1, i % 3 == 0 ? 0 : 2);
  }
  const HostArray z0 = starts_of_swell(kBatch);
  for (const Method method : adaptive_methods())
    for (const Control control : {Control::kPerSample, Control::kJoint}) {
      const SolveOptions options = swell_options(method, control);
      const Solution first = solve(swell(), z0, HostArray::vector({0, 1}), options);
      const Solution second = continue_solve(swell(), first.end, later, options);
      second.check();
      const Solution ahead = continue_solve(swell(), first.end, HostArray::vector({1, 2}), options);
      for (std::int64_t i = 0; i < kBatch; ++i) {
        const double found = second.states.at(2 * i + 1);
        const double truth = z0.at(i) * (i % 3 == 0 ? 1 : std::exp(std::sin(2.0)));
        EXPECT_NEAR(found, truth, kSwellTolerance * truth) << name(method);
        if (i % 3 != 0 && control == Control::kPerSample) {
          EXPECT_EQ(found, ahead.states.at(2 * i + 1)) << name(method);
        }
      }
    }
}

TEST(ContinueSolve, FromASolveOfNoSteps) {
  for (const Method method : adaptive_methods())
    for (const HostArray& times : {HostArray::vector({1}), HostArray::vector({1, 1, 1})}) {
      const SolveOptions options = swell_options(method, Control::kPerSample);
      const Solution first = solve(swell(), starts_of_swell(3), times, options);
      for (const double end : {2.0, 0.0}) {
        const HostArray later = HostArray::vector({1, end});
        const Solution second = continue_solve(swell(), first.end, later, options);
        second.check();
        EXPECT_TRUE(second.states.same_bits(solve(swell(), starts_of_swell(3), later, options).states)) << name(method);
      }
    }
}

TEST(ContinueSolve, ThroughASolveOfNoStepsKeepsTheStep) {
  for (const Method method : adaptive_methods())
    for (const double end : {3.0, -3.0}) {
      const SolveOptions options{.method = method};
      const Solution first = solve(spring(), pendulum_starts(5), HostArray::vector({0, end}), options);
      const Solution pause = continue_solve(spring(), first.end, HostArray::vector({end, end}), options);
      const HostArray later = HostArray::vector({end, 2 * end});
      const Solution paused = continue_solve(spring(), pause.end, later, options);
      const Solution second = continue_solve(spring(), first.end, later, options);
      EXPECT_TRUE(paused.states.same_bits(second.states)) << name(method);
      EXPECT_EQ(paused.accepted, second.accepted) << name(method);
    }
}

TEST(ContinueSolve, AnEmptyBatch) {
  const Solution first = solve(spring(), HostArray(Shape{0, 2}), HostArray::vector({0, 1}));
  EXPECT_FALSE(first.end.is_empty());
  const Solution second = continue_solve(spring(), first.end, HostArray::vector({1, 2, 3}));
  EXPECT_EQ(second.states.shape(), (Shape{0, 3, 2}));
}

TEST(ContinueSolve, RefusesWhatHasNoEnd) {
  const VectorField field = spring();
  const HostArray z0 = pendulum_starts(2), times = HostArray::vector({0, 1});
  const Solution done = solve(field, z0, times);
  EXPECT_ERROR(continue_solve(field, done.end, HostArray::vector({std::nextafter(1, 2), 2})), InvalidArgument,
               "times must begin where the solve ended, at 1 for sample 0; got 1.0000000000000002");
  EXPECT_ERROR(continue_solve(field, done.end, HostArray::vector({})), ShapeError, "times must have shape");
  EXPECT_ERROR(continue_solve(field, done.end, HostArray(Shape{3, 2})), ShapeError, "times must have shape");
  EXPECT_ERROR(continue_solve(field, done.end, HostArray::vector({1, 2}), {.method = Method::kRk4}), NotSupported,
               "fixed steps");
  const Solution fixed = solve(field, z0, times, {.method = Method::kRk4});
  EXPECT_ERROR(continue_solve(field, fixed.end, HostArray::vector({1, 2})), InvalidArgument, "there is no end");
  const SolveEvent ends[] = {solve_event(field, [](Array t, Array) { return t - 0.5; }, {.stop_after = 1})};
  const Solution ended = solve(field, z0, times, {}, {}, ends);
  EXPECT_ERROR(continue_solve(field, ended.end, HostArray::vector({1, 2})), InvalidArgument,
               "sample 0 ended at t = 0.5, before its last time");
}

TEST(SolveWatch, HearsOfEachAttemptAndChangesNoBit) {
  const VectorField field = spring();
  constexpr std::int64_t kBatch = 37;
  const HostArray z0 = pendulum_starts(kBatch), times = HostArray::vector({0, 1, 9});
  const SolveOptions options{.rtol = 1e-4, .first_step = 3};  // so that some are rejected
  struct Seen {
    std::int64_t attempts = 0, accepted = 0, rejected = 0;
    double t = 0;
  };
  std::map<std::int64_t, Seen> seen;
  std::vector<double> parts;
  SolveWatch watch;
  watch.on_step = [&](const StepView& step) {
    Seen& sample = seen[step.sample];
    ++sample.attempts;
    EXPECT_EQ(step.t, sample.t);
    EXPECT_EQ(step.state.size(), 2u);
    if (step.t == 0) {
      EXPECT_EQ(step.state[0], z0.at(2 * step.sample));
    }
  };
  watch.on_accept = [&](const StepView& step) {
    Seen& sample = seen[step.sample];
    ++sample.accepted;
    sample.t = step.t + step.h;
    EXPECT_LE(step.error, 1);
    EXPECT_GT(step.error, 0);
  };
  watch.on_reject = [&](const StepView& step) {
    ++seen[step.sample].rejected;
    EXPECT_GT(step.error, 1);
  };
  watch.on_progress = [&](double part) { parts.push_back(part); };
  const Solution watched = solve(field, z0, times, options, {}, {}, watch);
  const Solution plain = solve(field, z0, times, options);
  EXPECT_TRUE(watched.states.same_bits(plain.states));
  std::int64_t rejected = 0;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const auto sample = static_cast<std::size_t>(i);
    EXPECT_EQ(seen[i].accepted, plain.accepted[sample]);
    EXPECT_EQ(seen[i].rejected, plain.rejected[sample]);
    EXPECT_EQ(seen[i].attempts, plain.accepted[sample] + plain.rejected[sample]);
    EXPECT_NEAR(seen[i].t, 9, 1e-14);
    rejected += seen[i].rejected;
  }
  EXPECT_GT(rejected, 0);
  EXPECT_TRUE(std::ranges::is_sorted(parts));
  EXPECT_GT(parts.size(), 50u);
  EXPECT_EQ(parts.back(), 1);
}

TEST(SolveWatch, HearsOfFixedStepsAndMayEndTheSolve) {
  std::int64_t count = 0;
  SolveWatch watch;
  watch.on_accept = [&](const StepView& step) {
    EXPECT_EQ(step.error, 0);
    ++count;
  };
  const HostArray z0 = pendulum_starts(3), times = HostArray::vector({0, 1});
  solve(spring(), z0, times, {.method = Method::kRk4, .steps_per_interval = 10}, {}, {}, watch);
  EXPECT_EQ(count, 30);
  watch.on_accept = [&](const StepView& step) { EXPECT_EQ(step.state.size(), 2U); };  // and no slopes of steps before
  solve(spring(), z0, times, {.method = Method::kExplicitAdams, .steps_per_interval = 10}, {}, {}, watch);
  watch.on_accept = [&](const StepView&) { throw InvalidArgument("enough"); };
  EXPECT_ERROR(solve(spring(), z0, times, {}, {}, {}, watch), InvalidArgument, "enough");
}

TEST(UsersNorm, OfTheRootMeanSquareTakesTheSameSteps) {
  const VectorField field = spring();
  const Function rms = trace([](Array errors) { return sqrt(sum(errors * errors) / 2.0); }, {{"errors", {2}}});
  const HostArray z0 = pendulum_starts(19), times = HostArray::vector({0, 4});
  for (const Method method : {Method::kDopri5, Method::kDop853, Method::kRodas5p}) {
    const Solution plain = solve(field, z0, times, {.method = method});
    const Solution own = solve(field, z0, times, {.method = method, .norm = rms});
    EXPECT_EQ(own.accepted, plain.accepted);
    for (std::int64_t i = 0; i < plain.states.size(); ++i) EXPECT_NEAR(own.states.at(i), plain.states.at(i), 1e-9);
  }
}

TEST(UsersNorm, DecidesWhatIsControlled) {
  const VectorField field = spring();
  const Function first = trace([](Array errors) { return abs(errors[0]); }, {{"errors", {2}}});
  const HostArray z0 = pendulum_starts(5), times = HostArray::vector({0, 4});
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Solution own = solve(field, z0, times, {.norm = first});
  const Solution by_tolerances =
      solve(field, z0, times, {.rtols = {1e-6, kInfinity}, .atols = {1e-8, kInfinity}, .error_norm = ErrorNorm::kMax});
  EXPECT_EQ(own.accepted, by_tolerances.accepted);
  const VectorField breaks = vector_field({2}, [](Array t, Array z) { return stack({0.0 * z[0], sqrt(0.5 - t)}); });
  EXPECT_EQ(solve(breaks, z0, times, {.norm = first}).status[0], Status::kNonFinite);
}

TEST(UsersNorm, InAProgramWithItsDerivatives) {
  const VectorField field = spring();
  const Function most = trace([](Array errors) { return reduce_max(abs(errors), {0}); }, {{"errors", {2}}});
  const auto program = [&](const Function& norm) {
    return trace(
        [&](Array z0) {
          return solve(field, z0, constant(HostArray::vector({0, 1, 3})), {.rtol = 1e-9, .atol = 1e-9, .norm = norm});
        },
        {{"z0", {2}}});
  };
  const std::vector<HostArray> inputs = {pendulum_starts(3)};
  testing::check_execution(program(most), inputs, 1e-10);
  const std::vector<HostArray> tangent = {inputs[0], pendulum_starts(3)};
  const HostArray own = compile(jvp(program(most))).run(tangent).outputs[1];
  const HostArray plain = compile(jvp(program({}))).run(tangent).outputs[1];
  EXPECT_FALSE(own.same_bits(plain));
  for (std::int64_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(own.at(i), plain.at(i), 1e-7);
}

TEST(UsersNorm, CallersMistakes) {
  const Function wrong = trace([](Array errors) { return errors; }, {{"errors", {2}}});
  EXPECT_ERROR(solve(spring(), pendulum_starts(1), HostArray::vector({0, 1}), {.norm = wrong}), InvalidArgument,
               "norm must be a Function of the 2 errors of the state's numbers alone");
  EXPECT_ERROR(solve(spring(), pendulum_starts(1), HostArray::vector({0, 1}), {.method = Method::kRk4, .norm = wrong}),
               InvalidArgument, "norm is for steps chosen by the error");
}

}  // namespace
}  // namespace costate
