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

// ---- of functions

/// Neighbours in a ring, coupled by weights w, and each by itself: sparse from 12 numbers on.
Array ring(const Array& w, const Array& x) {
  const std::int64_t n = x.shape()[0];
  const Array next = concat({x.slice(1, n), x.slice(0, 1)});
  return w * next - 0.5 * x + 0.2 * w[0] * concat({x.slice(n - 1, n), x.slice(0, n - 1)}) + 3.0;
}

Function ring_exponential(std::int64_t n) {
  return trace([](Array w, Array b, Array t) { return expm_multiply([&](Array x) { return ring(w, x); }, b, t); },
               {{"w", {n}}, {"b", {n}}, {"t", {}}});
}

TEST(ExpmMultiplyOfFunctions, IsThatOfTheMatrix) {
  constexpr std::int64_t kSize = 16;
  const Function full = trace(
      [](Array w, Array b, Array t) {
        std::vector<Array> columns;
        for (std::int64_t j = 0; j < kSize; ++j) {
          HostArray unit(Shape{kSize});
          unit.set(j, 1);
          columns.push_back(ring(w, constant(unit)) - 3.0);
        }
        return expm_multiply(transpose(stack(columns)), b, t);
      },
      {{"w", {kSize}}, {"b", {kSize}}, {"t", {}}});
  const std::vector<HostArray> inputs = {drawn({3, kSize}, 2, 0.4), drawn({3, kSize}, 1, 0.1),
                                         HostArray(Shape{3}, std::vector<double>{0.5, 40, -1})};
  const HostArray found = compile(ring_exponential(kSize)).run(inputs).outputs[0],
                  truth = compile(full).run(inputs).outputs[0];
  for (std::int64_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found.at(i), truth.at(i), 1e-12 * (1 + std::abs(truth.at(i)))) << i;
}

TEST(ExpmMultiplyOfFunctions, RunsAsTheInterpreterAndHasTheDerivativesOfDifferences) {
  constexpr double kRounding = 1e-13, kDifferences = 1e-7;
  constexpr std::int64_t kSize = 13;
  const std::vector<HostArray> inputs = {drawn({2, kSize}, 0.8, 0.4), drawn({2, kSize}, 1, 0.1),
                                         HostArray(Shape{2}, std::vector<double>{0.5, -1.5})};
  testing::check_execution(ring_exponential(kSize), inputs, kRounding);
  testing::check_derivatives(ring_exponential(kSize), inputs, kDifferences);
  const Function loss = trace(
      [](Array w, Array b, Array t) { return sum(square(expm_multiply([&](Array x) { return ring(w, x); }, b, t))); },
      {{"w", {kSize}}, {"b", {kSize}}, {"t", {}}});
  const Function gradient = value_and_grad(loss);
  testing::check_execution(gradient, inputs, kRounding);
  testing::check_derivatives(gradient, inputs, kDifferences);
}

/// The steps are many, and so are the stretches that a gradient computes again: e^(tA) of a rotation.
TEST(ExpmMultiplyOfFunctions, HasTheGradientOfManySteps) {
  constexpr std::int64_t kPairs = 8;
  const Function f = trace(
      [](Array speed, Array b) {
        const auto turn = [&](Array x) {
          const Array pairs = reshape(x, {kPairs, 2}), columns = transpose(pairs);
          return reshape(transpose(stack({-speed * columns[1], speed * columns[0]})), {2 * kPairs});
        };
        return expm_multiply(turn, b, 100.0)[0];
      },
      {{"speed", {kPairs}}, {"b", {2 * kPairs}}});
  HostArray speed(Shape{1, kPairs}), b(Shape{1, 2 * kPairs});
  for (std::int64_t i = 0; i < kPairs; ++i) speed.set(i, 5.0 + static_cast<double>(i));
  b.set(0, 1);
  const std::size_t wanted[] = {0};
  const RunResult found = compile(value_and_grad(f, wanted)).run({speed, b});
  EXPECT_NEAR(found.outputs[0].at(0), std::cos(500.0), 1e-11);
  EXPECT_NEAR(found.outputs[1].at(0), -100 * std::sin(500.0), 1e-8);
  for (std::int64_t i = 1; i < kPairs; ++i) EXPECT_EQ(found.outputs[1].at(i), 0);
}

