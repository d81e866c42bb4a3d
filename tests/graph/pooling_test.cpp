// Pooling and padding against plain loops, and their derivatives of first and second order against differences.
#include "costate/graph/pooling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/graph/internal/composed_pools.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "costate/graph/verify.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRounding = 1e-14;    // sums of up to 12 numbers of order 1, in another order
constexpr double kDifferences = 1e-6;  // of central differences with a step of 1e-5, and of second order

struct Case {
  Shape shape;
  PoolOptions options;
};

const Case kCases[] = {
    {{2, 6, 6}, {}},
    {{1, 7, 5}, {.kernel = {3, 2}}},
    {{3, 5, 6}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
    {{2, 8, 7}, {.kernel = {4, 3}, .stride = {3, 2}, .padding = {2, 1}}},
    {{2, 4, 3}, {.kernel = {4, 3}}},
    {{1, 1, 2}, {.kernel = {3, 2}, .stride = {1, 5}, .padding = {1, 1}}},
};

/// Every window by loops over its places: their largest number, or the sum of those inside over the kernel's size.
HostArray pooled(const HostArray& x, const PoolOptions& options, bool is_max) {
  const auto& [kernel, stride, padding] = options;
  std::int64_t step[2], count[2];
  for (int i : {0, 1}) {
    step[i] = stride[i] == 0 ? kernel[i] : stride[i];
    count[i] = (x.shape()[i + 1] + 2 * padding[i] - kernel[i]) / step[i] + 1;
  }
  HostArray out(Shape{x.shape()[0], count[0], count[1]});
  for (std::int64_t c = 0; c < out.shape()[0]; ++c)
    for (std::int64_t row = 0; row < count[0]; ++row)
      for (std::int64_t column = 0; column < count[1]; ++column) {
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::int64_t i = row * step[0] - padding[0]; i < row * step[0] - padding[0] + kernel[0]; ++i)
          for (std::int64_t j = column * step[1] - padding[1]; j < column * step[1] - padding[1] + kernel[1]; ++j) {
            if (i < 0 || j < 0 || i >= x.shape()[1] || j >= x.shape()[2]) continue;
            largest = std::max(largest, x(c, i, j));
            sum += x(c, i, j);
          }
        out.set({c, row, column}, is_max ? largest : sum / static_cast<double>(kernel[0] * kernel[1]));
      }
  return out;
}

TEST(Pooling, IsThatOfPlainLoops) {
  for (const Case& one : kCases)
    for (const bool is_max : {true, false}) {
      const Function f =
          trace([&](Array x) { return is_max ? max_pool2d(x, one.options) : avg_pool2d(x, one.options); },
                {{"x", one.shape}});
      const auto inputs = testing::draw_inputs(f, 9, -1, 1, 5);
      const HostArray expected = pooled(inputs[0][2], one.options, is_max), found = interpret(f, {inputs[0][2]})[0];
      ASSERT_EQ(found.shape(), expected.shape());
      for (std::int64_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found.at(i), expected.at(i), kRounding);
      testing::check_execution(f, inputs, kRounding);
    }
}

TEST(Pooling, HasFirstAndSecondDerivatives) {
  for (const Case& one : kCases) {
    const Function f = trace(
        [&](Array x) {
          return std::vector<Array>{square(max_pool2d(sin(3.0 * x), one.options)), exp(avg_pool2d(x * x, one.options))};
        },
        {{"x", one.shape}});
    const auto inputs = testing::draw_inputs(f, 1, -1, 1, 8);
    testing::check_derivatives(f, inputs, kDifferences);
    const Function slope = vjp(f);
    testing::check_derivatives(slope, testing::draw_inputs(slope, 1, -1, 1, 8), kDifferences);
  }
}

