// Pull-backs of programs with solves: the bits of the same derivatives in one go, whatever the adjoint and the steps.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "costate/base/interrupt.h"
#include "costate/diff/diff.h"
#include "costate/exec/pullback.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/support/check_pullback.h"

namespace costate {
namespace {

using testing::check_pullback;
using testing::check_threads;
using testing::draw_cotangents;
using testing::expect_same_bits;

/// z' = tanh(W z) p gain + sin t, of an argument of each sample and two Parameters. Two outputs: the states, and a
/// number made of them.
struct Model {
  std::int64_t width = 2;  // of a layer that makes an evaluation dear
  Parameter rates{"rates", HostArray::vector({-0.7, -1.3})};
  Parameter weights{"weights", [this] {
                      HostArray values(Shape{width, 2});
                      for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, std::sin(static_cast<double>(i)));
                      return values;
                    }()};

  Function function(const SolveOptions& options) const {
    const VectorField field = vector_field({2}, {{"gain", {1}}}, [this](Array t, Array z, Array gain) {
      const Array w(weights);
      return Array(rates) * tanh(matmul(transpose(w), tanh(matmul(w, z)))) * gain + sin(t) * stack({z[1], -z[0]});
    });
    return trace(
        [&](Array z0, Array times, Array gain) {
          const Array states = solve(field, z0, times, options, std::span<const Array>(&gain, 1));
          return std::vector<Array>{states, sum(states * states) * gain[0]};
        },
        {{"z0", {2}}, {"times", {4}}, {"gain", {1}}});
  }
};

/// Samples whose solves take steps of different numbers.
std::vector<HostArray> inputs_of(std::int64_t batch) {
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 4}), gain(Shape{batch, 1});
  for (std::int64_t i = 0; i < batch; ++i) {
    const double x = static_cast<double>(i);
    z0.set({i, 0}, std::cos(x));
    z0.set({i, 1}, std::sin(2 * x));
    for (std::int64_t k = 0; k < 4; ++k)
      times.set({i, k}, 0.1 * x / static_cast<double>(batch) + 0.6 * static_cast<double>(k));
    gain.set({i, 0}, 0.5 + 6 * std::abs(std::sin(3 * x)));
  }
  return {z0, times, gain};
}

TEST(SolvePullback, HasTheBitsOfTheVjpInOneGo) {
  const Model model;
  const SolveOptions all[] = {
      {.rtol = 1e-5, .atol = 1e-7},
      {.method = Method::kDopri8, .rtol = 1e-8, .atol = 1e-9},
      {.method = Method::kRk4, .steps_per_interval = 5},
      {.rtol = 1e-6, .atol = 1e-8, .memory_budget = 4096},
      {.rtol = 1e-5, .atol = 1e-7, .control = Control::kJoint},
      {.rtol = 1e-6, .atol = 1e-8, .adjoint = Adjoint::kBacksolve},
      {.rtol = 1e-6, .atol = 1e-8, .adjoint = Adjoint::kInterpolating},
      {.method = Method::kDopri8, .rtol = 1e-8, .atol = 1e-9, .adjoint = Adjoint::kQuadrature},
      {.rtol = 1e-6, .atol = 1e-8, .adjoint = Adjoint::kForward},
  };
  for (const SolveOptions& options : all)
    for (const std::int64_t batch : {1, 7, 40}) {
      SCOPED_TRACE(text::concat(name(options.method), " ", name(options.adjoint), " ", name(options.control),
                                ", budget ", options.memory_budget, ", batch ", batch));
      check_pullback(model.function(options), inputs_of(batch));
    }
}

TEST(SolvePullback, HasThemOfStragglersToo) {
  const Model model{.width = 20};
  check_pullback(model.function({.rtol = 1e-6, .atol = 1e-8}), inputs_of(37));
}

TEST(SolvePullback, HasThemOfInputsWithKnotsToo) {
  const Function f = trace(
      [](Array z0, Array knots) {
        const Array times = constant(HostArray::linspace(0, 1, 6));
        const VectorField field = vector_field(
            {1}, [&](Array t, Array z) { return interpolate(times, knots, t, Interpolation::kLinear) - z; });
        return solve(field, z0, constant(HostArray::vector({0.0, 0.37, 1.0})));
      },
      {{"z0", {1}}, {"knots", {6, 1}}});
  HostArray z0(Shape{9, 1}), knots(Shape{9, 6, 1});
  for (std::int64_t i = 0; i < knots.size(); ++i) knots.set(i, std::sin(static_cast<double>(i * i)));
  check_pullback(f, {z0, knots});
}

TEST(SolvePullback, HasThemOfTwoSolvesAndOfAGradientWithin) {
  const VectorField field = vector_field({1}, {{"k", {1}}}, [](Array, Array z, Array k) { return -k * z * z; });
  const Function f = trace(
      [&](Array z0, Array k) {
        const Array times = constant(HostArray::vector({0.0, 0.5, 1.0}));
        const Array first = solve(field, z0, times, {}, std::span<const Array>(&k, 1))[-1];
        const Array second = solve(field, first + k, times, {}, std::span<const Array>(&k, 1))[-1];
        const Array slopes[] = {z0, k};
        const std::vector<Array> gradients = gradient(sum(square(second)), slopes);
        return std::vector<Array>{second, gradients[0] + gradients[1]};
      },
      {{"z0", {1}}, {"k", {1}}});
  HostArray z0(Shape{6, 1}), k(Shape{6, 1});
  for (std::int64_t i = 0; i < 6; ++i) {
    z0.set(i, 0.5 + 0.1 * static_cast<double>(i));
    k.set(i, 1 - 0.1 * static_cast<double>(i));
  }
  check_pullback(f, {z0, k});
}

