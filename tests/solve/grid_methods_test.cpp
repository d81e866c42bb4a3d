// Methods that step on a grid alone: their orders on even and ragged grids, what they keep, and what they refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/dense_solution.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"
#include "tests/support/problems.h"

namespace costate {
namespace {

std::vector<Method> grid_methods_list() { return {grid_methods().begin(), grid_methods().end()}; }

/// Two bodies: positions and velocities, each moved by the other.
VectorField two_bodies() {
  return vector_field({4}, [](Array, Array z) {
    const Array r2 = z[0] * z[0] + z[1] * z[1], r3 = r2 * sqrt(r2);
    return stack({z[2], z[3], -z[0] / r3, -z[1] / r3});
  });
}

/// A grid of `count` steps over [0, end] of which every third is three times as long as the others.
std::vector<double> ragged_grid(std::int64_t count, double end) {
  std::vector<double> times = {0};
  for (std::int64_t i = 0; i < count; ++i) times.push_back(times.back() + (i % 3 == 1 ? 3.0 : 1.0));
  const double length = times.back();
  for (double& t : times) t *= end / length;
  return times;
}

class GridMethod : public ::testing::TestWithParam<Method> {};

double end_error(Method method, const std::vector<double>& times, int steps_per_interval) {
  constexpr double kEnd = 3;
  const test::Problem kepler = test::kepler(0.3, kEnd);
  const Solution solution =
      solve(two_bodies(), HostArray(Shape{1, 4}, std::vector<double>(kepler.y0)), HostArray::vector(times),
            {.method = method, .steps_per_interval = steps_per_interval});
  solution.check();
  const std::vector<double> truth = kepler.solution(kEnd);
  const auto last = static_cast<std::int64_t>(times.size()) - 1;
  double error = 0;
  for (std::int64_t i = 0; i < 4; ++i)
    error = std::max(error, std::abs(solution.states.at(4 * last + i) - truth[static_cast<std::size_t>(i)]));
  return error;
}

TEST_P(GridMethod, HasItsOrder) {
  const int order = tableau(GetParam()).order;
  const int few = order == 1 ? 3000 : order == 2 ? 1200 : 240;
  const double slope = std::log2(end_error(GetParam(), {0, 3}, few) / end_error(GetParam(), {0, 3}, 2 * few));
  EXPECT_GE(slope, order - 0.15);
  EXPECT_LE(slope, order + 0.5);
}

TEST_P(GridMethod, HasItsOrderOnARaggedGrid) {
  const int order = tableau(GetParam()).order;
  const int few = order == 1 ? 3000 : order == 2 ? 1200 : 480;
  const double slope =
      std::log2(end_error(GetParam(), ragged_grid(few, 3), 1) / end_error(GetParam(), ragged_grid(2 * few, 3), 1));
  EXPECT_GE(slope, order - 0.15);
  EXPECT_LE(slope, order + 0.5);
}

TEST_P(GridMethod, BitsDoNotDependOnBatchOrThreads) {
  const VectorField field = vector_field({2}, {{"push", {}}}, [](Array t, Array z, Array push) {
    return stack({z[1], push * cos(t) - sin(z[0])});
  });
  constexpr std::int64_t kBatch = 43;
  HostArray z0(Shape{kBatch, 2}), push(Shape{kBatch}), times(Shape{kBatch, 4});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    const double x = static_cast<double>(i);
    z0.set(2 * i, std::sin(x));
    push.set(i, 0.3 * std::cos(x));
    for (std::int64_t k = 0; k < 4; ++k) times.set(4 * i + k, static_cast<double>(k) * (0.4 + 0.01 * x));
  }
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const SolveOptions options{.method = GetParam(), .step_size = 0.13, .dtype = dtype};
    set_num_threads(1);
    const Solution together = solve(field, z0, times, options, std::span(&push, 1));
    set_num_threads(3);
    EXPECT_TRUE(solve(field, z0, times, options, std::span(&push, 1)).states.same_bits(together.states));
    set_num_threads(0);
    for (const std::int64_t i : {0, 17, 42}) {
      const HostArray one(Shape{1}, std::vector<double>{push.at(i)});
      const Solution alone = solve(field, z0.slice(i, i + 1), times.slice(i, i + 1), options, std::span(&one, 1));
      EXPECT_TRUE(alone.states.same_bits(together.states.slice(i, i + 1)));
      EXPECT_EQ(alone.nfe[0], together.nfe[static_cast<std::size_t>(i)]);
    }
  }
}

