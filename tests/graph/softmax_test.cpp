// Softmax and cross-entropy against plain loops and closed forms.
#include "costate/graph/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kSoftmaxRounding = 1e-13;    // of quotients of sums of up to 24 numbers of order 1
constexpr double kSoftmaxDifferences = 1e-6;  // of central differences with a step of 1e-5, and of second order

HostArray vector_of(std::vector<double> numbers) { return HostArray::vector(std::move(numbers)); }
HostArray scalar(double number) { return HostArray(Shape{}, std::vector<double>{number}); }

TEST(Softmax, IsExponentialsOverTheirSum) {
  for (const int axis : {0, 1, -1}) {
    const Function f = trace(
        [&](Array x) {
          return std::vector<Array>{softmax(x, axis), log_softmax(x, axis)};
        },
        {{"x", {3, 4}}});
    const auto inputs = testing::draw_inputs(f, 9, -3, 3, 1);
    const HostArray x = inputs[0][0];
    const std::vector<HostArray> found = interpret(f, {x});
    for (std::int64_t i = 0; i < 3; ++i)
      for (std::int64_t j = 0; j < 4; ++j) {
        double sum = 0;
        for (std::int64_t k = 0; k < (axis == 0 ? 3 : 4); ++k) sum += std::exp(axis == 0 ? x(k, j) : x(i, k));
        EXPECT_NEAR(found[0](i, j), std::exp(x(i, j)) / sum, kSoftmaxRounding);
        EXPECT_NEAR(found[1](i, j), x(i, j) - std::log(sum), kSoftmaxRounding);
      }
    testing::check_execution(f, inputs, kSoftmaxRounding);
    testing::check_two_orders(f, kSoftmaxDifferences);
  }
}

TEST(Softmax, HoldsForNumbersOfAnySize) {
  const Function f = trace([](Array x) { return std::vector<Array>{softmax(x), log_softmax(x)}; }, {{"x", {3}}});
  const std::vector<HostArray> large = interpret(f, {vector_of({1000, 998, -1e300})});
  EXPECT_NEAR(large[0].at(0), 1 / (1 + std::exp(-2.0)), kSoftmaxRounding);
  EXPECT_NEAR(large[1].at(1), -2 - std::log1p(std::exp(-2.0)), kSoftmaxRounding);
  EXPECT_EQ(large[0].at(2), 0);
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(interpret(f, {vector_of({-1000, -inf, -1000})})[0].numbers(), (std::vector<double>{0.5, 0, 0.5}));
}

TEST(CrossEntropy, HasTheClosedFormsOfItsDerivatives) {
  const Function loss =
      trace([](Array x, Array label) { return cross_entropy(x, label); }, {{"x", {4}}, {"label", {}}});
  const std::vector<double> x = {0.3, -1.2, 2.0, 0.4};
  double sum = 0;
  for (const double number : x) sum += std::exp(number);
  for (std::int64_t label = 0; label < 4; ++label) {
    const auto is_label = [&](std::int64_t k) { return k == label ? 1.0 : 0.0; };
    const auto p = [&](std::int64_t k) { return std::exp(x[static_cast<std::size_t>(k)]) / sum; };
    const std::size_t by_x[] = {0};
    const std::vector<HostArray> inputs = {vector_of(x), scalar(static_cast<double>(label))};
    const std::vector<HostArray> first = interpret(value_and_grad(loss, by_x), inputs);
    const HostArray second = interpret(hessian(loss, by_x), inputs)[1];
    EXPECT_NEAR(first[0].at(0), -std::log(p(label)), kSoftmaxRounding);
    for (std::int64_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(first[1].at(i), p(i) - is_label(i), kSoftmaxRounding);
      for (std::int64_t j = 0; j < 4; ++j)
        EXPECT_NEAR(second(i, j), (i == j ? p(i) : 0) - p(i) * p(j), kSoftmaxRounding);
    }
  }
}

TEST(CrossEntropy, TakesAUnitVectorForTheClass) {
  const Function f = trace([](Array x, Array c) { return cross_entropy(x, c); }, {{"x", {3}}, {"c", {3}}});
  const std::size_t by_x[] = {0};
  const std::vector<HostArray> found =
      interpret(value_and_grad(f, by_x), {vector_of({1, 2, 0.5}), vector_of({0, 0, 1})});
  const double total = std::exp(1.0) + std::exp(2.0) + std::exp(0.5);
  EXPECT_NEAR(found[0].at(0), std::log(total) - 0.5, kSoftmaxRounding);
  EXPECT_NEAR(found[1].at(0), std::exp(1.0) / total, kSoftmaxRounding);
  EXPECT_NEAR(found[1].at(2), std::exp(0.5) / total - 1, kSoftmaxRounding);
  EXPECT_NEAR(interpret(f, {vector_of({1000, 0, -1000}), vector_of({0, 1, 0})})[0].at(0), 1000,
              1000 * kSoftmaxRounding);
}

TEST(CrossEntropy, OfLargeLogitsHasAllItsDigits) {
  const Function f = trace([](Array x, Array c) { return cross_entropy(x, c); }, {{"x", {3}}, {"c", {3}}});
  EXPECT_NEAR(interpret(f, {vector_of({1e17, 1e17, 1e17}), vector_of({1, 0, 0})})[0].at(0), std::log(3.0),
              kSoftmaxRounding);
  EXPECT_NEAR(interpret(f, {vector_of({1e17, 1e17, 1e17}), vector_of({0.25, 0.5, 0.25})})[0].at(0), std::log(3.0),
              kSoftmaxRounding);
}

TEST(CrossEntropy, OfALabelThatIsNoneIsNan) {
  const Function loss =
      trace([](Array x, Array label) { return cross_entropy(x, label); }, {{"x", {3}}, {"label", {}}});
  const std::size_t by_x[] = {0};
  for (const double label : {-1.0, 3.0, 0.5, std::numeric_limits<double>::quiet_NaN()}) {
    const std::vector<HostArray> found = interpret(value_and_grad(loss, by_x), {vector_of({1, 2, 3}), scalar(label)});
    EXPECT_TRUE(std::isnan(found[0].at(0))) << label;
    for (std::int64_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(found[1].at(i))) << label;
  }
  EXPECT_ERROR(trace([](Array x) { return cross_entropy(x, x.slice(0, 2)); }, {{"x", {3}}}), ShapeError,
               "a label [] or a unit vector [class]; got [3] and [2]");
}

TEST(Softmax, BadSizesAreNamed) {
  EXPECT_ERROR(trace([](Array x) { return softmax(x, 1); }, {{"x", {6}}}), ShapeError, "got axis 1 of shape [6]");
  EXPECT_ERROR(trace([](Array x) { return softmax(x); }, {{"x", {0}}}), ShapeError, "got axis -1 of shape [0]");
  EXPECT_ERROR(trace([](Array x) { return softmax(x); }, {{"x", {}}}), ShapeError, "[softmax] x must have");
  EXPECT_ERROR(trace([](Array x) { return log_softmax(x, -3); }, {{"x", {2, 3}}}), ShapeError,
               "[log_softmax] x must have");
  EXPECT_ERROR(trace([](Array x) { return cross_entropy(x, x); }, {{"x", {0}}}), ShapeError,
               "[cross_entropy] x must have numbers along the axis; got axis 0");
}

}  // namespace
}  // namespace costate