/// z' = a z², which ends at t = 1 / (a z0): some samples never get to the end.
Function exploding(const Parameter& a) {
  const VectorField field = vector_field({1}, [&](Array, Array z) { return Array(a) * z * z; });
  return trace([&](Array z0, Array times) { return solve(field, z0, times, {.max_steps = 200}); },
               {{"z0", {1}}, {"times", {3}, InputKind::kShared}});
}

TEST(SolvePullback, LeavesOutSamplesThatFail) {
  const Parameter a("a", HostArray::vector({1.0}));
  const Function f = exploding(a);
  HostArray z0(Shape{21, 1});
  for (std::int64_t i = 0; i < 21; ++i) z0.set(i, i % 5 == 2 ? 3.0 : 0.01 * static_cast<double>(i));
  // Times whose digits f32 does not have: failing tiles are run again from what was given.
  const std::vector<HostArray> inputs = {z0, HostArray::vector({1.7e9, 1.7e9 + 0.25, 1.7e9 + 0.5})};
  check_pullback(f, inputs, {.wrt = {0, 2}});
  const PullbackRun run = compile_pullback(f, {.wrt = {0, 2}}).run(inputs);
  ASSERT_EQ(run.report.failures.size(), 4u);
  EXPECT_EQ(run.report.failures[0].sample, 2);
  EXPECT_TRUE(std::isnan(run.outputs[0](2, 2, 0)));
  const std::vector<HostArray> gradients = run.pullback(draw_cotangents(f, 21, 1)).gradients;
  EXPECT_EQ(gradients[0](2, 0), 0);
  EXPECT_NE(gradients[0](3, 0), 0);
  EXPECT_TRUE(std::isfinite(gradients[1].at(0)));
}

TEST(SolvePullback, OfNothingButFailuresIsZero) {
  const Parameter a("a", HostArray::vector({1.0}));
  const Function f = exploding(a);
  const PullbackRun run =
      compile_pullback(f, {.wrt = {0, 2}})
          .run({HostArray(Shape{3, 1}, std::vector<double>{5, 6, 7}), HostArray::vector({0, 0.5, 1})});
  EXPECT_EQ(run.report.failures.size(), 3u);
  for (const HostArray& gradient : run.pullback(draw_cotangents(f, 3, 1)).gradients)
    for (const double number : gradient.numbers()) EXPECT_EQ(number, 0);
}

/// All tiles of a record share the memory budget: a longer batch keeps less of each sample, and the bits stay.
TEST(SolvePullback, SharesTheMemoryBudget) {
  const Model model;
  const SolveOptions options{.rtol = 1e-7, .atol = 1e-9, .memory_budget = std::size_t{1} << 16};
  const PullbackProgram program = compile_pullback(model.function(options), {.lanes = 4});
  const auto pulled = [&](std::int64_t copies) {
    std::vector<HostArray> inputs = inputs_of(4 * copies);
    for (HostArray& input : inputs)  // the same four samples again and again
      for (std::int64_t i = 0, four = input.size() / copies; i < input.size(); ++i) input.set(i, input.at(i % four));
    const PullbackRun run = program.run(inputs);
    return run.pullback(draw_cotangents(program.function(), 4 * copies, 1));
  };
  const PullbackResult one = pulled(1), many = pulled(64);
  for (std::int64_t i = 0; i < 2; ++i) EXPECT_EQ(one.gradients[0](0, i), many.gradients[0](0, i));
  EXPECT_GT(many.report.nfe_backward, 64 * one.report.nfe_backward);
}

TEST(SolvePullback, AnyThreadsCallItWhileOthersRun) {
  const Model model;
  const PullbackProgram program = compile_pullback(model.function({.rtol = 1e-5, .atol = 1e-7}));
  const std::vector<HostArray> inputs = inputs_of(20);
  const std::vector<HostArray> cotangents = draw_cotangents(program.function(), 20, 1);
  check_threads(program, inputs, cotangents, {.threads = 4, .rounds = 3});
}

/// Does it again and again, for two seconds at most: who interrupts is asked after a tenth of one.
template <class Work>
void repeat(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(2)) work();
}

TEST(SolvePullback, CanBeInterruptedAndCalledAgain) {
  const Model model;
  const PullbackProgram program = compile_pullback(model.function({.rtol = 1e-5, .atol = 1e-7}));
  const std::vector<HostArray> inputs = inputs_of(20);
  const std::vector<HostArray> cotangents = draw_cotangents(program.function(), 20, 1);
  const PullbackRun run = program.run(inputs);
  const std::vector<HostArray> expected = run.pullback(cotangents).gradients;
  {
    const InterruptScope scope([] { throw std::runtime_error("stop"); });
    EXPECT_THROW(repeat([&] { run.pullback(cotangents); }), std::runtime_error);
  }
  {
    const InterruptScope scope([] { throw std::runtime_error("stop"); });
    EXPECT_THROW(repeat([&] { program.run(inputs); }), std::runtime_error);
  }
  expect_same_bits(run.pullback(cotangents).gradients, expected, "gradient");
  expect_same_bits(program.run(inputs).pullback(cotangents).gradients, expected, "gradient of another run");
}

}  // namespace
}  // namespace costate
