// Layers of feature maps: what they compute, where their weights start, and what they refuse.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/graph/interpret.h"
#include "costate/graph/print.h"
#include "costate/graph/trace.h"
#include "costate/nn/nn.h"
#include "costate/operations/normalize.h"
#include "costate/solve/internal/hoist.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRounding = 1e-13;    // sums of up to 100 products of order 1, in another order
constexpr double kDifferences = 1e-6;  // of central differences with a step of 1e-5

/// Numbers of order 1 that differ.
void fill(const Parameter& parameter, double phase) {
  HostArray values(parameter.shape());
  for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, std::sin(phase + 1.7 * static_cast<double>(i)));
  parameter.set_value(values);
}

/// Expects both outputs of f to be the same but for rounding.
void expect_equal_outputs(const Function& f, const std::vector<HostArray>& inputs) {
  const std::vector<HostArray> found = testing::interpret_batch(f, inputs);
  ASSERT_EQ(found[0].shape(), found[1].shape());
  for (std::int64_t i = 0; i < found[0].size(); ++i) ASSERT_NEAR(found[0].at(i), found[1].at(i), kRounding);
}

TEST(Conv2d, StartsAsPyTorchDoes) {
  const Conv2d conv({.inputs = 6, .outputs = 40, .kernel = {3, 5}, .convolution = {.groups = 2}, .source = {3, 1}});
  const HostArray weight = conv.parameters()[0].value(), bias = conv.parameters()[1].value();
  EXPECT_EQ(weight.shape(), (Shape{40, 3, 3, 5}));
  EXPECT_EQ(bias.shape(), Shape{40});
  const double bound = 1 / std::sqrt(45.0);  // 3 x 3 x 5 numbers make one output
  double largest = 0, squares = 0;
  for (const double w : weight.numbers()) {
    largest = std::max(largest, std::abs(w));
    squares += w * w / 1800;
  }
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.99 * bound);
  // The deviation of a uniform number's square is 0.89 of its mean.
  EXPECT_NEAR(squares, bound * bound / 3, 5 * 0.9 / std::sqrt(1800.0) * bound * bound / 3);
  for (const double b : bias.numbers()) {
    EXPECT_LE(std::abs(b), bound);
    EXPECT_NE(b, 0);
  }
  const Conv2d again({.inputs = 6, .outputs = 40, .kernel = {3, 5}, .convolution = {.groups = 2}, .source = {3, 1}}),
      other({.inputs = 6, .outputs = 40, .kernel = {3, 5}, .convolution = {.groups = 2}, .source = {3, 2}});
  EXPECT_TRUE(again.parameters()[1].value().same_bits(bias));
  EXPECT_FALSE(other.parameters()[1].value().same_bits(bias));
  EXPECT_FALSE(other.parameters()[0].value().same_bits(weight));
}

TEST(Linear, HasABiasFromTheStartIfPyTorchHas) {
  const Linear plain({.inputs = 4, .outputs = 3}), torch({.inputs = 4, .outputs = 3, .init = Init::kTorchUniform});
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(plain.parameters()[1].value().at(i), 0);
    EXPECT_NE(torch.parameters()[1].value().at(i), 0);
    EXPECT_LE(std::abs(torch.parameters()[1].value().at(i)), 0.5);
  }
}

TEST(Conv2d, IsAConvolutionPlusABiasForEachChannel) {
  const ConvOptions options{.stride = {2, 1}, .padding = {1, 2}, .groups = 2};
  const Conv2d conv({.inputs = 4, .outputs = 6, .kernel = {3, 4}, .convolution = options, .source = {5, 0}}),
      bare({.inputs = 4, .outputs = 6, .kernel = {3, 4}, .convolution = options, .bias = false});
  ASSERT_EQ(bare.parameters().size(), 1U);
  bare.parameters()[0].set_value(conv.parameters()[0].value());
  const Function f = trace(
      [&](Array x) {
        const Array bias = conv.parameters()[1];
        std::vector<Array> maps;
        const Array without = bare(x);
        for (std::int64_t i = 0; i < 6; ++i) maps.push_back(without[i] + bias[i]);
        return std::vector<Array>{conv(x), stack(maps)};
      },
      {{"x", {4, 5, 6}}});
  expect_equal_outputs(f, testing::draw_inputs(f, 2, -1, 1, 3));
}

