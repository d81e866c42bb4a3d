// Linear systems and roots against closed forms and differences.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/operations/linear_solve.h"
#include "costate/operations/root.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

Function solve_system() {
  return trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {3, 3}}, {"b", {3}}});
}

HostArray systems() {
  return HostArray(Shape{2, 3, 3}, std::vector<double>{4, 1, 0.5, -1, 3, 0.2, 0.1, 0.7, 2,  //
                                                       0, 2, 1, 1, 0, 3, 2, 1, 0});
}

TEST(LinearSolve, SolvesEachSamplesSystem) {
  const HostArray b(Shape{2, 3}, std::vector<double>{1, -2, 3, 0.5, 1, -1});
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const HostArray x = compile(solve_system(), {.dtype = dtype}).run({systems(), b}).outputs[0];
    for (std::int64_t sample = 0; sample < 2; ++sample)
      for (std::int64_t i = 0; i < 3; ++i) {
        double sum = 0;
        for (std::int64_t j = 0; j < 3; ++j) sum += systems().at(9 * sample + 3 * i + j) * x.at(3 * sample + j);
        EXPECT_NEAR(sum, b.at(3 * sample + i), dtype == Dtype::kF32 ? 1e-5 : 1e-13);
      }
  }
}

TEST(LinearSolve, ReportsASingularMatrix) {
  const HostArray a(Shape{2, 3, 3}, std::vector<double>{1, 2, 3, 2, 4, 6, 0, 1, 1,  //
                                                        1, 0, 0, 0, 1, 0, 0, 0, 1});
  const RunResult result = compile(solve_system()).run({a, HostArray(Shape{2, 3}, std::vector<double>(6, 1.0))});
  EXPECT_TRUE(std::isnan(result.outputs[0].at(0)));
  EXPECT_EQ(result.outputs[0].at(3), 1);
  ASSERT_EQ(result.report.failures.size(), 1U);
  EXPECT_EQ(result.report.failures[0].reason, "singular matrix");
}

TEST(LinearSolve, ASingularMatrixInAFieldFailsTheSolve) {
  const VectorField field = vector_field({2}, [](Array, Array z) {
    return linear_solve(constant(HostArray(Shape{2, 2}, std::vector<double>(4, 1.0))), z);
  });
  const HostArray start(Shape{1, 2}, std::vector<double>{1, 2});
  EXPECT_EQ(solve(field, start, HostArray::vector({0, 1})).status[0], Status::kNonFinite);
}

TEST(LinearSolve, RefusesOtherShapes) {
  EXPECT_ERROR(trace([](Array a, Array b) { return linear_solve(a, b); }, {{"a", {3, 2}}, {"b", {3}}}), ShapeError,
               "A must be [n, n]");
}

/// L = sum of w · x with central differences in every number of the operands.
void expect_gradient(const Function& loss, const std::vector<HostArray>& at, double tolerance) {
  const Program value = compile(loss);
  const RunResult found = compile(value_and_grad(loss)).run(at);
  constexpr double kStep = 1e-5;
  for (std::size_t operand = 0; operand < at.size(); ++operand)
    for (std::int64_t i = 0; i < at[operand].size(); ++i) {
      std::vector<HostArray> moved = at;
      const auto value_at = [&](double step) {
        moved[operand].set(i, at[operand].at(i) + step);
        return value.run(moved).outputs[0].at(0);
      };
      const double truth = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
      EXPECT_NEAR(found.outputs[1 + operand].at(i), truth, tolerance * (1 + std::abs(truth)))
          << "operand " << operand << ", number " << i;
    }
}

Array weighted(const Array& x) { return sum(x * constant(HostArray::vector({1.0, -0.5, 2.0}))); }

TEST(LinearSolve, HasTheGradientOfTheTransposedSolve) {
  const Function loss =
      trace([](Array a, Array b) { return weighted(square(linear_solve(a, b))); }, {{"a", {3, 3}}, {"b", {3}}});
  expect_gradient(loss,
                  {HostArray(Shape{1, 3, 3}, std::vector<double>{4, 1, 0.5, -1, 3, 0.2, 0.1, 0.7, 2}),
                   HostArray(Shape{1, 3}, std::vector<double>{1, -2, 3})},
                  1e-8);
}

TEST(LinearSolve, ForwardAndReverseModeAgree) {
  const Function f = solve_system();
  const HostArray a = systems(), b(Shape{2, 3}, std::vector<double>{1, -2, 3, 0.5, 1, -1});
  HostArray da(Shape{2, 3, 3}), db(Shape{2, 3}), w(Shape{2, 3});
  for (std::int64_t i = 0; i < 18; ++i) da.set(i, std::sin(1.0 + static_cast<double>(i)));
  for (std::int64_t i = 0; i < 6; ++i)
    db.set(i, std::cos(static_cast<double>(i))), w.set(i, 1.0 + static_cast<double>(i));
  const RunResult forward = compile(jvp(f)).run({a, b, da, db}), reverse = compile(vjp(f)).run({a, b, w});
  double left = 0, right = 0;
  for (std::int64_t i = 0; i < 6; ++i) left += forward.outputs[1].at(i) * w.at(i);
  for (std::int64_t i = 0; i < 18; ++i) right += reverse.outputs[1].at(i) * da.at(i);
  for (std::int64_t i = 0; i < 6; ++i) right += reverse.outputs[2].at(i) * db.at(i);
  EXPECT_NEAR(left, right, 1e-12 * std::abs(left));
}

/// x^3 + theta_0 x_other = theta_1: a monotone system whose root no formula gives.
Array cubic(const Array& x, const Array& theta) {
  return x * x * x + x + theta[0] * concat({x.slice(1, 3), x.slice(0, 1)}) - theta[1];
}

TEST(Root, IsARootWithTheGradientOfTheImplicitFunctionTheorem) {
  const auto solved = [](const Array& theta) {
    return root([&](Array x) { return cubic(x, theta); }, constant(HostArray::vector({0.5, 0.1, 0.9})));
  };
  const Function residual = trace([&](Array theta) { return cubic(solved(theta), theta); }, {{"theta", {2}}});
  const HostArray theta(Shape{1, 2}, std::vector<double>{0.4, 1.7});
  const HostArray left = compile(residual).run({theta}).outputs[0];
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(left.at(i), 0, 1e-14);
  expect_gradient(trace([&](Array t) { return weighted(solved(t)); }, {{"theta", {2}}}), {theta}, 1e-8);
}

TEST(Root, IsNanWhereNewtonDoesNotEnd) {
  const Function f =
      trace([](Array c) { return root([&](Array x) { return x * x + c; }, full({1}, 0.3)); }, {{"c", {1}}});
  const HostArray roots = compile(f).run({HostArray(Shape{2, 1}, std::vector<double>{1.0, -4.0})}).outputs[0];
  EXPECT_TRUE(std::isnan(roots.at(0)));
  EXPECT_NEAR(roots.at(1), 2, 1e-12);
}

TEST(Root, RefusesAFunctionOfAnotherShape) {
  EXPECT_ERROR(trace([](Array c) { return root(
                                       [&](Array x) {
                                         return concat({x, c});
                                       },
                                       c); }, {{"c", {2}}}),
               ShapeError, "must give what it takes");
}

}  // namespace
}  // namespace costate
