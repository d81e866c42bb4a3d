// Method "auto": that it finds stiffness and its end, says so of each sample, and is exact in lanes and gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/base/threads.h"
#include "costate/graph/interpret.h"
#include "costate/solve/control/stiffness_switch.h"
#include "costate/solve/internal/implicit_step.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

/// Van der Pol with mu as argument: stiff on the slow branches if mu is large.
VectorField relaxation() {
  return vector_field({2}, {{"mu", {1}}}, [](Array, Array y, Array mu) {
    return stack({y[1], mu[0] * (1.0 - y[0] * y[0]) * y[1] - y[0]});
  });
}

Solution solve_relaxation(const std::vector<double>& mu, const SolveOptions& options, std::vector<double> times) {
  const auto batch = static_cast<std::int64_t>(mu.size());
  HostArray z0(Shape{batch, 2});
  for (std::int64_t i = 0; i < batch; ++i) z0.set(2 * i, 2);
  const HostArray given(Shape{batch, 1}, mu);
  Solution solution = solve(relaxation(), z0, HostArray::vector(std::move(times)), options, std::span(&given, 1));
  solution.check();
  return solution;
}

TEST(StiffnessSwitch, TakesSeveralStepsToGoOverAndFewerToGoBack) {
  internal::StiffnessSwitch state;
  int steps = 0;
  while (!internal::note_stiffness(state, 1)) ++steps;
  EXPECT_EQ(steps, internal::kStiffSteps - 1);
  EXPECT_FALSE(state.is_explicit);
  EXPECT_FALSE(internal::note_stiffness(state, 0.1));
  EXPECT_FALSE(internal::note_stiffness(state, 3));  // takes one back
  steps = 0;
  while (!internal::note_stiffness(state, 0.1)) ++steps;
  EXPECT_EQ(steps, internal::kSoftSteps - 1);
  EXPECT_TRUE(state.is_explicit);
  EXPECT_FALSE(internal::note_stiffness(state, std::nan("")));
  EXPECT_TRUE(state.is_explicit);
}

TEST(AutoMethod, ItsExplicitStepHasItsOrdersAndItsDenseOutput) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return y * cos(t); });
  const internal::StepFunction step =
      internal::explicit_step(field, {.method = Method::kAuto}, internal::StepUse::kForward);
  const auto truth = [](double t) { return std::exp(std::sin(t)); };
  const auto errors = [&](double h) {
    std::vector<HostArray> inputs;
    for (const double node : step.nodes) inputs.emplace_back(Shape{}, std::vector<double>{0.5 + node * h});
    inputs.emplace_back(Shape{}, std::vector<double>{h});
    inputs.push_back(HostArray::vector({truth(0.5)}));
    const std::vector<HostArray> outputs = interpret(step.function, inputs);
    double inside = truth(0.5);
    for (std::size_t j = 0; j < step.num_dense; ++j)
      for (std::size_t p = 0; p < step.dense_degree; ++p)
        inside += step.dense_row(j)[p] * std::pow(0.37, static_cast<double>(p + 1)) * outputs[1 + j].at(0);
    return std::vector<double>{std::abs(outputs[0].at(0) - truth(0.5 + h)), std::abs(inside - truth(0.5 + 0.37 * h)),
                               std::abs(outputs[1 + step.num_dense].at(0))};
  };
  const std::vector<double> whole = errors(0.1), half = errors(0.05);
  EXPECT_NEAR(std::log2(whole[0] / half[0]), 6, 0.5);
  EXPECT_NEAR(std::log2(whole[1] / half[1]), 5, 0.5);
  EXPECT_NEAR(std::log2(whole[2] / half[2]), 5, 0.5);
}

TEST(AutoMethod, MeasuresStiffnessInUnitsOfTheStabilityLimit) {
  // y' = -100 y: h = 0.035 is at the limit of tsit5, 3.5068.
  const VectorField field = vector_field({1}, [](Array, Array y) { return -100.0 * y; });
  const SolveOptions options{.method = Method::kAuto};
  for (const bool is_explicit : {true, false}) {
    const auto make = is_explicit ? internal::explicit_step : internal::step_function;
    const internal::StepFunction step = make(field, options, internal::StepUse::kForward, 2.2e-16);
    ASSERT_TRUE(step.has_stiffness);
    std::vector<HostArray> inputs(step.nodes.size(), HostArray(Shape{}, std::vector<double>{0}));
    inputs.emplace_back(Shape{}, std::vector<double>{0.035068});
    inputs.push_back(HostArray::vector({1}));
    EXPECT_NEAR(interpret(step.function, inputs).back().at(0), 1, 1e-10) << is_explicit;
  }
}

