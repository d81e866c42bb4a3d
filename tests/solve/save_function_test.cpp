// Solves that keep a function of their states, beside the same function of the states that others give.
#include "costate/solve/save_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::int64_t kOscillators = 37;

/// z' = A z + push, damped by a Parameter; what is kept reads t, z, the argument and a Parameter of its own.
struct Oscillator {
  Parameter friction{"friction", HostArray::vector({0.2})}, weight{"weight", HostArray::vector({1.5})};

  VectorField field() const {
    return vector_field({2}, {{"push", {2}}}, [&](Array, Array z, Array push) {
      return concat({z.slice(1, 2), -1.0 * z.slice(0, 1)}) - friction * z + push;
    });
  }
  Array kept(const Array& t, const Array& z, const Array& push) const {
    return concat({weight * square(z.slice(0, 1)) + sin(t), z.slice(1, 2) * push.slice(0, 1), z.slice(0, 1)});
  }
  SaveFunction save(const VectorField& solved) const {
    return save_function(solved, [&](Array t, Array z, Array push) { return kept(t, z, push); });
  }

  static HostArray starts() {
    HostArray z0(Shape{kOscillators, 2});
    for (std::int64_t i = 0; i < z0.size(); ++i) z0.set(i, std::sin(static_cast<double>(i)));
    return z0;
  }
  static HostArray pushes() {
    HostArray push(Shape{kOscillators, 2});
    for (std::int64_t i = 0; i < push.size(); ++i) push.set(i, 0.3 * std::cos(static_cast<double>(5 * i)));
    return push;
  }
};

HostArray grid(std::int64_t count, double end) {
  HostArray times(Shape{count});
  for (std::int64_t i = 0; i < count; ++i) times.set(i, end * static_cast<double>(i) / static_cast<double>(count - 1));
  return times;
}

TEST(SaveFunction, KeepsWhatItMakesOfTheStates) {
  const Oscillator oscillator;
  const VectorField field = oscillator.field();
  const SaveFunction save = oscillator.save(field);
  const HostArray z0 = Oscillator::starts(), arguments[] = {Oscillator::pushes()};
  for (const Method method : {Method::kDopri5, Method::kRk4, Method::kRodas5p, Method::kAlf})
    for (const std::int64_t num_times : {2, 7, 150})
      for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
        const SolveOptions options{
            .method = method, .steps_per_interval = method == Method::kAlf ? 8 : 0, .dtype = dtype};
        const HostArray times = grid(num_times, 5);
        const Solution plain = solve(field, z0, times, options, arguments);
        const Solution kept = solve_saving(field, save, z0, times, options, arguments);
        ASSERT_EQ(kept.states.shape(), (Shape{kOscillators, num_times, 3}));
        EXPECT_EQ(kept.nfe, plain.nfe);
        EXPECT_EQ(kept.status, plain.status);
        if (!has_fixed_steps(options)) {
          EXPECT_TRUE(kept.end.states.same_bits(plain.end.states));
        }
        const double tolerance = dtype == Dtype::kF64 ? 1e-14 : 1e-6;
        for (std::int64_t i = 0; i < kOscillators; ++i)
          for (std::int64_t k = 0; k < num_times; ++k) {
            const double x = plain.states(i, k, 0), v = plain.states(i, k, 1);
            const double square = 1.5 * x * x + std::sin(times.at(k)), product = v * arguments[0].at(2 * i);
            EXPECT_NEAR(kept.states(i, k, 0), square, tolerance * (1 + std::abs(square))) << name(method);
            EXPECT_NEAR(kept.states(i, k, 1), product, tolerance * (1 + std::abs(product))) << name(method);
            EXPECT_EQ(kept.states(i, k, 2), x) << name(method);
          }
      }
}

