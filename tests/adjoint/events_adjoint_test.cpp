// Gradients through events: against closed forms, and against differences of solves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/event_losses.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr Adjoint kContinuous[] = {Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature,
                                   Adjoint::kForward};

std::vector<SolveOptions> ways() {
  std::vector<SolveOptions> all;
  for (const Method method : {Method::kDopri5, Method::kTsit5, Method::kBosh3, Method::kDopri8, Method::kVern7,
                              Method::kRodas5p, Method::kKvaerno5, Method::kRadau5})
    for (const std::size_t memory : {std::size_t{256} << 20, std::size_t{1}})  // with frames, and with none
      all.push_back({.method = method, .memory_budget = memory});
  for (const Adjoint adjoint : kContinuous)
    for (const Method method : {Method::kDopri5, Method::kVern7, Method::kRodas5p, Method::kKvaerno5})
      if (adjoint != Adjoint::kBacksolve || !tableau(method).is_implicit())
        all.push_back({.method = method, .adjoint = adjoint});
  return all;
}

TEST(EventsAdjoint, ABouncingBallHasTheGradientsOfItsClosedForm) {
  const Ball ball;
  for (const SolveOptions& options : ways()) {
    const Function loss = ball.loss(options);
    const Function gradient = value_and_grad(loss);
    const std::vector<double> expected = Drop::slopes();
    const auto outputs =
        compile(gradient)
            .run({HostArray(Shape{1}, std::vector<double>{1}), HostArray(Shape{1}, std::vector<double>{2})})
            .outputs;
    EXPECT_NEAR(outputs[0].at(0), Drop().loss(), 1e-11) << name(options.method);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(outputs[1 + i].at(0), expected[i], 10 * kDifference)
          << name(options.method) << ", " << name(options.adjoint) << ", " << i;
  }
}

TEST(EventsAdjoint, ADosedCompartmentHasTheGradientsOfItsClosedForm) {
  const Doses doses;
  const std::vector<HostArray> inputs = Doses::inputs();
  const HostArray &start = inputs[0], &dose = inputs[1], &level = inputs[2];
  for (const auto& [method, adjoint] :
       std::vector<std::pair<Method, Adjoint>>{{Method::kDopri8, Adjoint::kDiscrete},
                                               {Method::kRodas5p, Adjoint::kDiscrete},
                                               {Method::kKvaerno5, Adjoint::kDiscrete},
                                               {Method::kDopri8, Adjoint::kBacksolve},
                                               {Method::kDopri8, Adjoint::kInterpolating},
                                               {Method::kDopri8, Adjoint::kQuadrature},
                                               {Method::kRodas5p, Adjoint::kQuadrature}}) {
    const std::string what = std::string(name(method)) + ", " + name(adjoint);
    const bool is_coarse = tableau(method).dense_order < 5;  // so states at events err by more than the steps do
    const double rtol = is_coarse ? 1e-13 : 1e-11, tolerance = is_coarse ? 5e-7 : kDifference;
    const SolveOptions options{.method = method, .rtol = rtol, .atol = rtol / 100, .adjoint = adjoint};
    const Function loss = doses.loss(options);
    const auto outputs = compile(value_and_grad(loss)).run(inputs).outputs;
    double by_rate = 0;
    for (std::int64_t i = 0; i < Doses::kBatch; ++i) {
      const double s = start.at(i), d = dose.at(i), l = level.at(i);
      EXPECT_NEAR(outputs[0].at(i), dosed(s, 0.5, d, l, 9), tolerance / 10) << what;
      EXPECT_NEAR(outputs[1].at(i), slope_of([&](double x) { return dosed(x, 0.5, d, l, 9); }, s), tolerance) << what;
      EXPECT_NEAR(outputs[2].at(i), slope_of([&](double x) { return dosed(s, 0.5, x, l, 9); }, d), tolerance) << what;
      EXPECT_NEAR(outputs[3].at(i), slope_of([&](double x) { return dosed(s, 0.5, d, x, 9); }, l), tolerance) << what;
      by_rate += slope_of([&](double x) { return dosed(s, x, d, l, 9); }, 0.5);
    }
    EXPECT_NEAR(outputs[4].at(0), by_rate, tolerance * std::abs(by_rate)) << what;
  }
}