TEST(Conv1d, IsAConvolutionPlusABiasForEachChannel) {
  constexpr std::int64_t kChannels = 4, kOutputs = 6, kLength = 9, kStride = 2, kPadding = 1, kDilation = 2;
  const Conv1d conv({.inputs = kChannels,
                     .outputs = kOutputs,
                     .kernel = 3,
                     .convolution = {.stride = kStride, .padding = kPadding, .dilation = kDilation, .groups = 2},
                     .source = {5, 0}});
  const HostArray weight = conv.parameters()[0].value(), bias = conv.parameters()[1].value();
  ASSERT_EQ(weight.shape(), (Shape{kOutputs, 2, 3}));
  ASSERT_EQ(bias.shape(), Shape{kOutputs});
  const Function f = trace([&](Array x) { return conv(x); }, {{"x", {kChannels, kLength}}});
  const std::vector<HostArray> inputs = testing::draw_inputs(f, 2, -1, 1, 3);
  const HostArray found = testing::interpret_batch(f, inputs)[0];
  ASSERT_EQ(found.shape(), (Shape{2, kOutputs, 4}));
  for (std::int64_t sample = 0; sample < 2; ++sample)
    for (std::int64_t output = 0; output < kOutputs; ++output)
      for (std::int64_t place = 0; place < 4; ++place) {
        double sum = bias.at(output);
        for (std::int64_t channel = 0; channel < 2; ++channel)
          for (std::int64_t tap = 0; tap < 3; ++tap) {
            const std::int64_t from = place * kStride + tap * kDilation - kPadding;
            if (from < 0 || from >= kLength) continue;
            sum += weight(output, channel, tap) * inputs[0](sample, output / 3 * 2 + channel, from);
          }
        EXPECT_NEAR(found(sample, output, place), sum, kRounding) << output << ", " << place;
      }
  testing::check_execution(f, inputs, kRounding);
  testing::check_derivatives(f, inputs, kDifferences);
}

TEST(Conv1d, StartsAsConv2dDoes) {
  const Conv1d series({.inputs = 4, .outputs = 6, .kernel = 5, .source = {5, 2}});
  const Conv2d image({.inputs = 4, .outputs = 6, .kernel = {1, 5}, .source = {5, 2}});
  for (const std::size_t i : {0U, 1U})
    EXPECT_EQ(series.parameters()[i].value().numbers(), image.parameters()[i].value().numbers());
  EXPECT_EQ(Conv1d({.inputs = 4, .outputs = 6, .bias = false, .name = "c"}).parameters().size(), 1U);
}

TEST(ConcatConv2d, IsTheConvolutionOfTBesideX) {
  const ConvOptions options{.padding = {1, 1}};
  const ConcatConv2d conv({.inputs = 2, .outputs = 3, .convolution = options, .source = {5, 0}});
  const Conv2d plain({.inputs = 3, .outputs = 3, .convolution = options});
  EXPECT_EQ(conv.parameters()[0].shape(), (Shape{3, 3, 3, 3}));
  for (std::size_t i : {0U, 1U}) plain.parameters()[i].set_value(conv.parameters()[i].value());
  const auto concatenated = [&](const Array& t, const Array& x) {
    return plain(concat({broadcast_to(t, {1, 4, 5}), x}));
  };
  const std::vector<ArgumentSpec> arguments = {{"t", {}}, {"x", {2, 4, 5}}};
  const Function f = trace(
      [&](Array t, Array x) {
        return std::vector<Array>{conv(t, x), concatenated(t, x)};
      },
      arguments);
  const auto inputs = testing::draw_inputs(f, 3, -1, 1, 3);
  expect_equal_outputs(f, inputs);
  const auto gradients = [&](auto net, const std::vector<Parameter>& parameters) {
    const Function loss = trace([&](Array t, Array x) { return sum(sin(net(t, x))); }, arguments);
    std::vector<HostArray> by_inputs =
        testing::interpret_batch(value_and_grad(loss, std::vector<std::size_t>{0, 1}), inputs);
    for (const HostArray& one : testing::interpret_batch(value_and_grad(loss, parameters), inputs))
      by_inputs.push_back(one);
    return by_inputs;
  };
  const auto found = gradients(conv, conv.parameters()), expected = gradients(concatenated, plain.parameters());
  ASSERT_EQ(found.size(), 6U);
  for (std::size_t i = 0; i < found.size(); ++i)
    for (std::int64_t k = 0; k < found[i].size(); ++k) ASSERT_NEAR(found[i].at(k), expected[i].at(k), kRounding);
}

