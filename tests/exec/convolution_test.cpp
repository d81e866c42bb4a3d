// Convolutions: values against plain loops over a padded image, executor against interpreter for shared weights and
// those of a sample, derivatives to the second order against differences, bits for every number of lanes.
#include "costate/graph/convolution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/internal/image_lanes.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

using testing::check_derivatives;
using testing::check_execution;
using testing::draw_inputs;

// Sums of up to 1,500 terms of size 1, over pixels, batch and channels, in another order.
constexpr double kConvUlps = 1500 * 2.3e-16;
// Central differences with step 1e-5 of polynomials whose values are up to some 100.
constexpr double kConvDifference = 1e-7;

struct ConvCase {
  std::string name;
  Shape image, weights;
  ConvOptions options = {};
};

void PrintTo(const ConvCase& one, std::ostream* out) { *out << one.name; }

std::vector<ConvCase> cases() {
  return {
      {"three_by_three", {3, 5, 6}, {4, 3, 3, 3}, {.padding = {1, 1}}},
      {"no_padding", {2, 5, 4}, {3, 2, 3, 2}},
      {"pointwise", {9, 3, 4}, {13, 9, 1, 1}},
      {"one_pixel", {3, 1, 1}, {2, 3, 1, 1}},
      {"one_pixel_padded", {2, 1, 1}, {5, 2, 3, 3}, {.padding = {1, 1}}},
      {"kernel_is_image", {8, 4, 3}, {7, 8, 4, 3}},
      {"kernel_is_padded_image", {2, 2, 2}, {3, 2, 4, 4}, {.padding = {1, 1}}},
      {"wide_rows", {2, 3, 37}, {3, 2, 3, 3}, {.padding = {1, 1}}},
      {"wide_rows_of_one", {1, 2, 70}, {1, 1, 1, 5}, {.padding = {0, 2}}},
      {"strided", {4, 8, 7}, {9, 4, 4, 4}, {.stride = {2, 2}, .padding = {1, 1}}},
      {"uneven", {2, 7, 9}, {3, 2, 2, 4}, {.stride = {3, 2}, .padding = {1, 2}, .dilation = {2, 1}}},
      {"stride_leaves_pixels_out", {2, 5, 5}, {3, 2, 1, 2}, {.stride = {3, 4}}},
      {"dilated", {2, 7, 8}, {3, 2, 3, 3}, {.padding = {2, 2}, .dilation = {2, 3}}},
      {"padding_alone", {1, 2, 3}, {2, 1, 1, 1}, {.padding = {2, 1}}},
      {"many_channels", {17, 4, 4}, {21, 17, 3, 3}, {.padding = {1, 1}}},
      {"many_rows_of_few", {1, 6, 7}, {27, 1, 3, 3}, {.padding = {1, 1}}},
      {"few_of_many", {18, 5, 5}, {1, 18, 3, 3}, {.padding = {1, 1}}},
      {"wide_class", {2, 9, 9}, {4, 2, 2, 2}},
      {"groups", {6, 4, 5}, {9, 2, 3, 3}, {.padding = {1, 1}, .groups = 3}},
      {"groups_of_many", {32, 3, 3}, {24, 16, 2, 2}, {.groups = 2}},
      {"depthwise", {7, 5, 4}, {7, 1, 3, 3}, {.padding = {1, 1}, .groups = 7}},
      {"depthwise_rows", {9, 4, 13}, {9, 1, 3, 3}, {.padding = {1, 1}, .groups = 9}},
      {"depthwise_many_rows", {8, 37, 4}, {8, 1, 3, 3}, {.padding = {1, 1}, .groups = 8}},
      {"depthwise_one_column", {8, 3, 3}, {8, 1, 3, 3}, {.padding = {1, 1}, .groups = 8}},
      {"depthwise_dilated", {8, 7, 8}, {8, 1, 3, 3}, {.padding = {2, 2}, .dilation = {2, 2}, .groups = 8}},
      {"depthwise_strided", {8, 8, 9}, {8, 1, 3, 3}, {.stride = {2, 2}, .padding = {1, 1}, .groups = 8}},
      {"depthwise_series", {8, 1, 9}, {8, 1, 1, 3}, {.padding = {0, 1}, .groups = 8}},
      {"depthwise_small_kernel", {8, 3, 9}, {8, 1, 2, 2}, {.padding = {1, 1}, .groups = 8}},
      {"depthwise_large_kernel", {3, 6, 6}, {3, 1, 5, 5}, {.padding = {2, 2}, .groups = 3}},
      {"pointwise_from_one", {2, 4, 7}, {18, 1, 1, 1}, {.groups = 2}},
      {"pointwise_to_one", {18, 4, 7}, {2, 9, 1, 1}, {.groups = 2}},
      {"to_one", {66, 4, 5}, {2, 33, 3, 3}, {.padding = {1, 1}, .groups = 2}},
      {"to_one_strided", {32, 5, 6}, {1, 32, 3, 2}, {.stride = {2, 1}}},
      {"from_one", {1, 6, 5}, {33, 1, 4, 3}},
      {"depthwise_twice", {3, 5, 4}, {6, 1, 3, 2}, {.stride = {2, 1}, .groups = 3}},
  };
}

