#include "costate/nn/recurrent.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRecurrentRounding = 1e-15;  // sums of five products of numbers below 1
constexpr double kGradient = 1e-6;            // of central differences, as for Mlp
constexpr std::int64_t kIn = 2, kHidden = 3;

template <class Cell>
Function step_of(const Cell& cell) {
  return trace([&](Array x, Array h) { return cell(x, h); }, {{"x", {kIn}}, {"h", {kHidden}}});
}

/// W v + b of the layer whose weight is parameters[first].
std::vector<double> affine(const std::vector<Parameter>& parameters, std::size_t first, const std::vector<double>& v) {
  const HostArray& w = parameters[first].value();
  const HostArray& b = parameters[first + 1].value();
  std::vector<double> y;
  for (std::int64_t i = 0; i < kHidden; ++i) {
    double sum = b.at(i);
    for (std::size_t j = 0; j < v.size(); ++j) sum += w.at(i * (kIn + kHidden) + static_cast<std::int64_t>(j)) * v[j];
    y.push_back(sum);
  }
  return y;
}

void set_biases(const std::vector<Parameter>& parameters) {
  for (std::size_t i = 1; i < parameters.size(); i += 2)
    parameters[i].set_value(HostArray::vector({0.1, 0.2 * static_cast<double>(i), -0.3}));
}

template <class Cell>
HostArray value_of(const Cell& cell, const std::vector<double>& x, const std::vector<double>& h) {
  const Function step = step_of(cell);
  std::vector<HostArray> inputs = {HostArray::vector(x), HostArray::vector(h)};
  for (const Parameter& parameter : step.parameters()) inputs.push_back(parameter.value());
  return interpret(step, inputs)[0];
}

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }

const std::vector<double> kX = {0.3, -0.7};
const std::vector<double> kH = {0.2, -0.4, 0.9};
const std::vector<double> kBoth = {0.3, -0.7, 0.2, -0.4, 0.9};

TEST(RnnCell, IsTheTanhOfOneLayer) {
  const RnnCell cell({.inputs = kIn, .hidden = kHidden, .seed = 5, .name = "rnn"});
  EXPECT_EQ(cell.parameters()[0].name(), "rnn.weight");
  set_biases(cell.parameters());
  const std::vector<double> y = affine(cell.parameters(), 0, kBoth);
  const HostArray next = value_of(cell, kX, kH);
  for (std::size_t i = 0; i < y.size(); ++i)
    EXPECT_NEAR(next.at(static_cast<std::int64_t>(i)), std::tanh(y[i]), kRecurrentRounding);
}

TEST(GruCell, IsTheFormulaOfCho) {
  const GruCell cell({.inputs = kIn, .hidden = kHidden, .seed = 5, .name = "gru"});
  ASSERT_EQ(cell.parameters().size(), 6U);
  EXPECT_EQ(cell.parameters()[5].name(), "gru.candidate.bias");
  set_biases(cell.parameters());
  const std::vector<double> r = affine(cell.parameters(), 0, kBoth), z = affine(cell.parameters(), 2, kBoth);
  std::vector<double> reset = kX;
  for (std::size_t i = 0; i < kH.size(); ++i) reset.push_back(sigmoid_of(r[i]) * kH[i]);
  const std::vector<double> c = affine(cell.parameters(), 4, reset);
  const HostArray next = value_of(cell, kX, kH);
  for (std::size_t i = 0; i < kH.size(); ++i) {
    const double keep = sigmoid_of(z[i]);
    EXPECT_NEAR(next.at(static_cast<std::int64_t>(i)), keep * kH[i] + (1 - keep) * std::tanh(c[i]), kRecurrentRounding);
  }
}

TEST(RecurrentCells, ExecuteAndDifferentiateOverSeveralSteps) {
  const auto check = [](const auto& cell) {
    const Function chain = trace(
        [&](Array x, Array h) {
          for (std::int64_t i = 0; i < 3; ++i) h = cell(x[i], h);
          return h;
        },
        {{"x", {3, kIn}}, {"h", {kHidden}}});
    const auto inputs = testing::draw_inputs(chain, 9, -1, 1, 7);
    testing::check_execution(chain, inputs, 1e-14);
    testing::check_derivatives(chain, inputs, kGradient);
  };
  check(RnnCell({.inputs = kIn, .hidden = kHidden, .seed = 4}));
  check(GruCell({.inputs = kIn, .hidden = kHidden, .seed = 4}));
}

TEST(RecurrentCells, BadSizesAreNamed) {
  EXPECT_ERROR(GruCell({.inputs = 0, .hidden = 3}), InvalidArgument, "inputs = 0, hidden = 3");
  const RnnCell cell({.inputs = 3, .hidden = 2, .name = "rnn"});
  EXPECT_ERROR(step_of(cell), ShapeError, "[rnn.weight] x must have shape [3] and h shape [2]; got [2] and [3]");
}

}  // namespace
}  // namespace costate