TEST(SaveFunction, EachSampleHasItsOwnTimesAndNoOthersBits) {
  const Oscillator oscillator;
  const VectorField field = oscillator.field();
  const SaveFunction save = oscillator.save(field);
  HostArray times(Shape{kOscillators, 5});
  for (std::int64_t i = 0; i < times.size(); ++i)
    times.set(i, static_cast<double>(i % 5) * (1 + 0.1 * static_cast<double>(i / 5)));
  const HostArray z0 = Oscillator::starts(), arguments[] = {Oscillator::pushes()};
  const Solution all = solve_saving(field, save, z0, times, {}, arguments);
  set_num_threads(3);
  EXPECT_TRUE(solve_saving(field, save, z0, times, {}, arguments).states.same_bits(all.states));
  set_num_threads(0);
  for (const std::int64_t i : {0, 20, 36}) {
    const HostArray argument[] = {arguments[0].slice(i, i + 1)};
    const Solution alone = solve_saving(field, save, z0.slice(i, i + 1), times.slice(i, i + 1), {}, argument);
    EXPECT_TRUE(alone.states.same_bits(all.states.slice(i, i + 1)));
    EXPECT_NEAR(all.states(i, 4, 0), 1.5 * std::pow(all.states(i, 4, 2), 2) + std::sin(times(i, 4)), 1e-14);
  }
}

/// A sample that an event ended, and one that failed, have NaN from there on, whatever the function makes of a NaN.
TEST(SaveFunction, WhereThereIsNoState) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return where(z > 50.0, sqrt(40.0 - z), -z); });
  const SaveFunction save = save_function(field, [](Array, Array z) { return where(z[0] > 0.0, 1.0, 2.0); });
  const SolveEvent half = solve_event(field, [](Array, Array z) { return z[0] - 0.5; }, {.stop_after = 1});
  const Solution kept = solve_saving(field, save, HostArray(Shape{3, 1}, std::vector<double>{1, 0.4, 60}),
                                     HostArray::vector({0, 0.5, 1}), {}, {}, std::span(&half, 1));
  ASSERT_EQ(kept.states.shape(), (Shape{3, 3}));
  EXPECT_EQ(kept.states(0, 1), 1);
  EXPECT_TRUE(std::isnan(kept.states(0, 2)));
  EXPECT_EQ(kept.states(1, 2), 1);
  EXPECT_EQ(kept.status[2], Status::kNonFinite);
  EXPECT_TRUE(std::isnan(kept.states(2, 1)));
  EXPECT_NEAR(kept.events.states.at(0), 0.5, 1e-12);
}

/// Inside a trace: value and gradient of a loss are those of the function applied row by row, by all adjoints.
TEST(SaveFunction, GradientsAreThoseOfTheComposition) {
  const Oscillator oscillator;
  const VectorField field = oscillator.field();
  const SaveFunction save = oscillator.save(field);
  const std::vector<HostArray> inputs = {Oscillator::starts(), Oscillator::pushes(), grid(4, 3)};
  for (const Adjoint adjoint :
       {Adjoint::kDiscrete, Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward}) {
    const SolveOptions options{.rtol = 1e-9, .atol = 1e-11, .adjoint = adjoint};
    const auto loss = [&](bool by_hand) {
      return trace(
          [&](Array z0, Array push, Array times) {
            if (!by_hand) return sum(cos(solve_saving(field, save, z0, times, options, std::span(&push, 1))));
            const Array states = solve(field, z0, times, options, std::span(&push, 1));
            std::vector<Array> rows;
            for (std::int64_t i = 0; i < 4; ++i) rows.push_back(oscillator.kept(times[i], states[i], push));
            return sum(cos(stack(rows)));
          },
          {{"z0", {2}}, {"push", {2}}, {"times", {4}, InputKind::kShared}});
    };
    const Program value = compile(loss(false));
    const auto found = compile(value_and_grad(loss(false))).run(inputs).outputs;
    const auto composed = value_and_grad(loss(true));
    const auto expected = compile(composed).run(inputs).outputs;
    // Parameters are met in another order.
    const auto by_name = [](const Function& function, const std::vector<HostArray>& outputs, const std::string& what) {
      for (std::size_t i = 0; i < outputs.size(); ++i)
        if (function.outputs()[i].name == what) return outputs[i];
      return HostArray();
    };
    const Function saved = value_and_grad(loss(false));
    for (const char* what : {"d_z0", "d_push", "d_times", "d_friction", "d_weight"}) {
      const HostArray mine = by_name(saved, found, what), other = by_name(composed, expected, what);
      ASSERT_EQ(mine.size(), other.size()) << what;
      ASSERT_GT(mine.size(), 0) << what;
      for (std::int64_t k = 0; k < mine.size(); ++k)
        EXPECT_NEAR(mine.at(k), other.at(k), 1e-11 * (1 + std::abs(other.at(k)))) << name(adjoint) << what;
    }
    constexpr double kStep = 1e-5;
    for (std::int64_t k = 0; k < 2; ++k) {
      std::vector<HostArray> up = inputs, down = inputs;
      for (std::int64_t i = 0; i < kOscillators; ++i) {
        up[0].set(2 * i + k, inputs[0].at(2 * i + k) + kStep);
        down[0].set(2 * i + k, inputs[0].at(2 * i + k) - kStep);
      }
      const HostArray above = value.run(up).outputs[0], below = value.run(down).outputs[0];
      const HostArray by_z0 = by_name(saved, found, "d_z0");
      for (std::int64_t i = 0; i < kOscillators; ++i)
        EXPECT_NEAR(by_z0.at(2 * i + k), (above.at(i) - below.at(i)) / (2 * kStep), 1e-4) << name(adjoint);
    }
  }
}

