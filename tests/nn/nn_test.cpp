#include "costate/nn/nn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const HostArray& array) {
  Moments m;
  const auto n = static_cast<double>(array.size());
  for (std::int64_t i = 0; i < array.size(); ++i) m.mean += array.at(i) / n;
  for (std::int64_t i = 0; i < array.size(); ++i) {
    m.variance += (array.at(i) - m.mean) * (array.at(i) - m.mean) / n;
    m.largest = std::max(m.largest, std::abs(array.at(i)));
  }
  return m;
}

TEST(Initializers, HaveTheVarianceOfTheirPaper) {
  const double in = 300, out = 200, n = in * out;
  const struct {
    Init init;
    double variance;
    bool uniform;
  } rows[] = {{Init::kGlorotUniform, 2 / (in + out), true},
              {Init::kGlorotNormal, 2 / (in + out), false},
              {Init::kHeUniform, 2 / in, true},
              {Init::kHeNormal, 2 / in, false},
              {Init::kLecunUniform, 1 / in, true},
              {Init::kLecunNormal, 1 / in, false}};
  for (const auto& row : rows) {
    const Moments m = moments(initial_weights(row.init, {200, 300}, {.seed = 3, .stream = 1}));
    const double kurtosis =
        row.uniform ? 1.8 : 3.0;  // the sample variance has deviation variance sqrt((kurtosis - 1) / n)
    EXPECT_NEAR(m.mean, 0, 5 * std::sqrt(row.variance / n)) << name(row.init);
    EXPECT_NEAR(m.variance, row.variance, 5 * row.variance * std::sqrt((kurtosis - 1) / n)) << name(row.init);
    if (row.uniform) {
      EXPECT_LE(m.largest, std::sqrt(3 * row.variance)) << name(row.init);
    }
  }
}

TEST(Initializers, OrthogonalRowsOrColumns) {
  for (const Shape& shape : {Shape{7, 7}, Shape{5, 40}, Shape{40, 5}}) {
    const HostArray w = initial_weights(Init::kOrthogonal, shape, {.seed = 1});
    const bool wide = shape[0] <= shape[1];
    const std::int64_t count = wide ? shape[0] : shape[1], size = wide ? shape[1] : shape[0];
    const auto at = [&](std::int64_t v, std::int64_t i) { return w.at(wide ? v * shape[1] + i : i * shape[1] + v); };
    for (std::int64_t u = 0; u < count; ++u)
      for (std::int64_t v = 0; v < count; ++v) {
        double dot = 0;
        for (std::int64_t i = 0; i < size; ++i) dot += at(u, i) * at(v, i);
        EXPECT_NEAR(dot, u == v ? 1 : 0, 1e-14);
      }
  }
}

TEST(Initializers, DependOnSeedAndStreamAlone) {
  const auto draw = [](std::uint64_t seed, std::uint64_t stream) {
    return initial_weights(Init::kHeNormal, {3, 4}, {.seed = seed, .stream = stream});
  };
  EXPECT_TRUE(draw(5, 2).same_bits(draw(5, 2)));
  EXPECT_FALSE(draw(5, 2).same_bits(draw(5, 3)));
  EXPECT_FALSE(draw(5, 2).same_bits(draw(6, 2)));
  EXPECT_ERROR(initial_weights(Init::kZeros, {3}, {}), ShapeError, "a matrix [out, in]");
}

TEST(Names, ReadBackAndSuggest) {
  for (const Activation a :
       {Activation::kIdentity, Activation::kTanh, Activation::kRelu, Activation::kSigmoid, Activation::kSoftplus,
        Activation::kElu, Activation::kGelu, Activation::kSilu, Activation::kSin})
    EXPECT_EQ(activation_from_name(name(a)), a);
  EXPECT_EQ(init_from_name("orthogonal"), Init::kOrthogonal);
  EXPECT_ERROR(activation_from_name("tahn"), InvalidArgument, "did you mean 'tanh'");
  EXPECT_ERROR(init_from_name("glorot"), InvalidArgument, "unknown initializer 'glorot'");
}

