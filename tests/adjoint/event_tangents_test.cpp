// Forward derivatives through events: against closed forms, against gradients, and second derivatives.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/event_losses.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

HostArray one_number(double value) { return HostArray(Shape{1}, std::vector<double>{value}); }

/// The tangents of a ball's loss along each of its inputs.
std::vector<double> ball_tangents(const SolveOptions& options, Dtype dtype) {
  const Ball ball;
  const Program program = compile(jvp(ball.loss(options)), {.dtype = dtype});
  std::vector<double> found;
  for (std::size_t moved = 0; moved < 4; ++moved) {
    std::vector<HostArray> inputs = {one_number(1), one_number(2)};
    for (std::size_t i = 0; i < 4; ++i) inputs.push_back(one_number(i == moved ? 1 : 0));
    found.push_back(program.run(inputs).outputs[1].at(0));
  }
  return found;
}

TEST(EventTangents, ABouncingBallHasThoseOfItsClosedForm) {
  const std::vector<double> expected = Drop::slopes();
  for (const Method method : {Method::kDopri5, Method::kTsit5, Method::kBosh3, Method::kDopri8, Method::kRodas5p,
                              Method::kKvaerno5, Method::kRadau5}) {
    const std::vector<double> found = ball_tangents({.method = method}, Dtype::kF64);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(found[i], expected[i], 10 * kDifference) << name(method) << i;
  }
  const std::vector<double> in_f32 = ball_tangents({}, Dtype::kF32);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(in_f32[i], expected[i], 1e-5 * (10 + std::abs(expected[i]))) << i;
}

TEST(EventTangents, ADosedCompartmentHasThoseOfItsClosedForm) {
  const Doses doses;
  const std::vector<HostArray> inputs = Doses::inputs();
  const Program program = compile(jvp(doses.loss({.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-13})));
  for (std::size_t moved = 0; moved < 4; ++moved) {
    std::vector<HostArray> all = inputs;
    for (std::size_t i = 0; i < 3; ++i)
      all.emplace_back(Shape{Doses::kBatch}, std::vector<double>(Doses::kBatch, i == moved ? 1 : 0));
    all.push_back(one_number(moved == 3 ? 1 : 0));
    const HostArray found = program.run(all).outputs[1];
    for (std::int64_t i = 0; i < Doses::kBatch; ++i) {
      const double at[] = {inputs[0].at(i), inputs[1].at(i), inputs[2].at(i), 0.5};
      const auto along = [&](double x) {
        double moved_at[4];
        for (std::size_t k = 0; k < 4; ++k) moved_at[k] = k == moved ? x : at[k];
        return dosed(moved_at[0], moved_at[3], moved_at[1], moved_at[2], 9);
      };
      const double expected = slope_of(along, at[moved]);
      EXPECT_NEAR(found.at(i), expected, kDifference * (1 + std::abs(expected))) << moved << ", " << i;
    }
  }
}

/// Numbers from (-1, 1), shaped like an input of a program.
HostArray drawn_like(const HostArray& input, std::uint64_t stream) {
  HostArray numbers(input.shape());
  for (std::int64_t i = 0; i < numbers.size(); ++i)
    numbers.set(i, Random(7).uniform(stream, static_cast<std::uint64_t>(i), -1, 1));
  return numbers;
}

