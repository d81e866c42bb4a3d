// Solves whose field holds a root: their first derivatives are made of the root's second ones where the step itself
// differentiates the field.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/operations/root.h"
#include "costate/solve/sde.h"
#include "costate/solve/solve.h"
#include "costate/solve/steady_state.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

/// w + 0.9 sin w = z.
Array bent(const Array& z) {
  return root([&](Array w) { return w + 0.9 * sin(w) - z; }, z, {.jacobian = RootJacobian::kDense});
}

/// The gradient of a loss of one number against differences of itself: what was computed is what is differentiated.
void expect_gradient_of_steps(const Function& loss, const HostArray& starts) {
  constexpr double kStep = 1e-3;
  const Program program = compile(loss);
  const std::size_t by_start[] = {0};
  const HostArray found = compile(value_and_grad(loss, by_start)).run({starts}).outputs[1];
  const auto at = [&](std::int64_t i, double step) {
    HostArray moved = starts;
    moved.set(i, moved.at(i) + step);
    return program.run({moved}).outputs[0].at(i);
  };
  for (std::int64_t i = 0; i < starts.size(); ++i) {
    const double truth = (8 * (at(i, kStep) - at(i, -kStep)) - (at(i, 2 * kStep) - at(i, -2 * kStep))) / (12 * kStep);
    EXPECT_NEAR(found.at(i), truth, 1e-8) << i;
  }
}

TEST(RootInAField, AStepThatDifferentiatesTheFieldHasItsGradient) {
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5, Method::kRadau5, Method::kDopri5}) {
    const Function loss = trace(
        [&](Array z0) {
          const VectorField field = vector_field({1}, [](Array, Array z) { return -bent(z); });
          return solve(field, z0, constant(HostArray::vector({0, 1})),
                       {.method = method, .steps_per_interval = 1})[1][0];
        },
        {{"z0", {1}}});
    expect_gradient_of_steps(loss, column({1.3, 0.4, 2.0}));
  }
}

TEST(RootInAField, MilsteinsStepHasItsGradient) {
  const StochasticField field = stochastic_field({1}, {}, [](Array, Array z, auto) { return std::pair{-z, bent(z)}; });
  const SdeOptions options{.method = SdeMethod::kMilstein, .steps_per_interval = 4};
  const Function loss = trace(
      [&](Array z0) {
        const Array path = constant(HostArray::vector({0, 3}));
        return solve_sde(field, z0, constant(HostArray::vector({0, 1})), options, path)[1][0];
      },
      {{"z0", {1}}});
  expect_gradient_of_steps(loss, column({1.3, 0.4, 2.0}));
}

TEST(RootInAField, ASolveHasItsHessian) {
  // z' = -sqrt(z), sqrt(z(t)) = sqrt(z0) - t / 2: z(1) is z0 - sqrt(z0) + 1/4.
  for (const Method method : {Method::kDopri5, Method::kRodas5p, Method::kKvaerno5}) {
    const Function loss = trace(
        [&](Array z0) {
          const VectorField field = vector_field({1}, [](Array, Array z) {
            return -root([&](Array y) { return y * y - z; }, full({1}, 1.0), {.jacobian = RootJacobian::kDense});
          });
          return solve(field, z0, constant(HostArray::vector({0, 1})),
                       {.method = method, .rtol = 1e-10, .atol = 1e-12})[1][0];
        },
        {{"z0", {1}}});
    const HostArray starts = column({2.0, 3.0, 5.0});
    const std::vector<HostArray> found = compile(hessian(loss)).run({starts}).outputs;
    for (std::int64_t i = 0; i < 3; ++i) {
      const double z = starts.at(i);
      EXPECT_NEAR(found[0].at(i), z - std::sqrt(z) + 0.25, 1e-8) << name(method);
      EXPECT_NEAR(found[1].at(i), 0.25 * std::pow(z, -1.5), 1e-7) << name(method);
    }
  }
}

TEST(SteadyState, HasSecondDerivatives) {
  // z^3 + z = p: z' = 1 / (3 z^2 + 1), z'' = -6 z z'^3.
  const VectorField field = vector_field({1}, {{"p", {1}}}, [](Array, Array z, Array p) { return p - z * z * z - z; });
  const Function rest = trace(
      [&](Array p) {
        const Array arguments[] = {p};
        return steady_state(field, zeros({1}), {}, arguments)[0];
      },
      {{"p", {1}}});
  const HostArray found = compile(hessian(rest)).run({column({2.0, 10.0, -2.0})}).outputs[1];
  EXPECT_NEAR(found.at(0), -6.0 / 64, 1e-13);
  EXPECT_NEAR(found.at(1), -12.0 / 2197, 1e-13);
  EXPECT_NEAR(found.at(2), 6.0 / 64, 1e-13);
}

}  // namespace
}  // namespace costate
