// The lane solver against the reference, one sample at a time: same numbers whatever the batch, lanes or threads.
#include "costate/solve/solve.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/reference_solve.h"
#include "tests/solve/pendulum_starts.h"

namespace costate {
namespace {

VectorField pendulum() {
  return vector_field({2}, [](Array t, Array z) { return stack({z[1], -sin(z[0]) + 0.1 * cos(t)}); });
}

internal::ReferenceSolution reference(const HostArray& z0, std::int64_t row, const std::vector<double>& times,
                                      const SolveOptions& options) {
  const auto rhs = [](double t, std::span<const double> y, std::span<double> slope) {
    slope[0] = y[1];
    slope[1] = -std::sin(y[0]) + 0.1 * std::cos(t);
  };
  const double y0[] = {z0.at(2 * row), z0.at(2 * row + 1)};
  return internal::reference_solve(rhs, y0, times, options);
}

class LaneSolverMethod : public ::testing::TestWithParam<Method> {};

TEST_P(LaneSolverMethod, AgreesWithTheReferenceSolve) {
  const VectorField field = pendulum();
  for (const std::vector<double>& times : {std::vector<double>{0, 0.4, 1.1, 2.0}, std::vector<double>{2, 1.3, 0.2}})
    for (const std::int64_t batch : {1, 7, 33}) {
      const SolveOptions options{.method = GetParam(),
                                 .steps_per_interval = tableau(GetParam()).has_error_estimate() ? 0 : 20};
      const HostArray z0 = pendulum_starts(batch);
      const Solution solution = solve(field, z0, HostArray::vector(times), options);
      solution.check();
      for (std::int64_t row = 0; row < batch; ++row) {
        const internal::ReferenceSolution expected = reference(z0, row, times, options);
        const auto sample = static_cast<std::size_t>(row);
        EXPECT_EQ(solution.accepted[sample], expected.accepted);
        EXPECT_EQ(solution.rejected[sample], expected.rejected);
        EXPECT_EQ(solution.nfe[sample], expected.nfe);
        for (std::size_t i = 0; i < times.size(); ++i)
          for (std::int64_t k = 0; k < 2; ++k)
            // An ulp of sin moves the error estimate (of order 8: near rounding) and with it the steps: by far less
            // than their own error.
            EXPECT_NEAR(solution.states.at(
                            (row * static_cast<std::int64_t>(times.size()) + static_cast<std::int64_t>(i)) * 2 + k),
                        expected.states[i][static_cast<std::size_t>(k)], 1e-2 * options.rtol);
      }
    }
}

TEST_P(LaneSolverMethod, SampleBitsDoNotDependOnBatchOrThreads) {
  const VectorField field = pendulum();
  const HostArray z0 = pendulum_starts(70), times = HostArray::vector({0, 0.3, 1.5});
  const SolveOptions options{.method = GetParam(),
                             .steps_per_interval = tableau(GetParam()).has_error_estimate() ? 0 : 7};
  set_num_threads(1);
  const Solution together = solve(field, z0, times, options);
  for (const int threads : {2, 7}) {
    set_num_threads(threads);
    EXPECT_TRUE(solve(field, z0, times, options).states.same_bits(together.states));
  }
  set_num_threads(0);
  for (const std::int64_t row : {0, 31, 69}) {
    const HostArray one(Shape{1, 2}, std::vector<double>{z0.at(2 * row), z0.at(2 * row + 1)});
    const Solution alone = solve(field, one, times, options);
    for (std::int64_t k = 0; k < 6; ++k) EXPECT_EQ(alone.states.at(k), together.states.at(row * 6 + k));
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, LaneSolverMethod,
                         ::testing::ValuesIn(explicit_methods().begin(), explicit_methods().end()),
                         [](const auto& row) { return std::string(name(row.param)); });

/// Times that all samples share are written a lane at a time where there are many, others one of each lane at a time.
TEST(Solve, ManyOutputsHaveTheBitsOfOneAfterTheOther) {
  const VectorField field = pendulum();
  const SolveEvent jump[] = {solve_event(
      field, [](Array, Array z) { return z[0]; },
      [](Array, Array z) {
        return stack({z[0], 0.9 * z[1]});
      },
      {.stop_after = 3})};
  constexpr std::int64_t kBatch = 45;
  const HostArray z0 = pendulum_starts(kBatch);
  std::vector<double> rising, falling;
  for (int i = 0; i < 150; ++i) rising.push_back(0.06 * (i - i % 7 / 5));  // some are there twice
  for (int i = 0; i < 150; ++i) falling.push_back(-0.05 * i);
  for (const std::vector<double>& times : {rising, falling}) {
    std::vector<double> own;
    for (std::int64_t i = 0; i < kBatch; ++i) own.insert(own.end(), times.begin(), times.end());
    const HostArray shared = HostArray::vector(times), each(Shape{kBatch, 150}, own);
    for (const Method method : {Method::kDopri5, Method::kDopri8, Method::kBosh3, Method::kRodas5p, Method::kRk4})
      for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
        const SolveOptions options{.method = method, .rtol = 1e-4, .dtype = dtype};
        EXPECT_TRUE(solve(field, z0, shared, options).states.same_bits(solve(field, z0, each, options).states));
        if (method == Method::kRk4) continue;
        const HostArray together = solve(field, z0, shared, options, {}, jump).states;
        EXPECT_TRUE(together.same_bits(solve(field, z0, each, options, {}, jump).states)) << name(method);
      }
  }
}

TEST(Solve, PerSampleTimesArgumentsAndParameters) {
  const Parameter rate("rate", HostArray::vector({0.5}));
  const VectorField field =
      vector_field({1}, {{"gain", {1}}}, [&](Array, Array z, Array gain) { return -(rate * gain * z); });
  const HostArray z0(Shape{3, 1}, std::vector<double>{1, 2, 3}), gains(Shape{3, 1}, std::vector<double>{1, 2, 4});
  const HostArray times(Shape{3, 2}, std::vector<double>{0, 1, 0, 2, 1, 3});
  const Solution solution =
      solve(field, z0, times, {.method = Method::kDopri8, .rtol = 1e-10, .atol = 1e-12}, std::span(&gains, 1));
  EXPECT_NEAR(solution.states.at(1), 1 * std::exp(-0.5), 1e-9);
  EXPECT_NEAR(solution.states.at(3), 2 * std::exp(-2.0), 1e-9);
  EXPECT_NEAR(solution.states.at(5), 3 * std::exp(-4.0), 1e-9);
}

TEST(Solve, NamedPartsAreOneFlatState) {
  const VectorField field = vector_field({{"x", {2}}, {"v", {2}}}, [](Array, std::span<const Array> parts) {
    return std::vector<Array>{parts[1], -parts[0]};
  });
  EXPECT_EQ(field.offset_of("v"), 2);
  EXPECT_ERROR(field.offset_of("w"), InvalidArgument, "unknown state part 'w'");
  const HostArray z0(Shape{1, 4}, std::vector<double>{1, 0, 0, 1});
  const Solution solution = solve(field, z0, HostArray::vector({0, 2}), {.method = Method::kDopri8, .rtol = 1e-10});
  EXPECT_NEAR(solution.states.at(4), std::cos(2.0), 1e-8);
  EXPECT_NEAR(solution.states.at(5), std::sin(2.0), 1e-8);
}

TEST(Solve, JointControlTakesTheSameStepsForAll) {
  const Solution solution =
      solve(pendulum(), pendulum_starts(20), HostArray::vector({0, 3}), {.control = Control::kJoint});
  for (const std::int64_t accepted : solution.accepted) EXPECT_EQ(accepted, solution.accepted[0]);
}

TEST(Solve, JointControlLeavesOutASampleThatFailsAtItsStart) {
  HostArray z0 = pendulum_starts(5);
  z0.set(2, NAN);
  const Solution solution = solve(pendulum(), z0, HostArray::vector({0, 3}), {.control = Control::kJoint});
  for (std::size_t b = 0; b < 5; ++b) EXPECT_EQ(solution.status[b], b == 1 ? Status::kNonFinite : Status::kOk);
}

TEST(Solve, LanesTakeTheNextSampleWhenTheyAreDone) {
  // Stiffness and length differ from sample to sample, so lanes are done at different times; some fail at once.
  const VectorField field =
      vector_field({1}, {{"rate", {1}}}, [](Array, Array z, Array rate) { return -(rate * z * z); });
  const std::int64_t batch = 500;
  HostArray z0(Shape{batch, 1}), rates(Shape{batch, 1}), times(Shape{batch, 2});
  for (std::int64_t b = 0; b < batch; ++b) {
    z0.set(b, b % 50 == 7 ? NAN : 1.0 + 0.01 * static_cast<double>(b));
    rates.set(b, 0.1 + 0.2 * static_cast<double>(b % 90));
    times.set(2 * b, 0.0);
    times.set(2 * b + 1, 0.1 + 0.05 * static_cast<double>(b % 37));
  }
  const SolveOptions options{.rtol = 1e-8, .atol = 1e-10};
  const Solution solution = solve(field, z0, times, options, std::span(&rates, 1));
  for (std::int64_t b = 0; b < batch; ++b) {
    const auto sample = static_cast<std::size_t>(b);
    if (b % 50 == 7) {
      EXPECT_EQ(solution.status[sample], Status::kNonFinite);
      continue;
    }
    ASSERT_EQ(solution.status[sample], Status::kOk);
    EXPECT_NEAR(solution.states.at(2 * b + 1), z0.at(b) / (1 + z0.at(b) * rates.at(b) * times.at(2 * b + 1)), 1e-7);
  }
  const HostArray one(Shape{1, 1}, std::vector<double>{z0.at(431)}),
      rate(Shape{1, 1}, std::vector<double>{rates.at(431)}), time(Shape{1, 2}, std::vector<double>{0, times.at(863)});
  const Solution alone = solve(field, one, time, options, std::span(&rate, 1));
  EXPECT_EQ(alone.states.at(1), solution.states.at(863));
  EXPECT_EQ(alone.nfe[0], solution.nfe[431]);
}

TEST(Solve, ASampleThatBlowsUpLeavesTheOthersAlone) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return z * z; });  // infinite at t = 1 / z0
  const HostArray z0(Shape{3, 1}, std::vector<double>{0.1, 2.0, 0.2}), times = HostArray::vector({0, 0.4, 1});
  const Solution solution = solve(field, z0, times);
  EXPECT_EQ(solution.status[0], Status::kOk);
  EXPECT_NE(solution.status[1], Status::kOk);
  EXPECT_NEAR(solution.reached[1], 0.5, 1e-3);
  EXPECT_TRUE(std::isfinite(solution.states.at(3 + 1)));
  EXPECT_TRUE(std::isnan(solution.states.at(3 + 2)));
  EXPECT_NEAR(solution.states.at(2), 0.1 / 0.9, 1e-6);
  EXPECT_ERROR(solution.check(), SolveFailed, "sample 1 ended with");
}