/// The loss's tangents along (z0, push, times, level, friction), and the products of its gradient with that direction.
TEST(EventTangents, AreTheTransposeOfGradients) {
  const Swing swing;
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kForward})
    for (const Method method : {Method::kDopri8, Method::kVern9}) {
      const Function loss =
          swing.loss({.method = method, .rtol = 1e-13, .atol = 1e-15, .max_steps = 100'000, .adjoint = adjoint});
      const std::vector<HostArray> inputs = Swing::inputs();
      const std::vector<HostArray> gradient = compile(value_and_grad(loss)).run(inputs).outputs;
      std::vector<HostArray> all = inputs, of_parameters = {gradient[4], gradient[5]};
      for (std::size_t i = 0; i < 3; ++i) all.push_back(drawn_like(inputs[i], i));
      for (std::size_t i = 0; i < 2; ++i) all.push_back(drawn_like(of_parameters[i], 10 + i));
      const Program forward = compile(jvp(loss));
      std::vector<HostArray> of_samples = all;
      for (std::size_t i = 6; i < 8; ++i) of_samples[i].set(0, 0);
      const HostArray together = forward.run(all).outputs[1], alone = forward.run(of_samples).outputs[1];
      double by_parameters = 0, size = 1;
      for (std::int64_t sample = 0; sample < Swing::kBatch; ++sample) {
        double expected = 0;
        for (std::size_t i = 0; i < 3; ++i) {
          const std::int64_t numbers = inputs[i].size() / Swing::kBatch;
          for (std::int64_t k = 0; k < numbers; ++k)
            expected += gradient[1 + i].at(sample * numbers + k) * all[3 + i].at(sample * numbers + k);
        }
        EXPECT_NEAR(alone.at(sample), expected, 1e-10 * (1 + std::abs(expected))) << name(method) << sample;
        by_parameters += together.at(sample) - alone.at(sample);
        size += std::abs(alone.at(sample));
      }
      const double expected = of_parameters[0].at(0) * all[6].at(0) + of_parameters[1].at(0) * all[7].at(0);
      EXPECT_NEAR(by_parameters, expected, 1e-10 * size) << name(method);
    }
}

TEST(EventTangents, TheInterpreterAgrees) {
  const Swing swing;
  const Function forward = jvp(swing.loss({.method = Method::kDopri5, .rtol = 1e-8, .atol = 1e-10}));
  const std::vector<HostArray> inputs = Swing::inputs();
  std::vector<HostArray> compiled, one;
  for (const HostArray& input : inputs) compiled.push_back(input.slice(5, 6));
  for (std::size_t i = 0; i < 3; ++i) compiled.push_back(drawn_like(compiled[i], i));
  for (const HostArray& input : compiled) one.push_back(input.reshape(input.shape().without_first()));
  for (const Input& input : forward.inputs())
    if (input.kind == InputKind::kShared && !input.parameter)
      for (auto* all : {&compiled, &one}) all->emplace_back(input.shape, std::vector<double>{0.3});
  const std::vector<HostArray> expected = interpret(forward, one);
  const std::vector<HostArray> found = compile(forward).run(compiled).outputs;
  ASSERT_EQ(found.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(found[i].at(0), expected[i].at(0), 1e-9) << i;
}

/// Second derivatives by each order of modes, against differences of gradients.
TEST(EventTangents, SecondDerivatives) {
  const Doses doses;
  std::vector<HostArray> inputs = Doses::inputs();
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kQuadrature, Adjoint::kForward}) {
    const Function loss = doses.loss({.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-13, .adjoint = adjoint});
    const Program gradient = compile(value_and_grad(loss));
    std::vector<HostArray> moves;
    for (std::size_t i = 0; i < 3; ++i) moves.push_back(drawn_like(inputs[i], i));
    constexpr double kStep = 1e-4;
    const auto moved_gradient = [&](double step) {
      std::vector<HostArray> moved = inputs;
      for (std::size_t i = 0; i < 3; ++i)
        for (std::int64_t k = 0; k < Doses::kBatch; ++k) moved[i].set(k, inputs[i].at(k) + step * moves[i].at(k));
      return gradient.run(moved).outputs;
    };
    const auto above = moved_gradient(kStep), below = moved_gradient(-kStep);
    std::vector<HostArray> along = inputs;  // of start, dose, level and not of the rate
    along.insert(along.end(), moves.begin(), moves.end());
    std::vector<HostArray> weighted = inputs, pulled = inputs;
    const HostArray ones(Shape{Doses::kBatch}, std::vector<double>(Doses::kBatch, 1)), zero = one_number(0);
    const std::vector<std::size_t> numbers = {0, 1, 2};
    // By jvp of the gradient; by vjp of the tangent; by vjp of the gradient.
    const auto forward = compile(jvp(value_and_grad(loss), numbers)).run(along).outputs;
    weighted.insert(weighted.end(), moves.begin(), moves.end());
    weighted.insert(weighted.end(), {HostArray(Shape{Doses::kBatch}), ones});
    const auto reverse = compile(vjp(jvp(loss, numbers), numbers)).run(weighted).outputs;
    pulled.push_back(HostArray(Shape{Doses::kBatch}));
    pulled.insert(pulled.end(), moves.begin(), moves.end());
    pulled.push_back(zero);
    const auto twice = compile(vjp(value_and_grad(loss), numbers)).run(pulled).outputs;
    ASSERT_EQ(forward.size(), 10U);
    ASSERT_EQ(reverse.size(), 5U);
    ASSERT_EQ(twice.size(), 8U);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::int64_t k = 0; k < Doses::kBatch; ++k) {
        const double expected = (above[1 + i].at(k) - below[1 + i].at(k)) / (2 * kStep);
        const double tolerance = 2e-6 * (1 + std::abs(expected));
        EXPECT_NEAR(forward[6 + i].at(k), expected, tolerance) << name(adjoint) << ", " << i << ", " << k;
        EXPECT_NEAR(reverse[2 + i].at(k), expected, tolerance) << name(adjoint) << ", " << i << ", " << k;
        EXPECT_NEAR(twice[5 + i].at(k), expected, tolerance) << name(adjoint) << ", " << i << ", " << k;
      }
  }
}