void expect_differences(const SolveOptions& options, double tolerance) {
  const Swing swing;
  const Function loss = swing.loss(options);
  const Program value = compile(loss);
  const std::vector<HostArray> inputs = Swing::inputs();
  const auto outputs = compile(value_and_grad(loss)).run(inputs).outputs;
  constexpr double kStep = 1e-6;
  for (std::size_t input = 0; input < 3; ++input) {
    const std::int64_t size = inputs[input].size() / Swing::kBatch;
    for (std::int64_t k = 0; k < size; ++k) {
      std::vector<HostArray> up = inputs, down = inputs;
      for (std::int64_t i = 0; i < Swing::kBatch; ++i) {
        up[input].set(i * size + k, inputs[input].at(i * size + k) + kStep);
        down[input].set(i * size + k, inputs[input].at(i * size + k) - kStep);
      }
      const HostArray above = value.run(up).outputs[0], below = value.run(down).outputs[0];
      for (std::int64_t i = 0; i < Swing::kBatch; ++i) {
        const double expected = (above.at(i) - below.at(i)) / (2 * kStep);
        EXPECT_NEAR(outputs[1 + input].at(i * size + k), expected, tolerance * (10 + std::abs(expected)))
            << "input " << input << ", " << k << ", sample " << i;
      }
    }
  }
}

TEST(EventsAdjoint, AgreesWithDifferencesOfSolves) {
  // Differences have half of the digits that the solve's tolerance leaves.
  expect_differences({.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-14}, 2e-6);
  expect_differences({.method = Method::kRodas5p, .rtol = 1e-12, .atol = 1e-14}, 2e-6);
  for (const Adjoint adjoint : kContinuous)
    expect_differences({.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-14, .adjoint = adjoint}, 2e-6);
}

TEST(EventsAdjoint, BitsDoNotDependOnBatchThreadsOrMemory) {
  const Swing swing;
  const std::vector<HostArray> inputs = Swing::inputs();
  const std::tuple<Method, Dtype, Adjoint> ways[] = {
      {Method::kDopri5, Dtype::kF64, Adjoint::kDiscrete},  {Method::kDopri5, Dtype::kF32, Adjoint::kDiscrete},
      {Method::kRodas5p, Dtype::kF64, Adjoint::kDiscrete}, {Method::kKvaerno5, Dtype::kF64, Adjoint::kDiscrete},
      {Method::kDopri5, Dtype::kF64, Adjoint::kBacksolve}, {Method::kDopri5, Dtype::kF32, Adjoint::kInterpolating},
      {Method::kDopri5, Dtype::kF64, Adjoint::kQuadrature}};
  for (const auto& [method, dtype, adjoint] : ways) {
    const SolveOptions options{.method = method, .rtol = 1e-5, .atol = 1e-7, .adjoint = adjoint};
    SolveOptions forgetful = options;
    forgetful.memory_budget = 1;
    const Program together = compile(value_and_grad(swing.loss(options)), {.dtype = dtype});
    const auto expected = together.run(inputs).outputs;
    set_num_threads(3);
    const auto threads = together.run(inputs).outputs;
    set_num_threads(0);
    const auto replayed = compile(value_and_grad(swing.loss(forgetful)), {.dtype = dtype}).run(inputs).outputs;
    for (std::size_t output = 0; output < expected.size(); ++output) {
      EXPECT_TRUE(threads[output].same_bits(expected[output]));
      EXPECT_TRUE(replayed[output].same_bits(expected[output])) << output;
    }
    for (const std::int64_t i : {0, 11, 22}) {
      std::vector<HostArray> one = {HostArray(Shape{1, 2}), HostArray(Shape{1}), HostArray(Shape{1, 3})};
      for (std::size_t input = 0; input < 3; ++input)
        for (std::int64_t k = 0; k < one[input].size(); ++k)
          one[input].set(k, inputs[input].at(i * one[input].size() + k));
      const auto alone = together.run(one).outputs;
      for (std::size_t output = 0; output < 4; ++output)
        for (std::int64_t k = 0; k < alone[output].size(); ++k)
          EXPECT_EQ(alone[output].at(k), expected[output].at(i * alone[output].size() + k)) << output;
    }
  }
}

