// Derivatives of roots with a dense Jacobian, of higher orders too, against closed forms and the sparse form.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/operations/map_rows.h"
#include "costate/operations/root.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

constexpr RootOptions kDense{.jacobian = RootJacobian::kDense};

/// Five samples fill no vector.
HostArray five_samples() { return HostArray(Shape{5, 1}, std::vector<double>{0.3, 0.9, 1.7, 2, 8}); }

Array square_root(const Array& x) {
  return root([&](Array y) { return y * y - x; }, full(x.shape(), 1.0), kDense);
}

/// Newton's method comes from 1 to 0, where the slope is 0, and then has 19 more steps.
TEST(DenseRoot, ASampleWithoutOneIsReportedOnce) {
  const Function f = trace(
      [](Array a) { return sum(root([&](Array y) { return y * y - a; }, full({1}, 1.0), kDense)); }, {{"a", {1}}});
  const HostArray a(Shape{2, 1}, std::vector<double>{2, -1});
  const RunResult found = compile(f).run({a});
  ASSERT_EQ(found.report.failures.size(), 1U);
  EXPECT_EQ(found.report.failures[0].sample, 1);
  EXPECT_EQ(found.report.failures[0].reason, "singular matrix");
  EXPECT_NEAR(found.outputs[0].at(0), std::sqrt(2.0), 1e-12);
  const RunResult with_gradient = compile(value_and_grad(f)).run({a});
  EXPECT_EQ(with_gradient.report.failures.size(), 1U);
  EXPECT_NEAR(with_gradient.outputs[1].at(0), 0.5 / std::sqrt(2.0), 1e-12);
}

/// y e^y = x.
Array lambert_w(const Array& x) {
  return root([&](Array y) { return y * exp(y) - x; }, full(x.shape(), 0.5), kDense);
}

double lambert_w(double x) {
  double y = 0.5;
  for (int i = 0; i < 50; ++i) y -= (y * std::exp(y) - x) / ((1 + y) * std::exp(y));
  return y;
}

TEST(DenseRoot, HasTheSecondDerivativesOfClosedForms) {
  const std::vector<ArgumentSpec> one = {{"x", {1}}};
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const RootOptions loose{.tolerance = 1e-5, .jacobian = RootJacobian::kDense};
    const Function f = trace(
        [&](Array x) {
          const Array half = root([&](Array y) { return y * y - x; }, full({1}, 1.0), loose);
          return sum(half + root([&](Array y) { return y * exp(y) - x; }, full({1}, 0.5), loose));
        },
        one);
    const std::vector<HostArray> found = compile(hessian(f), {.dtype = dtype}).run({five_samples()}).outputs;
    for (std::int64_t i = 0; i < 5; ++i) {
      const double x = five_samples().at(i), w = lambert_w(x);
      const double second = -0.25 * std::pow(x, -1.5) - w * w * (w + 2) / (x * x * (1 + w) * (1 + w) * (1 + w));
      EXPECT_NEAR(found[0].at(i), std::sqrt(x) + w, dtype == Dtype::kF32 ? 1e-5 : 1e-13);
      EXPECT_NEAR(found[1].at(i), second, (dtype == Dtype::kF32 ? 1e-4 : 1e-12) * (1 + std::abs(second)));
    }
  }
}

TEST(DenseRoot, HasDerivativesOfAnyOrder) {
  Function f = trace([](Array x) { return square_root(x); }, {{"x", {1}}});
  double factor = 1, power = 0.5;  // of x^power
  for (int order = 1; order <= 4; ++order) {
    const std::size_t by_x[] = {0};
    // Forward and reverse take turns; each adds an input, a 1.
    const bool is_forward = order % 2 == 1;
    const std::size_t last = f.outputs().size() - 1;
    f = Function(f.nodes(), f.inputs(), {f.outputs()[last]});
    f = is_forward ? jvp(f, by_x) : vjp(f, by_x);
    factor *= power;
    power -= 1;
    std::vector<HostArray> inputs = {five_samples()};
    while (inputs.size() < f.inputs().size()) inputs.emplace_back(Shape{5, 1}, std::vector<double>(5, 1.0));
    const HostArray found = compile(f).run(inputs).outputs[1];
    for (std::int64_t i = 0; i < 5; ++i) {
      const double right = factor * std::pow(five_samples().at(i), power);
      EXPECT_NEAR(found.at(i), right, 1e-11 * (1 + std::abs(right))) << "order " << order;
    }
  }
}