/// What there is not has the tangent 0: events that did not happen, outputs after the one that ended the solve.
TEST(EventTangents, AnEventThatEndsTheSolve) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -0.7 * z; });
  const SolveEvent level = solve_event(field, [](Array, Array z) { return z[0] - 0.5; }, {.stop_after = 1});
  const Function solved = trace(
      [&](Array z0) {
        const EventSolution solution =
            solve(field, z0, constant(HostArray::vector({0, 1, 9})), {.rtol = 1e-11, .atol = 1e-13}, {},
                  {.events = std::span(&level, 1), .max_events = 2});
        return std::vector<Array>{solution.states, solution.event_times, solution.event_states, solution.count};
      },
      {{"z0", {1}}});
  const HostArray z0(Shape{1, 1}, std::vector<double>{2}), moves(Shape{1, 1}, std::vector<double>{1});
  const auto outputs = compile(jvp(solved)).run({z0, moves}).outputs;
  EXPECT_TRUE(std::isnan(outputs[0].at(2)));
  const std::vector<double> states = outputs[4].numbers();
  EXPECT_NEAR(states[0], 1, 1e-12);
  EXPECT_NEAR(states[1], std::exp(-0.7), 1e-9);
  EXPECT_EQ(states[2], 0);
  EXPECT_NEAR(outputs[5].at(0), 1 / (0.7 * 2), 1e-9);
  EXPECT_NEAR(outputs[6].at(0), 0, 1e-9);  // the state there is the level
  EXPECT_EQ(outputs[5].at(1), 0);
  EXPECT_EQ(outputs[6].at(1), 0);
  EXPECT_EQ(outputs[7].at(0), 0);
}

/// An output at the time of an event is the state before it, and moves as that does.
TEST(EventTangents, AnOutputAtTheTimeOfAnEvent) {
  const Ball ball;
  const VectorField field = ball.field();
  const SolveEvent ground = ball.ground(field);
  const Function falls = trace(
      [&](Array height, Array time) {
        const Array z0 = concat({reshape(height, {1}), zeros({1})});
        const Array times = concat({zeros({1}), reshape(time, {1})});
        return solve(field, z0, times, {}, {}, {.events = std::span(&ground, 1)}).states[1];
      },
      {{"height", {}}, {"time", {}}});
  const double landing = std::sqrt(2 / 9.81);
  const std::vector<std::size_t> inputs = {0, 1};
  const Program program = compile(jvp(falls, inputs));
  const auto by_height = program.run({one_number(1), one_number(landing), one_number(1), one_number(0)}).outputs;
  const auto by_time = program.run({one_number(1), one_number(landing), one_number(0), one_number(1)}).outputs;
  EXPECT_NEAR(by_height[0].at(1), -9.81 * landing, 1e-9);
  EXPECT_NEAR(by_height[1].at(0), 1, 1e-9);
  EXPECT_NEAR(by_height[1].at(1), 0, 1e-9);
  EXPECT_NEAR(by_time[1].at(0), -9.81 * landing, 1e-9);
  EXPECT_NEAR(by_time[1].at(1), -9.81, 1e-9);
}

TEST(EventTangents, WhatThereIsNot) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SolveEvent half = solve_event(field, [](Array, Array z) { return z[0] - 0.5; });
  const Function loss = trace(
      [&](Array z0) {
        return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                         {.method = Method::kRodas5p, .mass_matrix = {2}}, {}, {.events = std::span(&half, 1)})
                       .states);
      },
      {{"z0", {1}}});
  EXPECT_ERROR(jvp(loss), NotSupported, "a solve with a mass_matrix and events has no forward derivative");
}

}  // namespace
}  // namespace costate