TEST(Pooling, AlongOneAxisIsThatOfAnImageOfOneRow) {
  const Function f = trace(
      [](Array x) {
        const Array image = reshape(x, {2, 1, 9});
        const PoolOptions options{.kernel = {1, 4}, .stride = {1, 2}, .padding = {0, 2}};
        const SeriesPoolOptions along{.kernel = 4, .stride = 2, .padding = 2};
        return std::vector<Array>{max_pool1d(x, along) - reshape(max_pool2d(image, options), {2, 5}),
                                  avg_pool1d(x, along) - reshape(avg_pool2d(image, options), {2, 5})};
      },
      {{"x", {2, 9}}});
  for (const HostArray& difference : interpret(f, {testing::draw_inputs(f, 1, -1, 1, 3)[0][0]}))
    for (std::int64_t i = 0; i < difference.size(); ++i) EXPECT_EQ(difference.at(i), 0);
}

TEST(Pooling, TheFirstOfEqualNumbersHasTheDerivative) {
  // One window of 3 x 3 with the largest number at (0, 2), (1, 0) and (2, 2): the first row comes before the second.
  const HostArray x(Shape{1, 3, 3}, std::vector<double>{1, 2, 7, 7, 3, 1, 0, 2, 7});
  const Function f = trace([](Array in) { return sum(max_pool2d(in, {.kernel = {3, 3}})); }, {{"x", {1, 3, 3}}});
  EXPECT_EQ(interpret(value_and_grad(f), {x})[1].numbers(), (std::vector<double>{0, 0, 1, 0, 0, 0, 0, 0, 0}));
  // Windows that reach over the edge read no number twice: each of the four corners is the largest of its window.
  const Function padded = trace(
      [](Array in) {
        return sum(max_pool2d(in, {.kernel = {2, 2}, .padding = {1, 1}}));
      },
      {{"x", {1, 2, 2}}});
  const HostArray equal_numbers(Shape{1, 2, 2}, std::vector<double>{4, 4, 4, 4});
  EXPECT_EQ(interpret(value_and_grad(padded), {equal_numbers})[1].numbers(), (std::vector<double>{1, 1, 1, 1}));
}

TEST(Pooling, AWindowWithNanGivesNanAndItsLastNanHasTheDerivative) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const HostArray x(Shape{1, 2, 6},
                    std::vector<double>{infinity, nan, 3, 4, -infinity, -infinity, nan, 6, 7, 8, -infinity, -infinity});
  const Function f = trace([](Array in) { return max_pool2d(in); }, {{"x", {1, 2, 6}}});
  const HostArray found = interpret(f, {x})[0];
  EXPECT_TRUE(std::isnan(found.at(0)));
  EXPECT_EQ(found.at(1), 8);
  EXPECT_EQ(found.at(2), -infinity);
  const HostArray weights(Shape{1, 1, 3}, std::vector<double>{1, 2, 3});
  EXPECT_EQ(interpret(vjp(f), {x, weights})[1].numbers(), (std::vector<double>{0, 0, 0, 0, 3, 0, 1, 0, 0, 2, 0, 0}));
}

TEST(Pooling, ComposedOfOtherOperationsIsTheSame) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Case& one : kCases) {
    const Function f = trace(
        [&](Array x) {
          return std::vector<Array>{max_pool2d(x, one.options), avg_pool2d(x, one.options)};
        },
        {{"x", one.shape}});
    for (const Function& whole : {f, vjp(f), jvp(f), vjp(jvp(f))}) {
      const Function composed = internal::compose_pools(whole);
      EXPECT_TRUE(std::ranges::none_of(composed.nodes(),
                                       [](const Node& node) { return info(node.op).family == OpFamily::kWindow; }));
      verify(composed);
      std::vector<HostArray> inputs = testing::draw_inputs(whole, 1, -2, 2, 5);
      for (HostArray& input : inputs) input = HostArray(input.shape().without_first(), input.numbers());
      for (std::int64_t i = 0; i < inputs[0].size(); ++i) inputs[0].set(i, std::floor(inputs[0].at(i)));  // ties
      for (const bool has_nan : {false, true}) {
        if (has_nan) inputs[0].set(inputs[0].size() / 2, nan);
        const std::vector<HostArray> expected = interpret(whole, inputs), found = interpret(composed, inputs);
        for (std::size_t i = 0; i < expected.size(); ++i)
          for (std::int64_t k = 0; k < expected[i].size(); ++k) {
            if (std::isnan(expected[i].at(k)))
              ASSERT_TRUE(std::isnan(found[i].at(k)));
            else
              ASSERT_NEAR(found[i].at(k), expected[i].at(k), kRounding);
          }
      }
    }
  }
}

