// Gradients through steps on a grid: against differences of the solution, and states taken back against states kept.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/step_memory.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

/// Positions and velocities, each moved by the other, by time, by an argument of each sample and by a Parameter.
struct Springs {
  Parameter rates{"rates", HostArray::vector({0.7, 1.3})};

  VectorField field() const {
    return vector_field({4}, {{"gain", {1}}}, [this](Array t, Array z, Array gain) {
      const Array p(rates);
      return stack({p[0] * tanh(z[2]), z[3] + 0.2 * gain[0] * sin(t), -sin(z[0]) * gain[0],
                    -p[1] * z[1] + 0.3 * z[0] * z[1] + cos(2.0 * t)});
    });
  }
  /// The sum of weighted states, and its gradients by z0, times, gain and the rates.
  Function loss(const SolveOptions& options) const {
    const VectorField springs = field();
    return trace(
        [&](Array z0, Array times, Array gain) {
          const Array states = solve(springs, z0, times, options, std::span<const Array>(&gain, 1));
          Numbers weights;
          for (int i = 0; i < 12; ++i) weights.push_back(std::cos(1.0 + 1.7 * i));
          return sum(states * constant(HostArray(Shape{3, 4}, weights)));
        },
        {{"z0", {4}}, {"times", {3}}, {"gain", {1}}});
  }
};

Numbers all_numbers(const std::vector<HostArray>& outputs) {
  Numbers all;
  for (const HostArray& output : outputs)
    for (std::int64_t i = 0; i < output.size(); ++i) all.push_back(output.at(i));
  return all;
}

class GridAdjoint : public ::testing::TestWithParam<Method> {};

TEST_P(GridAdjoint, EqualsDifferencesOfTheSolution) {
  const Numbers x = {0.8, -0.3, 0.2, 0.5, 0.1, 0.9, 1.6, 0.9, 0.7, 1.3};
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kReversible}) {
    if (adjoint == Adjoint::kReversible && !tableau(GetParam()).is_reversible()) continue;
    const Springs springs;
    const Function loss = springs.loss({.method = GetParam(), .steps_per_interval = 5, .adjoint = adjoint});
    const auto gradients = [&](const Numbers& at, const Program& program) {
      return all_numbers(program.run({row(part(at, 0, 4)), row(part(at, 4, 3)), row(part(at, 7, 1))}).outputs);
    };
    const auto value = [&](const Numbers& at) {
      Springs moved;
      moved.rates.set_value(HostArray::vector(part(at, 8, 2)));
      const Function of_moved = moved.loss({.method = GetParam(), .steps_per_interval = 5});
      return gradients(at, compile(of_moved))[0];
    };
    const Numbers found = gradients(x, compile(value_and_grad(loss)));
    ASSERT_EQ(found.size(), 11u);
    expect_near(part(found, 1, 10), differences(value, x, 1e-3), 1e-8, std::string(name(adjoint)));
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, GridAdjoint, ::testing::ValuesIn(grid_methods().begin(), grid_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

TEST(ReversibleAdjoint, TakesBackTheStatesThatTheDiscreteOneKeeps) {
  const Springs springs;
  HostArray z0(Shape{21, 4}), times(Shape{21, 3}), gain(Shape{21, 1});
  for (std::int64_t i = 0; i < 21; ++i) {
    const double x = static_cast<double>(i);
    for (std::int64_t k = 0; k < 4; ++k) z0.set(4 * i + k, std::sin(x + static_cast<double>(k)));
    for (std::int64_t k = 0; k < 3; ++k) times.set(3 * i + k, static_cast<double>(k) * (1 + 0.05 * x));
    gain.set(i, 0.5 + 0.02 * x);
  }
  for (const Method method : grid_methods()) {
    if (!tableau(method).is_reversible()) continue;
    SolveOptions options{.method = method, .step_size = 0.02};
    const auto gradients = [&] {
      return all_numbers(compile(value_and_grad(springs.loss(options))).run({z0, times, gain}).outputs);
    };
    const Numbers discrete = gradients();
    options.adjoint = Adjoint::kReversible;
    expect_near(gradients(), discrete, 1e-11, std::string(name(method)));
  }
}

TEST(ReversibleAdjoint, KeepsNoStates) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -sin(z[0])}); });
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kReversible}) {
    const SolveOptions options{.method = Method::kAlf, .steps_per_interval = 1000, .adjoint = adjoint};
    const auto lifted = internal::with_memory(field, options.method);
    const internal::LaneProblem<double> problem(lifted->field, options, 1, 2,
                                                internal::WantedGradients{.times = false, .arguments = {}});
    internal::LaneSolver<double> solver(problem);
    const double z0[] = {1, 0, 0, -std::sin(1.0)}, times[] = {0, 1};
    std::vector<double> states(8);
    internal::AlignedVector<double> shared;
    internal::prepare_field<double>(problem, {}, shared);
    solver.solve({.z0 = z0, .times = times, .arguments = {}, .shared = shared.data(), .num_samples = 1}, true,
                 states.data());
    EXPECT_EQ(solver.records()[0].num_steps, 1000u);
    EXPECT_EQ(solver.records()[0].states.empty(), adjoint == Adjoint::kReversible);
  }
}

}  // namespace
}  // namespace costate
