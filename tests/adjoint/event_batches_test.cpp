// Derivatives through events of batches that fill no tile, in which events happen in some samples only: what is
// evaluated in lanes without one counts nothing. Against closed forms, and the samples one at a time.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"

namespace costate {
namespace {

constexpr std::int64_t kBatches[] = {1, 3, 4, 5, 7, 9};

SolveOptions options_of(Adjoint adjoint, Method method = Method::kDopri8) {
  return {.method = method, .rtol = 1e-11, .atol = 1e-13, .adjoint = adjoint};
}

HostArray ones_of(const Shape& shape) {
  return HostArray(shape, std::vector<double>(static_cast<std::size_t>(shape.size()), 1));
}

/// Second derivatives of a loss by each order of modes.
class AllSecondDerivatives {
 public:
  explicit AllSecondDerivatives(const Function& loss, const CompileOptions& options = {})
      : numbers_(loss.inputs().size()) {
    std::iota(numbers_.begin(), numbers_.end(), 0);
    programs_.push_back(compile(jvp(value_and_grad(loss)), options));
    programs_.push_back(compile(vjp(jvp(loss), numbers_), options));
    programs_.push_back(compile(vjp(value_and_grad(loss), numbers_), options));
  }

  /// Along moves of all inputs; of each input.
  std::vector<std::vector<HostArray>> along(const std::vector<HostArray>& inputs,
                                            const std::vector<HostArray>& moves) const {
    const std::int64_t batch = inputs[0].shape()[0];
    const HostArray none(Shape{batch}), ones = ones_of({batch});
    const std::vector<std::vector<HostArray>> before = {{}, {}, {none}}, after = {{}, {none, ones}, {}};
    std::vector<std::vector<HostArray>> found;
    for (std::size_t i = 0; i < programs_.size(); ++i) {
      std::vector<HostArray> all = inputs;
      for (const auto* part : {&before[i], &moves, &after[i]}) all.insert(all.end(), part->begin(), part->end());
      const std::vector<HostArray> outputs = programs_[i].run(all).outputs;
      found.emplace_back(outputs.end() - static_cast<std::ptrdiff_t>(numbers_.size()), outputs.end());
    }
    return found;
  }

 private:
  std::vector<std::size_t> numbers_;
  std::vector<Program> programs_;
};

class EventBatches : public ::testing::TestWithParam<Adjoint> {};

/// z' = -q z with an event that never happens: the sum of z(1) has the derivatives of z0 exp(-q).
TEST_P(EventBatches, AnEventThatNeverHappens) {
  for (const Method method : {Method::kDopri8, Method::kTsit5}) {
    const Parameter q{"q", HostArray::vector({0.7})};
    const VectorField field = vector_field({1}, [&](Array, Array z) { return -(q * z); });
    const SolveEvent never = solve_event(field, [](Array, Array z) { return z[0] + 9.0; });
    const Function loss = trace(
        [&](Array z0) {
          return solve(field, z0, constant(HostArray::vector({0, 1})), options_of(GetParam(), method), {},
                       {.events = std::span(&never, 1)})
              .states[1][0];
        },
        {{"z0", {1}}});
    const AllSecondDerivatives second(loss);
    const double decay = std::exp(-0.7);
    for (const std::int64_t batch : kBatches)
      for (const auto& found :
           second.along({ones_of({batch, 1})}, {HostArray(Shape{batch, 1}), HostArray::vector({1})})) {
        EXPECT_NEAR(found[1].at(0), static_cast<double>(batch) * decay, 1e-8) << name(method) << batch;
        for (std::int64_t i = 0; i < batch; ++i) EXPECT_NEAR(found[0].at(i), -decay, 1e-8) << name(method) << i;
      }
  }
}

/// A ball let go at rest, where its height does not move, with a factor of the sample's own, gravity of all, and a
/// second event whose g never moves. Some samples never bounce.
struct Throw {
  Parameter gravity{"gravity", HostArray::vector({9.81})};

  static constexpr double kEnd = 1.7;
  static double height_at_end(double height, double factor, double gravity) {
    double t = std::sqrt(2 * height / gravity), speed = gravity * t;
    if (t > kEnd) return height - gravity / 2 * kEnd * kEnd;
    for (speed *= factor; t + 2 * speed / gravity < kEnd; speed *= factor) t += 2 * speed / gravity;
    return speed * (kEnd - t) - gravity / 2 * (kEnd - t) * (kEnd - t);
  }

  Function loss(const SolveOptions& options) const {
    return trace(
        [&](Array z0, Array factor) {
          const VectorField field = vector_field({2}, [&](Array, Array z) {
            return concat({z.slice(1, 2), -1.0 * Array(gravity)});
          });
          const SolveEvent ground = solve_event(
              field, [](Array, Array z) { return z[0]; },
              [&](Array, Array z) {
                return concat({0.0 * z.slice(0, 1), -1.0 * factor * z.slice(1, 2)});
              },
              {.direction = Crossing::kFalling});
          const SolveEvent never = solve_event(
              field, [&](Array, Array z) { return factor[0] + 3.0 + 0.0 * z[0]; },
              [&](Array, Array z) { return gravity * z; });
          const SolveEvent events[] = {ground, never};
          return solve(field, z0, constant(HostArray::vector({0, kEnd})), options, {},
                       {.events = events, .max_events = 3})
              .states[1][0];
        },
        {{"z0", {2}}, {"factor", {1}}});
  }

