// Pull-backs of linear systems and roots: the reverse finds the factors of its own run, in order and out of it.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "costate/exec/pullback.h"
#include "costate/graph/trace.h"
#include "costate/operations/linear_solve.h"
#include "costate/operations/root.h"
#include "tests/support/check_function.h"
#include "tests/support/check_pullback.h"

namespace costate {
namespace {

using testing::check_pullback;
using testing::draw_cotangents;
using testing::draw_inputs;
using testing::expect_same_bits;

Function two_solves() {
  return trace(
      [](Array a, Array b) {
        const Array x = linear_solve(a, b);
        return std::vector<Array>{x, sum(square(linear_solve(a, tanh(x))))};
      },
      {{"a", {3, 3}}, {"b", {3}}});
}

/// Regular matrices.
std::vector<HostArray> systems_inputs(std::int64_t batch) {
  std::vector<HostArray> inputs = draw_inputs(two_solves(), batch, -1, 1, 7);
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::int64_t k = 0; k < 3; ++k) inputs[0].set({i, k, k}, 4 + inputs[0](i, k, k));
  return inputs;
}

TEST(OperationsPullback, LinearSolveHasTheBitsOfTheVjpInOneGo) {
  for (const std::int64_t batch : {1, 5, 30}) check_pullback(two_solves(), systems_inputs(batch));
}

TEST(OperationsPullback, LinearSolveFactorizesOnceInRunsThatOverlap) {
  const PullbackProgram program = compile_pullback(two_solves());
  const std::vector<HostArray> cotangents = draw_cotangents(two_solves(), 30, 2);
  std::vector<HostArray> other = systems_inputs(30);
  other[0].set({0, 0, 0}, 9);
  const PullbackRun first = program.run(systems_inputs(30)), second = program.run(other);
  EXPECT_EQ(first.report.factorizations, 60);
  const PullbackResult late = second.pullback(cotangents), early = first.pullback(cotangents);
  EXPECT_EQ(late.report.factorizations + early.report.factorizations, 0);
  expect_same_bits(early.gradients,
                   compile_pullback(two_solves()).run(systems_inputs(30)).pullback(cotangents).gradients, "gradient");
  EXPECT_FALSE(early.gradients[0].same_bits(late.gradients[0]));
}

TEST(OperationsPullback, LinearSolveLeavesOutSingularMatrices) {
  const Parameter scale("scale", HostArray::vector({2.0, 3.0, 4.0}));
  const Function f =
      trace([&](Array a, Array b) { return linear_solve(a, b * Array(scale)); }, {{"a", {3, 3}}, {"b", {3}}});
  std::vector<HostArray> inputs = systems_inputs(6);
  for (std::int64_t k = 0; k < 9; ++k) inputs[0].set(18 + k, 1);
  check_pullback(f, inputs);
  const PullbackRun run = compile_pullback(f, {.wrt = {2}}).run(inputs);
  ASSERT_EQ(run.report.failures.size(), 1u);
  EXPECT_EQ(run.report.failures[0].sample, 2);
  for (const double number : run.pullback(draw_cotangents(f, 6, 1)).gradients[0].numbers())
    EXPECT_TRUE(std::isfinite(number));
}

/// u[i+1] - 2 u[i] + u[i-1] = exp(u[i]) a[i]: three unknowns to an equation.
Function grid_root(RootJacobian jacobian) {
  return trace(
      [&](Array a) {
        const auto f = [&](Array u) {
          const Array left = concat({zeros({1}), u.slice(0, 7)}), right = concat({u.slice(1, 8), zeros({1})});
          return left + right - 2.0 * u - 0.1 * exp(u) * a;
        };
        return root(f, zeros({8}), {.jacobian = jacobian});
      },
      {{"a", {8}}});
}

TEST(OperationsPullback, RootHasTheBitsOfTheVjpInOneGo) {
  for (const RootJacobian jacobian : {RootJacobian::kDense, RootJacobian::kSparse}) {
    const Function f = grid_root(jacobian);
    for (const std::int64_t batch : {1, 20}) check_pullback(f, draw_inputs(f, batch, 0.5, 1.5, 3));
  }
}

TEST(OperationsPullback, RootsFactorsAreThoseOfTheirRun) {
  const Function f = grid_root(RootJacobian::kSparse);
  const PullbackProgram program = compile_pullback(f);
  const std::vector<HostArray> inputs = draw_inputs(f, 10, 0.5, 1.5, 3), cotangents = draw_cotangents(f, 10, 2);
  const PullbackRun first = program.run(inputs);
  program.run(draw_inputs(f, 10, 0.5, 1.5, 4));
  const PullbackResult pulled = first.pullback(cotangents);
  EXPECT_EQ(pulled.report.factorizations, 0);
  expect_same_bits(first.pullback(cotangents).gradients, pulled.gradients, "gradient");
}

}  // namespace
}  // namespace costate