TEST_P(GridMethod, InAProgramIsWhatItIsOfABatch) {
  const Parameter strength("strength", HostArray::vector({1.3}));
  const VectorField field = vector_field({2}, {{"push", {}}}, [&](Array t, Array z, Array push) {
    return stack({z[1], push * cos(t) - Array(strength)[0] * sin(z[0])});
  });
  const SolveOptions options{.method = GetParam(), .step_size = 0.11};
  const Function program =
      trace([&](Array z0, Array times, Array push) { return solve(field, z0, times, options, std::span(&push, 1)); },
            {{"z0", {2}}, {"times", {4}}, {"push", {}}});
  const std::vector<HostArray> inputs = {HostArray(Shape{1, 2}, std::vector<double>{0.8, -0.2}),
                                         HostArray(Shape{1, 4}, std::vector<double>{0.2, 0.2, 0.9, 1.7}),
                                         HostArray(Shape{1}, std::vector<double>{0.4})};
  testing::check_execution(program, inputs, 1e-12);
  const HostArray z0 = inputs[0], times = inputs[1], push = inputs[2];
  const HostArray inside = compile(program).run(inputs).outputs[0];
  const HostArray outside = solve(field, z0, times, options, std::span(&push, 1)).states;
  for (std::int64_t i = 0; i < outside.size(); ++i) EXPECT_NEAR(inside.at(i), outside.at(i), 1e-13);
}

TEST_P(GridMethod, RepeatedTimesAndNoTimeAtAll) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -1.0 * z[0]}); });
  const HostArray z0(Shape{1, 2}, std::vector<double>{1, 0});
  const SolveOptions options{.method = GetParam(), .steps_per_interval = 8};
  const Solution padded = solve(field, z0, HostArray::vector({0, 0, 1, 1, 2, 2}), options);
  const Solution plain = solve(field, z0, HostArray::vector({0, 1, 2}), options);
  padded.check();
  for (std::int64_t k = 0; k < 2; ++k)
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t twice = 0; twice < 2; ++twice)
        EXPECT_NEAR(padded.states.at(2 * (2 * i + twice) + k), plain.states.at(2 * i + k), 1e-14);
  for (const std::vector<double>& times : {std::vector<double>{3}, std::vector<double>{3, 3}}) {
    const Solution still = solve(field, z0, HostArray::vector(times), options);
    still.check();
    EXPECT_EQ(still.states.at(still.states.size() - 2), 1);
  }
  EXPECT_EQ(solve(field, HostArray(Shape{0, 2}), HostArray::vector({0, 1}), options).states.size(), 0);
}

INSTANTIATE_TEST_SUITE_P(Methods, GridMethod, ::testing::ValuesIn(grid_methods_list()),
                         [](const auto& row) { return std::string(name(row.param)); });

TEST(GridMethods, AdamsIsExactForCubicSlopesOnAnyGrid) {
  const VectorField field = vector_field({1}, [](Array t, Array z) { return 0.0 * z + stack({4.0 * t * t * t - t}); });
  const std::vector<double> times = {-1, -0.7, -0.69, -0.69, 0.1, 0.15, 0.2, 0.9, 2.5};
  for (const Method method : {Method::kExplicitAdams, Method::kImplicitAdams}) {
    const Solution solution = solve(field, HostArray(Shape{1, 1}), HostArray::vector(times), {.method = method});
    for (std::size_t i = 0; i < times.size(); ++i) {
      const double t = times[i], truth = t * t * t * t - t * t / 2 - 0.5;
      EXPECT_NEAR(solution.states.at(static_cast<std::int64_t>(i)), truth, 1e-12) << name(method) << " at " << t;
    }
  }
}