TEST(Mlp, IsLayersWithTheActivationBetween) {
  const Mlp net({.inputs = 2, .hidden = {3, 4}, .outputs = 1, .activation = Activation::kTanh, .seed = 9});
  ASSERT_EQ(net.parameters().size(), 6U);
  EXPECT_EQ(net.parameters()[2].name(), "net.1.weight");
  for (std::size_t i = 1; i < 6; i += 2) {  // biases that are not 0
    HostArray bias(net.parameters()[i].shape());
    for (std::int64_t k = 0; k < bias.size(); ++k) bias.set(k, 0.1 * static_cast<double>(k + 1));
    net.parameters()[i].set_value(bias);
  }
  std::vector<double> x = {0.3, -0.7};
  std::vector<HostArray> inputs = {HostArray::vector(x)};
  for (std::size_t layer = 0; layer < 3; ++layer) {
    const HostArray w = net.parameters()[2 * layer].value(), b = net.parameters()[2 * layer + 1].value();
    std::vector<double> y;
    for (std::int64_t i = 0; i < w.shape()[0]; ++i) {
      double sum = b.at(i);
      for (std::int64_t j = 0; j < w.shape()[1]; ++j)
        sum += w.at(i * w.shape()[1] + j) * x[static_cast<std::size_t>(j)];
      y.push_back(layer < 2 ? std::tanh(sum) : sum);
    }
    x = y;
  }
  const Function f = trace([&](Array in) { return net(in); }, {{"x", {2}}});
  for (const Parameter& parameter : f.parameters()) inputs.push_back(parameter.value());
  EXPECT_NEAR(interpret(f, inputs)[0].at(0), x[0], 1e-15);
}

TEST(Mlp, ExecutesAndDifferentiatesForEveryActivation) {
  for (const char* activation : {"identity", "tanh", "sigmoid", "softplus", "elu", "gelu", "silu", "sin", "relu"}) {
    const Mlp net(
        {.inputs = 3, .hidden = {5, 4}, .outputs = 2, .activation = activation_from_name(activation), .seed = 4});
    const Function f = trace([&](Array x) { return net(x); }, {{"x", {3}}});
    const auto inputs = testing::draw_inputs(f, 9, -1, 1, 7);
    SCOPED_TRACE(activation);
    testing::check_execution(f, inputs, 1e-14);
    testing::check_derivatives(f, inputs, 1e-6);
  }
}

TEST(Mlp, BadWidthsAndInputsAreNamed) {
  EXPECT_ERROR(Mlp({.inputs = 2, .hidden = {0}, .outputs = 1}), InvalidArgument, "got 2, 0, 1");
  const Mlp net({.inputs = 2, .hidden = {3}, .outputs = 1});
  EXPECT_ERROR(trace([&](Array x) { return net(x); }, {{"x", {3}}}), ShapeError,
               "'net.0.weight' takes a vector of shape [2]; got [3]");
  EXPECT_ERROR(Residual({.branch = {.inputs = 2, .outputs = 3}}), InvalidArgument, "inputs = 2, outputs = 3");
}

TEST(Residual, BlocksThatShareTheirBranchAreEulerSteps) {
  const double h = 0.25;
  const Residual block({.branch = {.inputs = 2, .hidden = {6}, .outputs = 2, .seed = 3}, .scale = h});
  const Function chain = trace([&](Array x) { return block(block(block(block(x)))); }, {{"x", {2}}});
  const Function slope = trace([&](Array x) { return block.branch()(x); }, {{"x", {2}}});
  std::vector<HostArray> inputs = {HostArray::vector({0.4, -1.1})};
  for (const Parameter& parameter : block.parameters()) inputs.push_back(parameter.value());
  std::vector<HostArray> at = inputs;
  for (int step = 0; step < 4; ++step) {
    const HostArray dx = interpret(slope, at)[0];
    for (std::int64_t i = 0; i < 2; ++i) at[0].set(i, at[0].at(i) + h * dx.at(i));
  }
  const HostArray end = interpret(chain, inputs)[0];
  for (std::int64_t i = 0; i < 2; ++i) EXPECT_NEAR(end.at(i), at[0].at(i), 1e-15);
}

}  // namespace
}  // namespace costate