TEST(Pooling, GlobalAverageIsTheMeanOfEachMap) {
  const Function f = trace([](Array x) { return global_average(x); }, {{"x", {2, 3, 2}}});
  const HostArray x(Shape{2, 3, 2}, std::vector<double>{0, 1, 2, 3, 4, 5, 10, 10, 10, 10, 10, 16});
  EXPECT_EQ(interpret(f, {x})[0].numbers(), (std::vector<double>{2.5, 11}));
  testing::check_derivatives(f, testing::draw_inputs(f, 1, -1, 1, 4), kDifferences);
}

TEST(Pooling, PadPutsZerosAround) {
  const Function f = trace([](Array x) { return pad(x, {{1, 0}, {0, 2}}); }, {{"x", {2, 2}}});
  const HostArray x(Shape{2, 2}, std::vector<double>{1, 2, 3, 4});
  EXPECT_EQ(interpret(f, {x})[0].numbers(), (std::vector<double>{0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0}));
  const auto inputs = testing::draw_inputs(f, 5, -1, 1, 4);
  testing::check_execution(f, inputs, 0);
  testing::check_derivatives(f, inputs, kDifferences);
}

TEST(Pooling, BadSizesAreNamed) {
  const auto traced = [](const Shape& shape, const PoolOptions& options) {
    trace([&](Array x) { return max_pool2d(x, options); }, {{"x", shape}});
  };
  EXPECT_ERROR(traced({2, 5, 5}, {.kernel = {6, 2}}), ShapeError, "a kernel of 6 does not fit into an axis of 5");
  EXPECT_ERROR(traced({5, 5}, {}), ShapeError, "must have shape [channel, row, column]; got [5, 5]");
  EXPECT_ERROR(traced({2, 0, 5}, {.kernel = {2, 2}, .padding = {1, 0}}), ShapeError,
               "[max_pool2d] x must have numbers along each axis; got [2, 0, 5]");
  EXPECT_ERROR(traced({2, 5, 5}, {.kernel = {0, 2}}), InvalidArgument, "got kernel = 0");
  EXPECT_ERROR(traced({2, 5, 5}, {.kernel = {2, 2}, .padding = {2, 0}}), InvalidArgument,
               "padding from 0 to half of the kernel");
  EXPECT_ERROR(traced({2, 5, 5}, {.kernel = {2, 2}, .stride = {-1, 1}}), InvalidArgument, "stride = -1");
  EXPECT_ERROR(trace([](Array x) { return avg_pool1d(x, {.kernel = 4}); }, {{"x", {1, 3}}}), ShapeError,
               "[avg_pool1d] a kernel of 4");
  EXPECT_ERROR(trace([](Array x) { return pad(x, {{1, 1}}); }, {{"x", {2, 2}}}), ShapeError, "got 1 pairs");
  EXPECT_ERROR(trace([](Array x) { return pad(x, {{1, -1}}); }, {{"x", {2}}}), InvalidArgument, "got 1 and -1");
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_ERROR(trace(
                   [](Array x) {
                     return pad(x, {{kHuge, kHuge}});
                   },
                   {{"x", {2}}}),
               InvalidArgument, "[pad] widths must be at most 10^9; got 4611686018427387904");
  EXPECT_ERROR(traced({2, 5, 5}, {.kernel = {kHuge, 2}, .padding = {kHuge / 2, 0}}), InvalidArgument,
               "[max_pool2d] a kernel has at most 10^6 places along an axis; got 4611686018427387904");
  EXPECT_ERROR(traced({2, 5, 5}, {.padding = {kHuge, 0}}), InvalidArgument, "padding from 0 to half of the kernel");
  EXPECT_ERROR(trace([](Array x) { return global_average(x); }, {{"x", {}}}), ShapeError, "[channel, …]; got []");
}

}  // namespace
}  // namespace costate