/// Three unknowns that meet, of an argument, what is made of it, and a Parameter.
Function coupled(const Parameter& p, RootJacobian jacobian) {
  return trace(
      [&](Array theta) {
        const Array bent = sin(theta[1]), scale = exp(Array(p));
        const Array x = root(
            [&](Array y) {
              const Array turned = concat({y.slice(1, 3), y.slice(0, 1)});
              return scale[0] * y * y * y + y + theta[0] * turned * turned - bent * scale;
            },
            constant(HostArray::vector({0.5, 0.1, 0.9})), {.jacobian = jacobian});
        return sum(x * x * constant(HostArray::vector({1.0, -0.5, 2.0}))) + theta[0] * x[1];
      },
      {{"theta", {2}}});
}

HostArray thetas() { return HostArray(Shape{3, 2}, std::vector<double>{0.4, 0.7, -0.2, 1.1, 0.3, -0.5}); }

TEST(DenseRoot, AgreesWithDifferencesInBothModesAndOrders) {
  const Parameter p("p", HostArray::vector({0.1, -0.3, 0.2}));
  const Function f = coupled(p, RootJacobian::kDense);
  testing::check_derivatives(f, {thetas()}, 1e-6);
  const std::size_t by_theta[] = {0};
  testing::check_derivatives(value_and_grad(f, by_theta), {thetas()}, 1e-6);
  const HostArray along(Shape{3, 2}, std::vector<double>{1, 0.5, -1, 2, 0.3, 0.7});
  testing::check_derivatives(jvp(f, by_theta), {thetas(), along}, 1e-6);
  testing::check_execution(hessian(f), {thetas()}, 1e-10);
}

TEST(DenseRoot, HasTheHessiansOfTheSparseForm) {
  const Parameter p("p", HostArray::vector({0.1, -0.3, 0.2}));
  const std::vector<HostArray> dense = compile(hessian(coupled(p, RootJacobian::kDense))).run({thetas()}).outputs;
  const std::vector<HostArray> sparse = compile(hessian(coupled(p, RootJacobian::kSparse))).run({thetas()}).outputs;
  ASSERT_EQ(dense.size(), 5U);
  for (std::size_t i = 0; i < dense.size(); ++i)
    for (std::int64_t k = 0; k < dense[i].size(); ++k)
      EXPECT_NEAR(dense[i].at(k), sparse[i].at(k), 1e-11 * (1 + std::abs(sparse[i].at(k)))) << i << ", " << k;
}

TEST(DenseRoot, AllDerivativesUseTheFactorsOfTheLastIteration) {
  const RootOptions few{.iterations = 9, .jacobian = RootJacobian::kDense};
  const Function f =
      trace([&](Array x) { return sum(root([&](Array y) { return y * y - x; }, full({1}, 1.0), few)); }, {{"x", {1}}});
  for (const Function& program : {f, value_and_grad(f), hessian(f)})
    EXPECT_EQ(compile(program).run({five_samples()}).report.factorizations, 5 * 10);
}

TEST(DenseRoot, APenaltyOnItsGradientHasAGradient) {
  const Function penalty =
      trace([](Array x) { return square(gradient(sum(lambert_w(x)), std::span(&x, 1))[0])[0]; }, {{"x", {1}}});
  const HostArray found = compile(value_and_grad(penalty)).run({five_samples()}).outputs[1];
  for (std::int64_t i = 0; i < 5; ++i) {
    const double x = five_samples().at(i), w = lambert_w(x), first = w / (x * (1 + w));
    const double second = -w * w * (w + 2) / (x * x * (1 + w) * (1 + w) * (1 + w));
    EXPECT_NEAR(found.at(i), 2 * first * second, 1e-11 * (1 + std::abs(first * second)));
  }
}

TEST(DenseRoot, OfEachRowOfATableHasSecondDerivatives) {
  const Function f = trace(
      [](Array x) {
        const Array rows[] = {reshape(x, {2, 1})};
        return sum(map_rows([](std::span<const Array> row) { return square_root(row[0]); }, rows));
      },
      {{"x", {2}}});
  const HostArray at(Shape{1, 2}, std::vector<double>{2, 3});
  const HostArray found = compile(hessian(f)).run({at}).outputs[1];
  EXPECT_NEAR(found.at(0), -0.25 * std::pow(2, -1.5), 1e-13);
  EXPECT_NEAR(found.at(1), 0, 1e-13);
  EXPECT_NEAR(found.at(3), -0.25 * std::pow(3, -1.5), 1e-13);
}

}  // namespace
}  // namespace costate