/// The largest error of a pendulum's energy over the given outputs.
double energy_error(const HostArray& states, std::int64_t first, std::int64_t last) {
  const auto energy = [&](std::int64_t i) {
    return states.at(2 * i + 1) * states.at(2 * i + 1) / 2 - std::cos(states.at(2 * i));
  };
  double worst = 0;
  for (std::int64_t i = first; i < last; ++i) worst = std::max(worst, std::abs(energy(i) - energy(0)));
  return worst;
}

TEST(GridMethods, SymplecticOnesKeepTheEnergy) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -sin(z[0])}); });
  constexpr std::int64_t kCount = 4000;
  std::vector<double> times;
  for (std::int64_t i = 0; i <= kCount; ++i) times.push_back(static_cast<double>(i));
  const HostArray z0(Shape{1, 2}, std::vector<double>{1.5, 0});
  const auto late_over_early = [&](Method method) {
    const Solution solution = solve(field, z0, HostArray::vector(times), {.method = method, .steps_per_interval = 10});
    return energy_error(solution.states, kCount / 2, kCount) / energy_error(solution.states, 0, 100);
  };
  EXPECT_LT(late_over_early(Method::kSymplecticEuler), 1.05);
  EXPECT_LT(late_over_early(Method::kVelocityVerlet), 1.05);
  EXPECT_GT(late_over_early(Method::kMidpoint), 10);
}

TEST(GridMethods, CallersMistakes) {
  const VectorField odd = vector_field({3}, [](Array, Array z) { return -1.0 * z; });
  const VectorField damped = vector_field({2}, [](Array, Array z) { return stack({z[1], -1.0 * z[0] - 0.1 * z[1]}); });
  const VectorField swing = vector_field({2}, [](Array, Array z) { return stack({z[1], -sin(z[0])}); });
  const HostArray three(Shape{1, 3}), two(Shape{1, 2}), times = HostArray::vector({0, 1});
  EXPECT_ERROR(solve(odd, three, times, {.method = Method::kVelocityVerlet}), InvalidArgument,
               "'velocity_verlet' takes a state of positions and then as many velocities; got 3 numbers");
  EXPECT_ERROR(solve(damped, two, times, {.method = Method::kSymplecticEuler}), InvalidArgument,
               "the slope of number 1 depends on number 1");
  EXPECT_ERROR(solve(swing, two, times, {.method = Method::kAlf, .max_step = 0.1}), InvalidArgument, "max_step");
  EXPECT_ERROR(solve_dense(swing, two, times, {.method = Method::kAlf}), NotSupported, "fixed steps");
  EXPECT_ERROR(solve(swing, two, times, {.method = Method::kMidpoint, .adjoint = Adjoint::kReversible}),
               InvalidArgument, "adjoint = 'reversible' is for methods whose steps can be taken back");
  EXPECT_ERROR(solve(swing, two, times, {.method = Method::kAlf, .adjoint = Adjoint::kBacksolve}), InvalidArgument,
               "adjoint = 'backsolve' is for explicit Runge-Kutta methods; got 'alf'");
  const Function program = trace(
      [&](Array z0) {
        return solve(swing, z0, constant(HostArray::vector({0, 1})), {.method = Method::kAlf});
      },
      {{"z0", {2}}});
  const std::size_t by_z0[] = {0};
  EXPECT_ERROR(jvp(program, by_z0), NotSupported, "a solve by 'alf' has no forward derivative");
}

}  // namespace
}  // namespace costate
