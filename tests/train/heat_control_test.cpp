// Optimal heating of one mode of a rod, y' = a y + v with the least J = 1/2 integral of (q y^2 + r v^2): a loss that is
// an integral over the solve, as one more state, and an optimum that is known. J* = p(0) y0^2 / 2 with Riccati's
// p(0) = q sinh(g T) / (g cosh(g T) - a sinh(g T)), g = sqrt(a^2 + q/r).
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "costate/train/evaluation.h"
#include "costate/train/optimizers.h"

namespace costate {
namespace {

struct HeatedMode {
  double rate, state_weight, control_weight;
  double optimum;  // J* for T = 1 and y(0) = 1, in decimals from the closed form
};

/// J of a control that is linear between `knots`, as a function of a batch of starts.
Function cost_of(const HeatedMode& mode, const Parameter& control) {
  const std::int64_t count = control.shape()[0];
  std::vector<double> knots;
  for (std::int64_t i = 0; i < count; ++i) knots.push_back(static_cast<double>(i) / static_cast<double>(count - 1));
  const VectorField field = vector_field({2}, [&](Array t, Array z) {
    const Array v = interpolate(constant(HostArray::vector(knots)), Array(control), t, Interpolation::kLinear)[0];
    const Array y = z[0];
    const Array running = 0.5 * (mode.state_weight * y * y + mode.control_weight * v * v);
    return stack({mode.rate * y + v, running});
  });
  return trace(
      [&](Array start) {
        const Array times = constant(HostArray::vector({0, 1}));
        return solve(field, concat({start, zeros({1})}), times, {.rtol = 1e-10, .atol = 1e-12})[1][1];
      },
      {{"start", {1}}});
}

TEST(HeatControl, FindsTheOptimumOfRiccatisEquation) {
  constexpr double kPi = std::numbers::pi;
  const HeatedMode modes[] = {{-0.1 * kPi * kPi, 1, 0.01, 0.0453081302}, {-1, 1, 1, 0.1929092981}};
  for (const HeatedMode& mode : modes) {
    constexpr std::int64_t kKnots = 33;
    const Parameter control("control", HostArray(Shape{kKnots, 1}));
    const Parameter wanted[] = {control};
    const Program program = compile(value_and_grad(cost_of(mode, control), wanted));
    const HostArray start(Shape{1, 1}, std::vector<double>{1});
    const auto evaluate = [&] { return mean_over_batch(program.run({start})); };
    Optimizer optimizer({.kind = OptimizerKind::kLbfgs}, {control});
    for (int step = 0; step < 100; ++step)
      if (const StepResult result = optimizer.step(evaluate, 1.0); result.was_skipped || result.gradient_norm < 1e-9)
        break;
    const double found = evaluate().loss;
    // The least J is flat: it is missed by the square of what 32 chords miss of the best control, exp(-g t) of it.
    const double g = std::sqrt(mode.rate * mode.rate + mode.state_weight / mode.control_weight);
    const double chord = std::pow(g / (kKnots - 1), 2) / 8;
    EXPECT_GT(found, mode.optimum * (1 - 1e-7));
    EXPECT_LT(found, mode.optimum * (1 + chord * chord + 1e-7));
  }
}

}  // namespace
}  // namespace costate