TEST(ConcatConv2d, CopiesNoFeatureMap) {
  const ConcatConv2d conv({.inputs = 2, .outputs = 3, .convolution = {.padding = {1, 1}}});
  const Function f = trace([&](Array t, Array x) { return conv(t, x); }, {{"t", {}}, {"x", {2, 4, 5}}});
  EXPECT_EQ(to_string(f).find("concat"), std::string::npos) << to_string(f);
}

TEST(ConcatConv2d, ChoosesItsWeightsOutsideOfASolve) {
  const ConcatConv2d conv({.inputs = 3, .outputs = 3, .convolution = {.padding = {1, 1}}});
  const VectorField field = vector_field({3, 4, 5}, [&](Array t, Array x) { return conv(t, x); });
  const auto hoisted = internal::hoist_shared(field);
  ASSERT_TRUE(hoisted.has_value());
  for (const Node& node : hoisted->field.function().nodes())
    EXPECT_NE(node.op, Op::kGather) << to_string(hoisted->field.function());
}

TEST(ImageLayers, ExecuteAndDifferentiate) {
  const ConcatConv2d conv({.inputs = 4, .outputs = 4, .convolution = {.stride = {2, 2}, .padding = {1, 1}}});
  const GroupNorm norm({.groups = 2, .channels = 4, .eps = 0.1});  // flat enough for the differences' step
  const LayerNorm last({.shape = {3}, .eps = 0.1});
  for (const Parameter& parameter : join_parameters(norm, last)) fill(parameter, 1);
  const Function f =
      trace([&](Array t, Array x) { return last(tanh(norm(conv(t, x)))); }, {{"t", {}}, {"x", {4, 6, 5}}});
  const auto inputs = testing::draw_inputs(f, 9, -1, 1, 7);
  testing::check_execution(f, inputs, kRounding);
  testing::check_derivatives(f, inputs, kDifferences);
  const Function gradient = value_and_grad(
      trace([&](Array t, Array x) { return sum(sin(last(norm(conv(t, x))))); }, {{"t", {}}, {"x", {4, 6, 5}}}));
  testing::check_execution(gradient, inputs, 10 * kRounding);
  testing::check_derivatives(gradient, inputs, kDifferences);
}

TEST(GroupNorm, WeighsEachChannel) {
  const GroupNorm norm({.groups = 2, .channels = 4, .eps = 0.1, .name = "n"});
  EXPECT_EQ(norm.parameters()[0].value().numbers(), (std::vector<double>{1, 1, 1, 1}));
  EXPECT_EQ(norm.parameters()[1].name(), "n.bias");
  for (const Parameter& parameter : norm.parameters()) fill(parameter, 2);
  const Function f = trace(
      [&](Array x) {
        const Array plain = group_norm(x, 2, 0.1), weight = norm.parameters()[0], bias = norm.parameters()[1];
        std::vector<Array> maps;
        for (std::int64_t i = 0; i < 4; ++i) maps.push_back(plain[i] * weight[i] + bias[i]);
        return std::vector<Array>{norm(x), stack(maps)};
      },
      {{"x", {4, 3, 2}}});
  expect_equal_outputs(f, testing::draw_inputs(f, 2, -1, 1, 3));
}

TEST(LayerNorm, WeighsEachNumberOfItsAxes) {
  const LayerNorm norm({.shape = {3, 2}, .eps = 0.1});
  for (const Parameter& parameter : norm.parameters()) fill(parameter, 2);
  const Function f = trace(
      [&](Array x) {
        const Array weight = norm.parameters()[0], bias = norm.parameters()[1];
        return std::vector<Array>{norm(x), layer_norm(x, {1, 2}, 0.1) * weight + bias};
      },
      {{"x", {4, 3, 2}}});
  expect_equal_outputs(f, testing::draw_inputs(f, 2, -1, 1, 3));
}