HostArray numbers(const Shape& shape, double phase) {
  HostArray value(shape);
  for (std::int64_t i = 0; i < value.size(); ++i) value.set(i, 0.5 * std::sin(phase + 2.7 * static_cast<double>(i)));
  return value;
}

/// Weights that all samples share, with bias and activation.
Function layer(const ConvCase& one, Array (*activation)(Operand) = tanh) {
  const Parameter w("w", numbers(one.weights, 1.0)), b("b", numbers({one.weights[0], 1, 1}, 0.3));
  return trace([=](Array x) { return activation(conv2d(x, w, one.options) + b); }, {{"x", one.image}});
}

/// Both of a sample, or one of them.
Function bare(const ConvCase& one, InputKind image, InputKind weights) {
  return trace([=](Array x, Array w) { return conv2d(x, w, one.options); },
               {{"x", one.image, image}, {"w", one.weights, weights}});
}

/// An image with its padding, and loops over it.
std::vector<double> by_loops(const ConvCase& one, const HostArray& x, const HostArray& w) {
  const auto [sy, sx] = one.options.stride;
  const auto [py, px] = one.options.padding;
  const auto [dy, dx] = one.options.dilation;
  const std::int64_t channels = one.image[0], height = one.image[1] + 2 * py, width = one.image[2] + 2 * px;
  std::vector<double> padded(static_cast<std::size_t>(channels * height * width));
  const auto at = [&](std::int64_t c, std::int64_t i, std::int64_t j) -> double& {
    return padded.at(static_cast<std::size_t>((c * height + i) * width + j));
  };
  for (std::int64_t c = 0, flat = 0; c < channels; ++c)
    for (std::int64_t i = 0; i < one.image[1]; ++i)
      for (std::int64_t j = 0; j < one.image[2]; ++j) at(c, i + py, j + px) = x.at(flat++);
  const std::int64_t outputs = one.weights[0], depth = one.weights[1], rows = one.weights[2], columns = one.weights[3];
  std::vector<double> result;
  for (std::int64_t o = 0; o < outputs; ++o)
    for (std::int64_t i = 0; i + dy * (rows - 1) < height; i += sy)
      for (std::int64_t j = 0; j + dx * (columns - 1) < width; j += sx) {
        double sum = 0;
        for (std::int64_t c = 0; c < depth; ++c)
          for (std::int64_t u = 0; u < rows; ++u)
            for (std::int64_t v = 0; v < columns; ++v)
              sum += w.at(((o * depth + c) * rows + u) * columns + v) *
                     at(o / (outputs / one.options.groups) * depth + c, i + u * dy, j + v * dx);
        result.push_back(sum);
      }
  return result;
}

class Convolutions : public ::testing::TestWithParam<ConvCase> {};

