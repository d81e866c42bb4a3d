// Large systems, and how often a program factorizes them. Small ones: implicit_test.cpp.
#include "costate/operations/linear_solve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

HostArray drawn(const Shape& shape, std::uint64_t stream) {
  HostArray values(shape);
  for (std::int64_t i = 0; i < values.size(); ++i)
    values.set(i, Random(3).uniform(stream, static_cast<std::uint64_t>(i), -1, 1));
  return values;
}

Function solve_both(std::int64_t n) {
  return trace(
      [](Array a, Array b) {
        return std::vector<Array>{linear_solve(a, b), linear_solve(transpose(a), b)};
      },
      {{"a", {n, n}}, {"b", {n}}});
}

/// The largest element of A x - b, or of A^T x - b, beside those of x.
double residual(const HostArray& a, const HostArray& x, const HostArray& b, bool is_transposed) {
  const std::int64_t n = b.size();
  double largest = 0, size = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    double sum = -b.at(i);
    for (std::int64_t j = 0; j < n; ++j) sum += a.at(is_transposed ? j * n + i : i * n + j) * x.at(j);
    largest = std::max(largest, std::abs(sum));
    size = std::max(size, std::abs(x.at(i)));
  }
  return largest / size;
}

/// Elimination with partial pivoting leaves a residual of some n eps |A| |x|, whatever the condition (Higham 2002,
/// sec. 9.3). Sizes around those at which the method, blocks and tails change.
TEST(LinearSolve, SolvesLargeSystems) {
  for (const std::int64_t n : {63, 64, 65, 71, 128, 200, 259}) {
    const HostArray a = drawn({1, n, n}, 1), b = drawn({1, n}, 2);
    for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
      const std::vector<HostArray> x = compile(solve_both(n), {.dtype = dtype}).run({a, b}).outputs;
      const double allowed = static_cast<double>(n) * (dtype == Dtype::kF32 ? 1.2e-7 : 2.2e-16);
      EXPECT_LT(residual(a, x[0], b, false), allowed) << n;
      EXPECT_LT(residual(a, x[1], b, true), allowed) << n;
    }
  }
}

TEST(LinearSolve, GivesALargeSystemTheSameBitsInEachLane) {
  constexpr std::int64_t kSize = 70, kBatch = 5;
  const HostArray a = drawn({kBatch, kSize, kSize}, 1), b = drawn({kBatch, kSize}, 2);
  const Function gradient = value_and_grad(
      trace([](Array m, Array v) { return sum(square(linear_solve(m, v))); }, {{"a", {kSize, kSize}}, {"b", {kSize}}}));
  const RunResult all = compile(gradient).run({a, b});
  for (std::int64_t sample = 0; sample < kBatch; ++sample) {
    const RunResult alone = compile(gradient).run({a.slice(sample, sample + 1), b.slice(sample, sample + 1)});
    EXPECT_TRUE(alone.outputs[2].same_bits(all.outputs[2].slice(sample, sample + 1)));
  }
  EXPECT_EQ(all.report.factorizations, kBatch);
}

TEST(LinearSolve, ReportsALargeSingularMatrix) {
  HostArray a = drawn({1, 80, 80}, 1);
  for (std::int64_t j = 0; j < 80; ++j) a.set({0, 79, j}, a(0, 3, j) - 2 * a(0, 7, j));
  HostArray zero_column = drawn({1, 80, 80}, 1);
  for (std::int64_t i = 0; i < 80; ++i) zero_column.set({0, i, 17}, 0);
  for (const HostArray& matrix : {a, zero_column}) {
    const RunResult found = compile(solve_both(80)).run({matrix, drawn({1, 80}, 2)});
    EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
    EXPECT_TRUE(std::isnan(found.outputs[1].at(0)));
    EXPECT_EQ(found.report.failures.size(), 1U);  // of two solves that fail, the first
  }
}

/// L = sum of x^3, of which all derivatives use A, A^T or both.
Function cubed(std::int64_t n) {
  return trace(
      [](Array a, Array b) {
        const Array x = linear_solve(a + 0.1 * a * a, b);
        return sum(x * x * x);
      },
      {{"a", {n, n}}, {"b", {n}}});
}

TEST(LinearSolve, IsFactorizedOnceForAllDerivatives) {
  for (const std::int64_t n : {3, 70}) {
    const Function loss = cubed(n);
    HostArray a = drawn({1, n, n}, 1), b = drawn({1, n}, 2);
    for (std::int64_t i = 0; i < n; ++i) a.set({0, i, i}, 8);
    const std::vector<HostArray> at = {a, b, drawn({1, n, n}, 3), drawn({1, n}, 4)}, point = {a, b};
    EXPECT_EQ(compile(loss).run(point).report.factorizations, 1);
    EXPECT_EQ(compile(value_and_grad(loss)).run(point).report.factorizations, 1);
    EXPECT_EQ(compile(jvp(loss)).run(at).report.factorizations, 1);
    EXPECT_EQ(compile(jvp(value_and_grad(loss))).run(at).report.factorizations, 1);
  }
}

TEST(LinearSolve, HasSecondDerivatives) {
  HostArray a = drawn({2, 3, 3}, 1), b = drawn({2, 3}, 2);
  for (std::int64_t sample = 0; sample < 2; ++sample)
    for (std::int64_t i = 0; i < 3; ++i) a.set({sample, i, i}, 4);
  const Function gradient = value_and_grad(cubed(3));
  testing::check_execution(gradient, {a, b}, 1e-13);
  testing::check_derivatives(gradient, {a, b}, 1e-7);
}

/// Stages of a solve share one state: each must get the factors of its own matrix on the way back.
TEST(LinearSolve, InAFieldHasTheGradientOfItsOwnMatrix) {
  const VectorField field = vector_field({2}, {{"m", {2, 2}}}, [](Array t, Array z, Array m) {
    const Array matrix = m + t * constant(HostArray(Shape{2, 2}, std::vector<double>{0, 1, -1, 0})) + outer(z, z);
    return -linear_solve(matrix, z);
  });
  const SolveOptions options{.method = Method::kRk4, .steps_per_interval = 5};
  const Function loss = trace(
      [&](Array m, Array z0) {
        return sum(square(solve(field, z0, constant(HostArray::vector({0, 1})), options, std::span(&m, 1))[1]));
      },
      {{"m", {2, 2}}, {"z0", {2}}});
  testing::check_derivatives(loss,
                             {HostArray(Shape{1, 2, 2}, std::vector<double>{3, 1, 0, 2}),
                              HostArray(Shape{1, 2}, std::vector<double>{1, -0.5})},
                             1e-7);
}

}  // namespace
}  // namespace costate