TEST(ImageLayers, BadSizesAreNamed) {
  EXPECT_ERROR(Conv2d({.inputs = 3, .outputs = 4, .convolution = {.groups = 2}}), InvalidArgument,
               "groups must divide inputs and outputs; got 2 groups of 3 inputs");
  EXPECT_ERROR(Conv2d({.inputs = 3, .outputs = 4, .kernel = {0, 3}}), InvalidArgument, "kernel = 0 x 3");
  EXPECT_ERROR(ConcatConv2d({.inputs = 2, .outputs = 4, .convolution = {.groups = 2}}), InvalidArgument,
               "groups must be 1; got 2");
  EXPECT_ERROR(ConcatConv2d({.outputs = 4}), InvalidArgument, "[ConcatConv2d] inputs, outputs and the kernel must be");
  EXPECT_ERROR(Conv2d({.inputs = 3, .outputs = 4, .convolution = {.padding = {-1, 0}}}), InvalidArgument,
               "[Conv2d] padding must be at least 0; got -1");
  EXPECT_ERROR(Conv1d({.inputs = 3, .outputs = 4, .kernel = 0}), InvalidArgument, "[Conv1d] inputs, outputs and the");
  EXPECT_ERROR(Conv1d({.inputs = 3, .outputs = 4, .convolution = {.groups = 2}}), InvalidArgument,
               "[Conv1d] groups must divide inputs and outputs");
  const Conv2d conv({.inputs = 3, .outputs = 4, .kernel = {5, 5}, .name = "first"});
  EXPECT_ERROR(trace([&](Array x) { return conv(x); }, {{"x", {1, 8, 8}}}), ShapeError,
               "'first.weight' takes feature maps of shape [3, row, column]; got [1, 8, 8]");
  EXPECT_ERROR(trace([&](Array x) { return conv(x); }, {{"x", {3, 4, 8}}}), ShapeError,
               "[Conv2d] 'first.weight': the kernel reaches over 5 pixels down");
  const ConcatConv2d timed({.inputs = 3, .outputs = 4, .kernel = {5, 5}});
  EXPECT_ERROR(trace([&](Array x) { return timed(x[0][0][0], x); }, {{"x", {2, 8, 8}}}), ShapeError,
               "[ConcatConv2d] 'conv.weight' takes feature maps of shape [3, row, column]; got [2, 8, 8]");
  EXPECT_ERROR(trace([&](Array x) { return timed(x[0][0][0], x); }, {{"x", {3, 8, 4}}}), ShapeError,
               "[ConcatConv2d] 'conv.weight': the kernel reaches over 5 pixels across");
  const Conv1d series({.inputs = 3, .outputs = 4, .kernel = 5});
  EXPECT_ERROR(trace([&](Array x) { return series(x); }, {{"x", {3, 4}}}), ShapeError,
               "[Conv1d] 'conv.weight': the kernel reaches over 5 pixels across");
  EXPECT_ERROR(trace([&](Array x) { return series(x); }, {{"x", {3, 8, 8}}}), ShapeError,
               "[Conv1d] 'conv.weight' takes series of shape [3, place]; got [3, 8, 8]");
  EXPECT_ERROR(GroupNorm({.groups = 3, .channels = 4}), InvalidArgument, "got 3 groups of 4 channels");
  EXPECT_ERROR(GroupNorm({.groups = 2, .channels = 4, .eps = 0}), InvalidArgument, "eps must be positive; got 0");
  const GroupNorm norm({.groups = 2, .channels = 4});
  EXPECT_ERROR(trace([&](Array x) { return norm(x); }, {{"x", {3, 8, 8}}}), ShapeError,
               "of shape [4, …]; got [3, 8, 8]");
  EXPECT_ERROR(LayerNorm({}), InvalidArgument, "at least one axis");
  EXPECT_ERROR(LayerNorm({.shape = {3}, .eps = -1}), InvalidArgument, "[LayerNorm] eps must be positive");
  const LayerNorm last({.shape = {3, 2}});
  EXPECT_ERROR(trace([&](Array x) { return last(x); }, {{"x", {2}}}), ShapeError, "last axes are [3, 2]; got [2]");
}

}  // namespace
}  // namespace costate