TEST(EventsAdjoint, TheInterpreterAgrees) {
  const Swing swing;
  for (const Method method : {Method::kDopri5, Method::kRodas5p}) {
    const Function gradient = value_and_grad(swing.loss({.method = method, .rtol = 1e-7, .atol = 1e-9}));
    const std::vector<HostArray> inputs = Swing::inputs();
    std::vector<HostArray> one = {HostArray(Shape{2}), HostArray(Shape{}), HostArray(Shape{3})};
    for (std::size_t input = 0; input < 3; ++input)
      for (std::int64_t k = 0; k < one[input].size(); ++k)
        one[input].set(k, inputs[input].at(5 * one[input].size() + k));
    std::vector<HostArray> with_parameters = one;
    for (const Input& input : gradient.inputs())
      if (input.parameter) with_parameters.push_back(input.parameter->value());
    const std::vector<HostArray> expected = interpret(gradient, with_parameters);
    const auto outputs = compile(gradient).run(inputs).outputs;
    for (std::size_t output = 0; output < 4; ++output)
      for (std::int64_t k = 0; k < expected[output].size(); ++k)
        EXPECT_NEAR(outputs[output].at(5 * expected[output].size() + k), expected[output].at(k),
                    1e-6 * (1 + std::abs(expected[output].at(k))));
  }
}

TEST(EventsAdjoint, ATerminalEventsTimeAndState) {
  // z' = -k z until z = level: t = log(z0 / level) / k, where z is the level, and z' there -k level.
  const Parameter rate("rate", HostArray::vector({0.7}));
  const VectorField field = vector_field({1}, {{"level", {}}}, [&](Array, Array z, Array) { return -(rate * z); });
  const SolveEvent end =
      solve_event(field, [](Array, Array z, Array level) { return z[0] - level; }, {.stop_after = 1});
  for (const auto& [descends, adjoint] : std::vector<std::pair<bool, Adjoint>>{{false, Adjoint::kDiscrete},
                                                                               {true, Adjoint::kDiscrete},
                                                                               {false, Adjoint::kBacksolve},
                                                                               {true, Adjoint::kInterpolating},
                                                                               {false, Adjoint::kQuadrature},
                                                                               {true, Adjoint::kForward}}) {
    const Function loss = trace(
        [&](Array z0, Array level, Array start) {
          const Array times = concat({start, start + (descends ? -9.0 : 9.0)});
          const EventSolution solution = solve(field, z0, times, {.rtol = 1e-10, .atol = 1e-12, .adjoint = adjoint},
                                               std::span(&level, 1), {.events = std::span(&end, 1)});
          return 2.0 * solution.event_times[0] + 3.0 * solution.event_states[0][0];
        },
        {{"z0", {1}}, {"level", {}}, {"start", {1}}});
    const double z0 = 2, level = descends ? 8 : 0.5;
    const auto outputs =
        compile(value_and_grad(loss))
            .run({HostArray(Shape{1, 1}, std::vector<double>{z0}), HostArray(Shape{1}, std::vector<double>{level}),
                  HostArray(Shape{1, 1}, std::vector<double>{0.25})})
            .outputs;
    constexpr double kTolerance = 1e-7;
    EXPECT_NEAR(outputs[0].at(0), 2 * (0.25 + std::log(z0 / level) / 0.7) + 3 * level, kTolerance);
    EXPECT_NEAR(outputs[1].at(0), 2 / (0.7 * z0), kTolerance);
    EXPECT_NEAR(outputs[2].at(0), -2 / (0.7 * level) + 3, kTolerance);
    EXPECT_NEAR(outputs[3].at(0), 2, kTolerance);
    EXPECT_NEAR(outputs[4].at(0), -2 * std::log(z0 / level) / (0.7 * 0.7), kTolerance);
    // Forward, along all four together.
    const HostArray one(Shape{1, 1}, std::vector<double>{1});
    const HostArray tangent =
        compile(jvp(loss))
            .run({HostArray(Shape{1, 1}, std::vector<double>{z0}), HostArray(Shape{1}, std::vector<double>{level}),
                  HostArray(Shape{1, 1}, std::vector<double>{0.25}), one, HostArray::vector({1}), one,
                  HostArray::vector({1})})
            .outputs[1];
    const double expected = 2 / (0.7 * z0) - 2 / (0.7 * level) + 3 + 2 - 2 * std::log(z0 / level) / (0.7 * 0.7);
    EXPECT_NEAR(tangent.at(0), expected, kTolerance);
  }
}

