// Layer and group normalization against plain loops, and against the operations that they are composed of.
#include "costate/operations/normalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "costate/diff/diff.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRounding = 1e-13;    // of quotients of sums of up to 24 numbers of order 1
constexpr double kDifferences = 1e-6;  // of central differences with a step of 1e-5, and of second order

HostArray vector_of(std::vector<double> numbers) { return HostArray::vector(std::move(numbers)); }

/// (x - mean) / sqrt(variance + eps) of the numbers `begin` … `end` - 1, in two passes.
void normalize(const HostArray& x, std::int64_t begin, std::int64_t end, double eps, HostArray& out) {
  const auto n = static_cast<double>(end - begin);
  double mean = 0, variance = 0;
  for (std::int64_t i = begin; i < end; ++i) mean += x.at(i) / n;
  for (std::int64_t i = begin; i < end; ++i) variance += (x.at(i) - mean) * (x.at(i) - mean) / n;
  for (std::int64_t i = begin; i < end; ++i) out.set(i, (x.at(i) - mean) / std::sqrt(variance + eps));
}

TEST(GroupNorm, NormalizesGroupsOfNeighbouringChannels) {
  for (const std::int64_t groups : {1, 2, 3, 6}) {
    const double eps = 0.01;
    const Function f = trace([&](Array x) { return group_norm(x, groups, eps); }, {{"x", {6, 2, 2}}});
    const auto inputs = testing::draw_inputs(f, 9, -1, 3, 6);
    HostArray expected(Shape{6, 2, 2});
    const std::int64_t size = 24 / groups;
    for (std::int64_t group = 0; group < groups; ++group)
      normalize(inputs[0][0], group * size, (group + 1) * size, eps, expected);
    const HostArray found = interpret(f, {inputs[0][0]})[0];
    for (std::int64_t i = 0; i < 24; ++i) EXPECT_NEAR(found.at(i), expected.at(i), kRounding);
    testing::check_execution(f, inputs, kRounding);
    testing::check_two_orders(f, kDifferences);
  }
}

TEST(GroupNorm, ConstantMapsHaveDerivatives) {
  const Function f = trace(
      [](Array x) {
        return sum(group_norm(x, 1) * constant(vector_of({1, 2, 4})));
      },
      {{"x", {3}}});
  const HostArray gradient = interpret(value_and_grad(f), {vector_of({5, 5, 5})})[1];
  const double scale = 1 / std::sqrt(1e-5);  // of weights minus their mean
  for (const auto& [i, weight] : {std::pair<std::int64_t, double>{0, 1}, {1, 2}, {2, 4}})
    EXPECT_NEAR(gradient.at(i), (weight - 7.0 / 3) * scale, 1e-10);
}

TEST(LayerNorm, NormalizesOverItsAxes) {
  const Function rows = trace([](Array x) { return layer_norm(x, {-1}, 0.1); }, {{"x", {4, 3}}});
  const auto inputs = testing::draw_inputs(rows, 9, -1, 3, 6);
  HostArray expected(Shape{4, 3});
  for (std::int64_t row = 0; row < 4; ++row) normalize(inputs[0][0], 3 * row, 3 * row + 3, 0.1, expected);
  const HostArray found = interpret(rows, {inputs[0][0]})[0];
  for (std::int64_t i = 0; i < 12; ++i) EXPECT_NEAR(found.at(i), expected.at(i), kRounding);
  testing::check_execution(rows, inputs, kRounding);
  testing::check_two_orders(rows, kDifferences);
  testing::check_two_orders(trace([](Array x) { return layer_norm(x, {0, 2}); }, {{"x", {2, 3, 4}}}), kDifferences);
}

/// The same of the operations that it is composed of, for rows of x [group, number].
Array composed(const Array& x, double eps) {
  const Shape column{x.shape()[0], 1};
  const Array centered = x - reshape(mean(x, {1}), column);
  return centered / sqrt(reshape(mean(square(centered), {1}), column) + eps);
}

TEST(LayerNorm, HasTheDerivativesOfItsComposition) {
  // Values, gradients, Hessian-vector products and the gradient of those: three orders of derivatives.
  const auto third = [](auto norm) {
    return trace(
        [&](Array x, Array v) {
          const Array loss = sum(sin(norm(2.0 * x)));
          const Array first = gradient(loss, std::span(&x, 1))[0];
          const Array second = gradient(sum(first * v), std::span(&x, 1))[0];
          const Array tangent = push_forward(std::span(&first, 1), std::span(&x, 1), std::span(&v, 1))[0];
          return std::vector<Array>{first, second, tangent, gradient(sum(second * v), std::span(&x, 1))[0]};
        },
        {{"x", {3, 5}}, {"v", {3, 5}}});
  };
  const Function f = third([](const Array& x) { return layer_norm(x, {1}, 0.1); });
  const auto inputs = testing::draw_inputs(f, 9, -1, 1, 2);
  const auto found = testing::interpret_batch(f, inputs);
  const auto expected = testing::interpret_batch(third([](const Array& x) { return composed(x, 0.1); }), inputs);
  for (std::size_t i = 0; i < found.size(); ++i)
    for (std::int64_t k = 0; k < found[i].size(); ++k)
      ASSERT_NEAR(found[i].at(k), expected[i].at(k), 100 * kRounding * (1 + std::abs(expected[i].at(k)))) << i;
  testing::check_execution(f, inputs, 100 * kRounding);
}

TEST(LayerNorm, TakesWhatAllSamplesShare) {
  const Function f =
      trace([](Array x, Array a) { return a * layer_norm(x, {0}); }, {{"x", {5}, InputKind::kShared}, {"a", {5}}});
  const Function gradient = vjp(f);
  testing::check_execution(f, testing::draw_inputs(f, 19, -1, 1, 2), kRounding);
  testing::check_execution(gradient, testing::draw_inputs(gradient, 19, -1, 1, 2), 100 * kRounding);
}

TEST(Normalize, BadSizesAreNamed) {
  EXPECT_ERROR(trace([](Array x) { return group_norm(x, 4); }, {{"x", {6, 2, 2}}}), InvalidArgument,
               "groups must divide the channels; got 4 groups of 6 channels");
  EXPECT_ERROR(trace([](Array x) { return group_norm(x, 0); }, {{"x", {6}}}), InvalidArgument, "got 0 groups");
  EXPECT_ERROR(trace([](Array x) { return group_norm(x, 1); }, {{"x", {}}}), ShapeError, "[channel, …]; got []");
  EXPECT_ERROR(trace([](Array x) { return group_norm(x, 2, 0); }, {{"x", {6}}}), InvalidArgument,
               "eps must be positive");
  EXPECT_ERROR(trace([](Array x) { return layer_norm(x, {}); }, {{"x", {6}}}), InvalidArgument, "at least one axis");
  EXPECT_ERROR(trace([](Array x) { return layer_norm(x, {1}); }, {{"x", {6}}}), ShapeError,
               "[layer_norm] axes must be those of x, of shape [6]; got axis 1");
}

}  // namespace
}  // namespace costate