TEST(Solve, TooManyStepsIsAStatus) {
  EXPECT_ERROR(solve(pendulum(), pendulum_starts(2), HostArray::vector({0, 100}), {.max_steps = 5}).check(),
               SolveFailed, "max_steps");
  // More steps than an int counts are no single one.
  EXPECT_ERROR(
      solve(pendulum(), pendulum_starts(2), HostArray::vector({0, 1}), {.step_size = 1e-300, .max_steps = 5}).check(),
      SolveFailed, "max_steps");
}

/// Robertson's reactions, stiff: with an explicit method the steps stay at its stability limit.
TEST(Solve, AStiffFieldIsToldFromABlowUp) {
  const VectorField robertson = vector_field({3}, [](Array, Array y) {
    const Array slow = 0.04 * y[0], back = 1e4 * y[1] * y[2], fast = 3e7 * y[1] * y[1];
    return stack({back - slow, slow - back - fast, fast});
  });
  const HostArray z0(Shape{1, 3}, std::vector<double>{1, 0, 0}), times = HostArray::vector({0, 100});
  EXPECT_ERROR(solve(robertson, z0, times).check(), SolveFailed, "the field is stiff");
  EXPECT_ERROR(solve(robertson, z0, times, {.max_steps = 20'000}).check(), SolveFailed, "the field is stiff");
  const Function program = trace(
      [&](Array start) { return solve(robertson, start, constant(times), {.max_steps = 20'000}); }, {{"start", {3}}});
  const RunReport report = compile(program).run({z0}).report;
  ASSERT_EQ(report.failures.size(), 1U);
  EXPECT_NE(report.failures[0].advice.find("the field is stiff"), std::string::npos) << report.failures[0].advice;

  const VectorField explosion = vector_field({1}, [](Array, Array z) { return z * z; });
  const Solution blown = solve(explosion, HostArray(Shape{1, 1}, std::vector<double>{1.0}), HostArray::vector({0, 2}));
  EXPECT_EQ(blown.advice.find("stiff"), std::string::npos) << blown.advice;
  EXPECT_ERROR(blown.check(), SolveFailed, "look at the field there");
  EXPECT_EQ(
      solve(pendulum(), pendulum_starts(1), HostArray::vector({0, 1}), {.step_size = 1e-4, .max_steps = 5000}).advice,
      "take longer steps, or raise max_steps");
}

TEST(Solve, BadInputIsNamed) {
  const VectorField field = pendulum();
  EXPECT_ERROR(solve(field, HostArray(Shape{3}), HostArray::vector({0, 1})), ShapeError,
               "z0 must have shape [batch] + [2]; got [3]");
  EXPECT_ERROR(solve(field, pendulum_starts(2), HostArray::vector({0, 1, 0.5})), InvalidArgument,
               "must not turn back; times[1] is 1 and times[2] is 0.5");
  EXPECT_ERROR(solve(field, pendulum_starts(2), HostArray::vector({0, NAN})), InvalidArgument, "must be finite");
  EXPECT_ERROR(solve(field, pendulum_starts(2), HostArray::vector({0, 1}), {.rtol = -1}), InvalidArgument, "rtol");
  EXPECT_ERROR(vector_field({2}, [](Array, Array z) { return z[0]; }), ShapeError, "must have its shape [2]; got []");
}

TEST(Solve, ARepeatedTimeHasTheSameStateAgain) {
  const HostArray once = HostArray::vector({0, 0.5, 2}), twice = HostArray::vector({0, 0, 0.5, 0.5, 0.5, 2, 2});
  const std::size_t which[] = {0, 0, 1, 1, 1, 2, 2};
  for (const SolveOptions& options :
       {SolveOptions{}, SolveOptions{.method = Method::kDopri8}, SolveOptions{.control = Control::kJoint},
        SolveOptions{.step_size = 0.1}, SolveOptions{.method = Method::kRk4, .steps_per_interval = 3}}) {
    const Solution plain = solve(pendulum(), pendulum_starts(3), once, options),
                   again = solve(pendulum(), pendulum_starts(3), twice, options);
    for (std::int64_t row = 0; row < 3; ++row)
      for (std::int64_t k = 0; k < 14; ++k)
        EXPECT_EQ(again.states.at(14 * row + k),
                  plain.states.at(6 * row + 2 * static_cast<std::int64_t>(which[k / 2]) + k % 2))
            << row << " " << k;
  }
  const Solution still = solve(pendulum(), pendulum_starts(1), HostArray::vector({1, 1, 1}));
  for (std::int64_t k = 0; k < 6; ++k) EXPECT_EQ(still.states.at(k), pendulum_starts(1).at(k % 2));
}

TEST(SolveInATrace, ConstantTimesAreChecked) {
  const auto trace_with = [](std::vector<double> times) {
    return trace([&](Array z0) { return solve(pendulum(), z0, constant(HostArray::vector(times))); }, {{"z0", {2}}});
  };
  EXPECT_ERROR(trace_with({0, 2, 1}), InvalidArgument, "times[1] is 2 and times[2] is 1");
  EXPECT_ERROR(trace_with({0, NAN}), InvalidArgument, "must be finite");
}

TEST(SolveInATrace, AgreesWithTheInterpreterAndItsJvpWithDifferences) {
  const VectorField field = pendulum();
  const Function f = trace(
      [&](Array z0) {
        return sum(square(solve(field, z0, constant(HostArray::vector({0, 0.5, 1.2})),
                                {.method = Method::kRk4, .steps_per_interval = 10})));
      },
      {{"z0", {2}}});
  testing::check_execution(f, {pendulum_starts(9)}, 1e-13);
  const HostArray z0 = HostArray::vector({1.0, -0.4}), direction = HostArray::vector({0.3, 0.8});
  const double tangent = interpret(jvp(f), {z0, direction})[1].at(0);
  const auto at = [&](double step) {
    return interpret(f, {HostArray::vector({1.0 + 0.3 * step, -0.4 + 0.8 * step})})[0].at(0);
  };
  EXPECT_NEAR(tangent, (at(1e-5) - at(-1e-5)) / 2e-5, 1e-9);
}

}  // namespace
}  // namespace costate