TEST(EventsAdjoint, ASampleWithoutEventsAndOneThatFailed) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SolveEvent half = solve_event(
      field, [](Array, Array z) { return z[0] - 0.5; }, [](Array, Array z) { return z + 1.0; });
  const auto solved = [&](const Array& z0) {
    return solve(field, z0, constant(HostArray::vector({0, 1})), {.rtol = 1e-10, .atol = 1e-12}, {},
                 {.events = std::span(&half, 1)});
  };
  const Function gradient = value_and_grad(trace([&](Array z0) { return solved(z0).states[1][0]; }, {{"z0", {1}}}));
  const HostArray z0(Shape{3, 1}, std::vector<double>{4, 1, std::nan("")});
  const auto result = compile(gradient).run({z0});
  EXPECT_NEAR(result.outputs[1].at(0), std::exp(-1.0), 1e-8);
  // z(1) = 1.5 e^-(1 - t), t = log(2 z0).
  EXPECT_NEAR(result.outputs[1].at(1), 1.5 * 2 * std::exp(-1.0), 1e-8);
  EXPECT_EQ(result.outputs[1].at(2), 0);
  ASSERT_EQ(result.report.failures.size(), 1u);
  const auto counts = compile(trace([&](Array z0) { return solved(z0).count; }, {{"z0", {1}}})).run({z0}).outputs[0];
  EXPECT_EQ(counts.at(0), 0);
  EXPECT_EQ(counts.at(1), 1);
}

TEST(EventsAdjoint, WhatThereIsNot) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SolveEvent half = solve_event(field, [](Array, Array z) { return z[0] - 0.5; });
  const auto loss = [&](const SolveOptions& options) {
    return trace(
        [&](Array z0) {
          return sum(solve(field, z0, constant(HostArray::vector({0, 1})), options, {}, {.events = std::span(&half, 1)})
                         .states);
        },
        {{"z0", {1}}});
  };
  EXPECT_ERROR(loss({.step_size = 0.1}), NotSupported, "got fixed steps");
  EXPECT_ERROR(trace(
                   [&](Array z0) {
                     return solve(field, z0, constant(HostArray::vector({0, 1})), {}, {},
                                  {.events = std::span(&half, 1), .max_events = 0})
                         .states;
                   },
                   {{"z0", {1}}}),
               InvalidArgument, "max_events must be at least 1");
  EXPECT_ERROR(trace(
                   [&](Array z0) {
                     return solve(field, z0, constant(HostArray::vector({0, 1})), {}, {}, EventList{}).states;
                   },
                   {{"z0", {1}}}),
               InvalidArgument, "must hold one; got none");
}

}  // namespace
}  // namespace costate