  static std::vector<HostArray> inputs(std::int64_t batch) {
    HostArray z0(Shape{batch, 2}), factor(Shape{batch, 1});
    for (std::int64_t i = 0; i < batch; ++i) {
      const double heights[] = {1.5, 30, 1, 2};
      z0.set(2 * i, heights[i % 4] + 0.01 * static_cast<double>(i));
      factor.set(i, 0.8 - 0.02 * static_cast<double>(i % 3));
    }
    return {z0, factor};
  }
};

double second_difference(const std::function<double(double)>& f, double x) {
  constexpr double kStep = 1e-4;
  return (f(x + kStep) - 2 * f(x) + f(x - kStep)) / (kStep * kStep);
}

TEST_P(EventBatches, AnEventThatHappensInSomeSamples) {
  const Throw thrown;
  const Function loss = thrown.loss(options_of(GetParam()));
  const AllSecondDerivatives second(loss), of_one(loss, {.lanes = 1});
  const HostArray zero = HostArray::vector({0});
  for (const std::int64_t batch : kBatches) {
    const std::vector<HostArray> inputs = Throw::inputs(batch);
    const HostArray still(Shape{batch, 2}), fixed(Shape{batch, 1});
    const auto by_factor = second.along(inputs, {still, ones_of({batch, 1}), zero});
    double by_gravity = 0;
    for (std::int64_t i = 0; i < batch; ++i) {
      const double height = inputs[0].at(2 * i), factor = inputs[1].at(i);
      const double expected =
          second_difference([&](double x) { return Throw::height_at_end(height, x, 9.81); }, factor);
      by_gravity += second_difference([&](double x) { return Throw::height_at_end(height, factor, x); }, 9.81);
      const auto alone = of_one.along({inputs[0].slice(i, i + 1), inputs[1].slice(i, i + 1)},
                                      {HostArray(Shape{1, 2}), ones_of({1, 1}), zero});
      for (std::size_t order = 0; order < by_factor.size(); ++order) {
        const double found = by_factor[order][1].at(i), size = 1 + std::abs(expected);
        EXPECT_NEAR(found, expected, 2e-6 * size) << batch << ", " << i << ", " << order;
        EXPECT_NEAR(found, alone[order][1].at(0), 1e-9 * size) << batch << ", " << i << ", " << order;
      }
    }
    for (const auto& found : second.along(inputs, {still, fixed, HostArray::vector({1})}))
      EXPECT_NEAR(found[2].at(0), by_gravity, 2e-6 * (1 + std::abs(by_gravity))) << batch;
  }
}

/// A reset that has no derivative by a Parameter where the solves start: sqrt(q z) at z = 0. z' = 1 up to the level,
/// then on from sqrt(q level): the slope by q is sqrt(level / q) / 2.
TEST_P(EventBatches, AResetWithoutADerivativeAtTheStart) {
  const Parameter q{"q", HostArray::vector({0.64})};
  const Function loss = trace(
      [&](Array level) {
        const VectorField field = vector_field({1}, [](Array, Array z) { return ones({1}) + 0.0 * z; });
        const SolveEvent reset = solve_event(
            field, [&](Array, Array z) { return z[0] - level; }, [&](Array, Array z) { return sqrt(q * z); },
            {.direction = Crossing::kRising});
        return solve(field, zeros({1}), constant(HostArray::vector({0, 1})), options_of(GetParam()), {},
                     {.events = std::span(&reset, 1)})
            .states[1][0];
      },
      {{"level", {}}});
  const Program gradient = compile(value_and_grad(loss));
  for (const std::int64_t batch : kBatches) {
    HostArray level(Shape{batch});
    double expected = 0;
    for (std::int64_t i = 0; i < batch; ++i) {
      level.set(i, i % 2 == 0 ? 0.9 : 2);  // 2 is not reached
      if (i % 2 == 0) expected += std::sqrt(0.9 / 0.64) / 2;
    }
    const auto found = gradient.run({level}).outputs;
    EXPECT_NEAR(found[2].at(0), expected, 1e-9) << batch;
  }
}

/// A program that goes on with what a solve gives: where that is 0, sqrt(weight z) has no derivative by the weight.
TEST_P(EventBatches, WhatIsMadeOfASolve) {
  const Parameter weight{"weight", HostArray(Shape{}, std::vector<double>{0.5})};
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const Function loss = trace(
      [&](Array z0) {
        const Array end = solve(field, z0, constant(HostArray::vector({0, 1})), options_of(GetParam()))[1][0];
        return sqrt(weight * end);
      },
      {{"z0", {1}}});
  const Program gradient = compile(value_and_grad(loss));
  for (const std::int64_t batch : kBatches) {
    const auto found = gradient.run({ones_of({batch, 1})}).outputs;
    EXPECT_NEAR(found[2].at(0), static_cast<double>(batch) * std::exp(-0.5) / (2 * std::sqrt(0.5)), 1e-9) << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(AllAdjoints, EventBatches, ::testing::ValuesIn(test::kAdjoints), test::adjoint_name);

}  // namespace
}  // namespace costate