TEST(AutoMethod, TakesExplicitStepsOnlyWhereNothingIsStiff) {
  const Solution solution = solve_relaxation({1, 1.5}, {.method = Method::kAuto}, {0, 20});
  for (const std::int64_t steps : solution.implicit_steps) EXPECT_EQ(steps, 0);
  for (const auto& switches : solution.switches) EXPECT_TRUE(switches.empty());
  const Solution tsit5 = solve_relaxation({1, 1.5}, {.method = Method::kTsit5}, {0, 20});
  EXPECT_NEAR(static_cast<double>(solution.accepted[0]), static_cast<double>(tsit5.accepted[0]), 3);
  EXPECT_EQ(tsit5.implicit_steps[0], 0);
}

TEST(AutoMethod, GoesOverWhereTheFieldIsStiffAndBackWhereItIsNot) {
  const std::vector<double> mus = {1000, 300};
  const Solution solution = solve_relaxation(mus, {.method = Method::kAuto}, {0, 1000});
  const Solution rodas = solve_relaxation(mus, {.method = Method::kRodas5p, .rtol = 1e-9, .atol = 1e-11}, {0, 1000});
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_GE(solution.switches[i].size(), 3U);  // onto a slow branch, off it, and onto the next
    EXPECT_LT(solution.switches[i][0], mus[i] / 10);
    EXPECT_GT(solution.switches[i][1], 0.7 * mus[i]);
    EXPECT_TRUE(std::ranges::is_sorted(solution.switches[i]));
    EXPECT_GT(solution.implicit_steps[i], 50);
    EXPECT_LT(solution.implicit_steps[i], solution.accepted[i]);
    EXPECT_LT(solution.accepted[i], 2000);
    EXPECT_EQ(rodas.implicit_steps[i], rodas.accepted[i]);
  }
  for (std::int64_t k = 0; k < 8; ++k)
    EXPECT_NEAR(solution.states.at(k), rodas.states.at(k), 1e-4 * (1 + std::abs(rodas.states.at(k)))) << k;
}

TEST(AutoMethod, SampleBitsDoNotDependOnBatchOrThreads) {
  std::vector<double> mu;
  for (int i = 0; i < 40; ++i) mu.push_back(i % 3 == 0 ? 1.0 + 0.1 * i : 20.0 * i);
  const SolveOptions options{.method = Method::kAuto};
  set_num_threads(1);
  const Solution together = solve_relaxation(mu, options, {0, 3, 30});
  set_num_threads(3);
  EXPECT_TRUE(solve_relaxation(mu, options, {0, 3, 30}).states.same_bits(together.states));
  set_num_threads(0);
  for (const std::size_t row : {0U, 7U, 38U}) {
    const Solution alone = solve_relaxation({mu[row]}, options, {0, 3, 30});
    for (std::int64_t k = 0; k < 6; ++k)
      EXPECT_EQ(alone.states.at(k), together.states.at(static_cast<std::int64_t>(row) * 6 + k));
    EXPECT_EQ(alone.nfe[0], together.nfe[row]);
    EXPECT_EQ(alone.implicit_steps[0], together.implicit_steps[row]);
    EXPECT_EQ(alone.switches[0], together.switches[row]);
  }
}

TEST(AutoMethod, LanesAgreeWithTheInterpreter) {
  const Function program = trace(
      [](Array z0, Array times, Array mu) {
        return solve(relaxation(), z0, times, {.method = Method::kAuto}, std::span<const Array>(&mu, 1));
      },
      {{"z0", {2}}, {"times", {3}}, {"mu", {1}}});
  const std::int64_t batch = 9;
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 3}), mu(Shape{batch, 1});
  for (std::int64_t b = 0; b < batch; ++b) {
    z0.set(2 * b, 2);
    mu.set(b, b % 2 == 0 ? 1.0 : 60.0);
    for (std::int64_t i = 0; i < 3; ++i) times.set(3 * b + i, 8.0 * static_cast<double>(i));
  }
  testing::check_execution(program, {z0, times, mu}, 1e-6);
}

TEST(AutoMethod, RefusesFixedStepsAndAMassMatrix) {
  const VectorField field = vector_field({1}, [](Array, Array y) { return -y; });
  const HostArray z0(Shape{1, 1}, std::vector<double>{1});
  EXPECT_ERROR(solve(field, z0, HostArray::vector({0, 1}), {.method = Method::kAuto, .step_size = 0.1}),
               InvalidArgument, "'auto' goes by the error and the stiffness of its steps; got fixed steps");
  EXPECT_ERROR(solve(field, z0, HostArray::vector({0, 1}), {.method = Method::kAuto, .mass_matrix = {1}}),
               InvalidArgument, "mass_matrix is for 'rodas5p', 'radau5', 'radauIIA3', 'radauIIA5'; got 'auto'");
}

}  // namespace
}  // namespace costate
