// The action of matrix exponentials against Eigen's Padé approximant, closed forms and differences.
#include "costate/operations/expm_multiply.h"

#include <gtest/gtest.h>

#include <Eigen/Core>
#include <cmath>
#include <unsupported/Eigen/MatrixFunctions>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

Function exponential(std::int64_t n) {
  return trace([](Array a, Array b, Array t) { return expm_multiply(a, b, t); },
               {{"a", {n, n}}, {"b", {n}}, {"t", {}}});
}

HostArray drawn(const Shape& shape, double size, double phase) {
  HostArray x(shape);
  for (std::int64_t i = 0; i < x.size(); ++i) x.set(i, size * std::sin(phase + 1.3 * static_cast<double>(i * i % 97)));
  return x;
}

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

TEST(ExpmMultiply, IsTheFullExponentialTimesTheVector) {
  constexpr std::int64_t kSize = 6;
  const HostArray b = drawn({3, kSize}, 1, 0.2);
  const HostArray t(Shape{3}, std::vector<double>{1, -0.7, 2.5});
  for (const double size : {1e-4, 0.3, 3.0, 20.0}) {
    const HostArray a = drawn({3, kSize, kSize}, size, 0.9);
    const HostArray found = compile(exponential(kSize)).run({a, b, t}).outputs[0];
    for (std::int64_t sample = 0; sample < 3; ++sample) {
      RowMajor matrix(kSize, kSize);
      Eigen::VectorXd vector(kSize);
      for (std::int64_t i = 0; i < kSize * kSize; ++i)
        matrix.data()[i] = t.at(sample) * a.at(sample * kSize * kSize + i);
      for (std::int64_t i = 0; i < kSize; ++i) vector(i) = b.at(sample * kSize + i);
      const Eigen::MatrixXd power = matrix;
      const Eigen::VectorXd truth = power.exp() * vector;
      // Both are exact to rounding times the norm, which bounds the condition.
      const double tolerance = 1e-14 * (1 + matrix.cwiseAbs().rowwise().sum().maxCoeff()) * truth.cwiseAbs().maxCoeff();
      for (std::int64_t i = 0; i < kSize; ++i)
        EXPECT_NEAR(found.at(sample * kSize + i), truth(i), 10 * tolerance) << size << " " << sample;
    }
  }
}

TEST(ExpmMultiply, DecaysWithoutCancellation) {
  // e^-40 of a diagonal, whose Taylor series would lose all digits without the shift.
  const HostArray a(Shape{1, 2, 2}, std::vector<double>{-40, 0, 0, -40}), b(Shape{1, 2}, std::vector<double>{1, 2});
  const HostArray found = compile(exponential(2)).run({a, b, HostArray::vector({1.0})}).outputs[0];
  EXPECT_NEAR(found.at(1), 2 * std::exp(-40.0), 1e-14 * std::exp(-40.0));
}

TEST(ExpmMultiply, RunsAsTheInterpreterAndHasTheDerivativesOfDifferences) {
  constexpr double kRounding = 1e-13, kDifferences = 1e-7;
  const std::vector<HostArray> inputs = {drawn({3, 4, 4}, 0.8, 0.4), drawn({3, 4}, 1, 0.1),
                                         HostArray(Shape{3}, std::vector<double>{0.5, 1.5, -1})};
  testing::check_execution(exponential(4), inputs, kRounding);
  testing::check_derivatives(exponential(4), inputs, kDifferences);
  const Function loss = trace([](Array a, Array b, Array t) { return sum(square(expm_multiply(a, b, t))); },
                              {{"a", {4, 4}}, {"b", {4}}, {"t", {}}});
  testing::check_derivatives(value_and_grad(loss), inputs, kDifferences);
}

TEST(ExpmMultiply, TakesSeveralColumns) {
  const Function f = trace([](Array a, Array b, Array t) { return expm_multiply(a, b, t); },
                           {{"a", {3, 3}}, {"b", {3, 2}}, {"t", {}}});
  testing::check_derivatives(
      f, {drawn({2, 3, 3}, 0.8, 0.4), drawn({2, 3, 2}, 1, 0.1), HostArray(Shape{2}, std::vector<double>{0.5, 1.5})},
      1e-7);
}

TEST(ExpmMultiply, ReportsWhatIsNotFiniteOrTooLarge) {
  const HostArray b(Shape{2, 2}, std::vector<double>{1, 1, 1, 1});
  const HostArray a(Shape{2, 2, 2}, std::vector<double>{0, 1e12, -1e12, 0, 0, 1, 1, 0});
  const RunResult found = compile(exponential(2)).run({a, b, HostArray::vector({1.0, 0.0})});
  EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
  EXPECT_EQ(found.outputs[0].at(2), 1);
  ASSERT_EQ(found.report.failures.size(), 1U);
  EXPECT_EQ(found.report.failures[0].reason, "no exponential");
}

TEST(ExpmMultiply, RefusesOtherShapes) {
  EXPECT_ERROR(trace([](Array a, Array b) { return expm_multiply(a, b, 1.0); }, {{"a", {3, 2}}, {"b", {3}}}),
               ShapeError, "A must be [n, n]");
}

}  // namespace
}  // namespace costate