TEST_P(Convolutions, AreWhatPlainLoopsGive) {
  const HostArray x = numbers(GetParam().image, 0.7), w = numbers(GetParam().weights, 1.9);
  const std::vector<double> expected = by_loops(GetParam(), x, w);
  const HostArray result = interpret(bare(GetParam(), InputKind::kSample, InputKind::kShared), {x, w})[0];
  ASSERT_EQ(static_cast<std::size_t>(result.size()), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(result.at(static_cast<std::int64_t>(i)), expected[i], kConvUlps) << i;
}

TEST_P(Convolutions, AgreeWithTheInterpreter) {
  const Function f = layer(GetParam());
  for (const std::int64_t batch : {1, 2, 5, 40}) check_execution(f, draw_inputs(f, batch, -1, 1, 3), kConvUlps);
}

TEST_P(Convolutions, AgreeForOperandsOfAnyKind) {
  using enum InputKind;
  for (const auto& [image, weights] : {std::pair{kSample, kSample}, {kSample, kShared}, {kShared, kSample}}) {
    const Function f = bare(GetParam(), image, weights);
    for (const std::int64_t batch : {1, 9}) {
      check_execution(f, draw_inputs(f, batch, -1, 1, 3), kConvUlps);
      check_execution(vjp(f), draw_inputs(vjp(f), batch, -1, 1, 4), kConvUlps);
    }
  }
}

TEST_P(Convolutions, DerivativesAgreeWithDifferences) {
  const Function f = layer(GetParam());
  check_derivatives(f, draw_inputs(f, 1, -1, 1, 3), kConvDifference);
}

TEST_P(Convolutions, SecondDerivativesAgreeWithDifferences) {
  const Function f = vjp(bare(GetParam(), InputKind::kSample, InputKind::kSample));
  check_derivatives(f, draw_inputs(f, 1, -1, 1, 3), kConvDifference);
}

TEST_P(Convolutions, ReverseProgramsAgreeWithTheInterpreter) {
  for (Array (*activation)(Operand) : {tanh, relu}) {
    const Function reverse = vjp(layer(GetParam(), activation));
    for (const std::int64_t batch : {1, 2, 9, 33})
      check_execution(reverse, draw_inputs(reverse, batch, -1, 1, 4), kConvUlps);
  }
}

TEST_P(Convolutions, ProgramsOfSecondOrderAgreeWithTheInterpreter) {
  const Function second = vjp(vjp(layer(GetParam())));
  check_execution(second, draw_inputs(second, 5, -1, 1, 4), kConvUlps);
}

/// The image's cotangent comes from conv2d_input.
TEST_P(Convolutions, SampleBitsDoNotDependOnLanes) {
  const Function f = vjp(layer(GetParam()), std::vector<std::size_t>{0});
  const std::vector<HostArray> inputs = draw_inputs(f, 67, -1, 1, 8);
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const std::vector<HostArray> alone = compile(f, {.dtype = dtype, .lanes = 1}).run(inputs).outputs;
    for (const std::size_t lanes : {0, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 20, 24, 31, 32, 40, 48, 64})
      for (std::size_t i = 0; i < alone.size(); ++i)
        EXPECT_TRUE(compile(f, {.dtype = dtype, .lanes = lanes}).run(inputs).outputs[i].same_bits(alone[i]))
            << "output " << i << ", " << lanes << " lanes";
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Convolutions, ::testing::ValuesIn(cases()),
                         [](const auto& row) { return row.param.name; });

TEST(Convolution, F32AgreesToSinglePrecision) {
  for (const ConvCase& one : cases()) {
    const Function f = vjp(layer(one));
    const std::vector<HostArray> inputs = draw_inputs(f, 19, -1, 1, 8);
    const std::vector<HostArray> expected = testing::interpret_batch(f, inputs);
    const RunResult result = compile(f, {.dtype = Dtype::kF32}).run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
      for (std::int64_t k = 0; k < expected[i].size(); ++k)
        ASSERT_NEAR(result.outputs[i].at(k), expected[i].at(k), 1e-5 * (1 + std::abs(expected[i].at(k)))) << one.name;
  }
}

TEST(Convolution, OneNumberIsForRowsAndColumns) {
  const ConvOptions one{.stride = 2, .padding = 1, .dilation = 3},
      each{.stride = {2, 2}, .padding = {1, 1}, .dilation = {3, 3}};
  EXPECT_EQ(one.stride, each.stride);
  EXPECT_EQ(one.padding, each.padding);
  EXPECT_EQ(one.dilation, each.dilation);
  const Function f =
      trace([](Array x, Array w) { return conv2d(x, w, {.padding = 1}); }, {{"x", {1, 4, 5}}, {"w", {1, 1, 3, 3}}});
  EXPECT_EQ(f.output_shape(0), (Shape{1, 4, 5}));
}

TEST(Convolution, AlongASeriesIsThatOfAnImageOneHigh) {
  const Parameter w("w", numbers({6, 2, 3}, 1.0));
  const SeriesConvOptions options{.stride = 2, .padding = 3, .dilation = 2, .groups = 2};
  const Function f = trace([=](Array x) { return conv1d(x, w, options); }, {{"x", {4, 11}}});
  const ConvCase image{"", {4, 1, 11}, {6, 2, 1, 3}, {{1, 2}, {0, 3}, {1, 2}, 2}};
  ASSERT_EQ(f.output_shape(0), (Shape{6, 7}));
  const HostArray x = numbers({4, 11}, 0.2);
  const HostArray result = interpret(f, {x, w.value()})[0];
  const std::vector<double> expected = by_loops(image, x, w.value());
  for (std::int64_t i = 0; i < result.size(); ++i)
    EXPECT_NEAR(result.at(i), expected[static_cast<std::size_t>(i)], kConvUlps);
  check_derivatives(f, draw_inputs(f, 1, -1, 1, 3), kConvDifference);
  check_execution(vjp(f), draw_inputs(vjp(f), 11, -1, 1, 3), kConvUlps);
}

TEST(Convolution, TilesOfLargeImagesTakeFewerLanes) {
  const std::size_t width = internal::simd_lanes<float>(), all = 4 * width;
  EXPECT_EQ(internal::lanes_for_images<float>(all, all, 0), all);
  EXPECT_EQ(internal::lanes_for_images<float>(all, all, (std::size_t{64} << 10) / all), all);
  EXPECT_EQ(internal::lanes_for_images<float>(all, all, (std::size_t{64} << 10) / all + 1), 2 * width);
  EXPECT_EQ(internal::lanes_for_images<float>(all, all, std::size_t{1} << 20), width);
  EXPECT_EQ(internal::lanes_for_images<float>(1, 1, std::size_t{1} << 20), 1u);
  EXPECT_EQ(internal::lanes_for_images<float>(width / 4, width, 4095), width);
  EXPECT_EQ(internal::lanes_for_images<float>(width / 4, width, 4096), 1u);
  EXPECT_EQ(internal::lanes_for_images<float>(width / 4 + 1, width, 4096), width);
  const Function f = layer(cases()[0]);
  EXPECT_EQ(internal::largest_image(f), 4u * 5 * 6);
  EXPECT_EQ(internal::largest_image(trace([](Array x) { return exp(x); }, {{"x", {9, 9, 9}}})), 0u);
}

TEST(Convolution, MistakesAreNamed) {
  const auto make = [](const Shape& image, const Shape& weights, const ConvOptions& options = {}) {
    return trace([=](Array x) { return conv2d(x, ones(weights), options); }, {{"x", image}});
  };
  EXPECT_ERROR(make({1, 4, 4}, {2, 1, 5, 3}), ShapeError,
               "the kernel reaches over 5 pixels down, the padded image has 4");
  EXPECT_ERROR(make({1, 4, 4}, {2, 1, 1, 3}, {.dilation = {1, 2}}), ShapeError,
               "the kernel reaches over 5 pixels across, the padded image has 4");
  EXPECT_ERROR(make({4, 4, 4}, {3, 2, 3, 3}, {.groups = 2}), ShapeError,
               "2 groups do not divide 4 channels and 3 outputs");
  EXPECT_ERROR(make({3, 4, 4}, {2, 2, 3, 3}), ShapeError, "the weights take 2 channels a group, the image has 3");
  EXPECT_ERROR(make({4, 4}, {2, 2, 3, 3}), ShapeError, "the image must be [channels, height, width]");
  EXPECT_ERROR(make({4, 4, 4}, {2, 2, 3}), ShapeError,
               "the weights must be [outputs, channels / groups, kernel height");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 0, 1}), ShapeError, "the kernel is empty");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 5, 5}), ShapeError, "[conv2d] of input 'x' [1, 4, 4] and constant [1, 1, 5, 5]");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.stride = {0, 1}}), InvalidArgument, "stride must be at least 1; got 0");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.padding = {0, -1}}), InvalidArgument,
               "padding must be at least 0; got -1");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.dilation = {-2, 1}}), InvalidArgument,
               "dilation must be at least 1; got -2");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.groups = 0}), InvalidArgument, "groups must be at least 1; got 0");
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.padding = {kHuge, 0}}), InvalidArgument,
               "padding must be at most 10^9; got 4611686018427387904");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.dilation = {1, kHuge}}), InvalidArgument, "dilation must be at most");
  EXPECT_ERROR(make({1, 4, 4}, {1, 1, 3, 3}, {.padding = {1 << 20, 1 << 20}}), ShapeError,
               "the result would have 2097154 x 2097154 pixels, and at most 16777216 are possible");
  const auto series = [](const Shape& x, const Shape& weights, const SeriesConvOptions& options = {}) {
    return trace([=](Array at) { return conv1d(at, ones(weights), options); }, {{"x", x}});
  };
  EXPECT_ERROR(series({4, 4, 4}, {2, 4, 3}), ShapeError, "[conv1d] at ");
  EXPECT_ERROR(series({4, 4}, {2, 4}), ShapeError, "x must be [channels, length]");
  EXPECT_ERROR(series({4, 4}, {2, 3, 3}), ShapeError, "[conv1d] of x [4, 4] and weights [2, 3, 3] at ");
  EXPECT_ERROR(series({4, 4}, {2, 4, 5}), ShapeError, "the kernel reaches over 5 pixels across");
  EXPECT_ERROR(series({4, 4}, {2, 4, 3}, {.stride = -1}), InvalidArgument, "stride must be at least 1; got -1");
}

}  // namespace
}  // namespace costate