/// Behind an event that ended the solve nothing of the function comes into a gradient, and no NaN.
TEST(SaveFunction, GradientsWithEvents) {
  const Parameter scale("scale", HostArray::vector({2}));
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SaveFunction save = save_function(field, [&](Array, Array z) { return scale * log(z); });
  const SolveEvent half = solve_event(field, [](Array, Array z) { return z[0] - 0.5; }, {.stop_after = 1});
  const Function loss = trace(
      [&](Array z0) {
        const EventSolution solution =
            solve_saving(field, save, z0, constant(HostArray::vector({0, 0.5, 1})), {.rtol = 1e-10, .atol = 1e-12}, {},
                         {.events = std::span(&half, 1)});
        return sum(where(equal(solution.states, solution.states), solution.states, 0.0));
      },
      {{"z0", {1}}});
  const auto outputs = compile(value_and_grad(loss)).run({HostArray(Shape{1, 1}, std::vector<double>{1})}).outputs;
  EXPECT_NEAR(outputs[0].at(0), 2 * -0.5, 1e-8);
  EXPECT_NEAR(outputs[1].at(0), 2 * 2, 1e-8);
  EXPECT_NEAR(outputs[2].at(0), -0.5, 1e-8);
}

TEST(SaveFunction, WhatIsRefused) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const VectorField other = vector_field({2}, [](Array, Array z) { return -z; });
  const SaveFunction save = save_function(field, [](Array, Array z) { return z[0]; });
  const HostArray z0(Shape{1, 2}), times = HostArray::vector({0, 1});
  EXPECT_ERROR(solve_saving(other, save, z0, times), InvalidArgument, "made for a field with another state");
  EXPECT_ERROR(save_function(field, [](Array, Array z, Array) { return z; }), InvalidArgument,
               "the function takes 1 arguments besides t and z; its field has 0");
  EXPECT_ERROR(solve_saving(field, save, HostArray(Shape{1, 1}), times, {.method = Method::kBdf}), NotSupported,
               "a save function is for steps of Costate's own");
  EXPECT_ERROR(trace(
                   [&](Array level) {
                     const SaveFunction uses = save_function(field, [&](Array, Array z) { return z * level; });
                     solve_saving(field, uses, HostArray(Shape{1, 1}), times);
                     return level;
                   },
                   {{"level", {}}}),
               InvalidArgument, "uses an Array of the trace around it");
}

}  // namespace
}  // namespace costate