/// u' = d laplace(u) on 100 x 100 inner points of a square, from an eigenvector.
TEST(ExpmMultiplyOfFunctions, SpreadsHeatOnAGrid) {
  constexpr std::int64_t kSide = 100;
  constexpr double kTime = 0.01;
  const double h = 1.0 / (kSide + 1);
  HostArray wave(Shape{1, kSide * kSide});
  for (std::int64_t i = 0; i < kSide; ++i)
    for (std::int64_t j = 0; j < kSide; ++j)
      wave.set(i * kSide + j,
               std::sin(M_PI * h * static_cast<double>(i + 1)) * std::sin(2 * M_PI * h * static_cast<double>(j + 1)));
  const Parameter diffusion("diffusion", HostArray(Shape{}, std::vector<double>{0.7}));
  const Function f = trace(
      [&](Array u) {
        const auto laplacian = [&](Array x) {
          const Array grid = reshape(x, {kSide, kSide}), row = zeros({1, kSide}), turned = transpose(grid);
          const Array down = concat({row, grid.slice(0, kSide - 1)}), up = concat({grid.slice(1, kSide), row});
          const Array right = transpose(concat({row, turned.slice(0, kSide - 1)})),
                      left = transpose(concat({turned.slice(1, kSide), row}));
          return Array(diffusion) / (h * h) * reshape(down + up + left + right - 4.0 * grid, {kSide * kSide});
        };
        const Array end = expm_multiply(laplacian, u, kTime);
        return std::vector<Array>{sum(end * u), end};
      },
      {{"u", {kSide * kSide}}});
  const double rate = 4 / (h * h) * (std::pow(std::sin(M_PI * h / 2), 2) + std::pow(std::sin(M_PI * h), 2));
  const double decay = std::exp(-0.7 * kTime * rate);
  const Parameter wanted[] = {diffusion};
  const RunResult found = compile(value_and_grad(f, wanted)).run({wave});
  double square = 0;
  for (std::int64_t i = 0; i < wave.size(); ++i) {
    EXPECT_NEAR(found.outputs[1].at(i), decay * wave.at(i), 1e-11);
    square += wave.at(i) * wave.at(i);
  }
  EXPECT_NEAR(found.outputs[2].at(0), -kTime * rate * decay * square, 1e-9 * square);
}

TEST(ExpmMultiplyOfFunctions, AFullMatrixOfFewNumbersIsMade) {
  const Function f =
      trace([](Array b) { return expm_multiply([](Array x) { return x - mean(x); }, b, 1.0); }, {{"b", {3}}});
  const HostArray found = compile(f).run({HostArray(Shape{1, 3}, std::vector<double>{1, 2, 6})}).outputs[0];
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(found.at(i), 3 + std::exp(1.0) * (std::vector<double>{-2, -1, 3}[static_cast<std::size_t>(i)]), 1e-13);
}

TEST(ExpmMultiplyOfFunctions, RefusesWhatIsNotLinear) {
  const auto of = [](const std::function<Array(Array)>& a, const Shape& b) {
    trace([&](Array x) { return expm_multiply(a, x, 1.0); }, {{"b", b}});
  };
  EXPECT_ERROR(of([](Array x) { return x * x; }, {3}), InvalidArgument, "the function must be linear");
  EXPECT_ERROR(of([](Array x) { return abs(x); }, {3}), InvalidArgument, "the function must be linear");
  EXPECT_ERROR(of(
                   [](Array x) {
                     return concat({x, x});
                   },
                   {3}),
               ShapeError, "[expm_multiply] f must give what it takes");
  EXPECT_ERROR(of([](Array x) { return x; }, {3, 2}), ShapeError, "b must be [n] and t a number; got [3, 2]");
  EXPECT_ERROR(of([](Array x) { return x - mean(x); }, {4'200}), InvalidArgument, "must be sparse");
}

TEST(ExpmMultiply, RefusesOtherShapes) {
  EXPECT_ERROR(trace([](Array a, Array b) { return expm_multiply(a, b, 1.0); }, {{"a", {3, 2}}, {"b", {3}}}),
               ShapeError, "A must be [n, n]");
}

}  // namespace
}  // namespace costate
