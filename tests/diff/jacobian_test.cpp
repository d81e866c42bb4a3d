// Jacobians and Hessians against closed forms.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kRounding = 1e-14;

/// Row `row` of a batch of arrays of `size` numbers.
std::vector<double> row_of(const HostArray& batch, std::int64_t row, std::int64_t size) {
  std::vector<double> numbers;
  for (std::int64_t i = 0; i < size; ++i) numbers.push_back(batch.at(row * size + i));
  return numbers;
}

void expect_near(const std::vector<double>& seen, const std::vector<double>& expected, double tolerance = kRounding) {
  ASSERT_EQ(seen.size(), expected.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_NEAR(seen[i], expected[i], tolerance) << i;
}

/// From x [2] and a [3] to a wide and a narrow output.
struct Example {
  Parameter p{"p", HostArray::vector({2.0, -1.0})};
  Function f = trace(
      [this](Array x, Array a) {
        const Array wide = concat({x * Array(p)[0], a * a * x[1], sin(stack({x[0]})) * Array(p)[1]});
        return std::vector<Array>{wide, x[0] * x[1] * sum(a)};
      },
      {{"x", {2}}, {"a", {3}, InputKind::kShared}});
  HostArray x{Shape{2, 2}, std::vector<double>{0.3, 0.7, -1.1, 0.4}};
  HostArray a = HostArray::vector({1.0, 2.0, -3.0});
};

TEST(Jacobian, IsOneASampleForEachPairOfOutputAndInput) {
  const Example example;
  const Function derivative = jacobian(example.f);
  ASSERT_EQ(derivative.outputs().size(), 2U + 2U * 3U);
  EXPECT_EQ(derivative.outputs()[2].name, "d_out0_x");
  EXPECT_EQ(derivative.outputs()[7].name, "d_out1_p");
  const std::vector<HostArray> out = compile(derivative).run({example.x, example.a}).outputs;
  EXPECT_EQ(out[2].shape(), (Shape{2, 6, 2}));
  EXPECT_EQ(out[5].shape(), (Shape{2, 2}));
  for (std::int64_t row = 0; row < 2; ++row) {
    const double x = example.x.at(2 * row), y = example.x.at(2 * row + 1);
    expect_near(row_of(out[2], row, 12), {2, 0, 0, 2, 0, 1, 0, 4, 0, 9, -std::cos(x), 0});
    expect_near(row_of(out[3], row, 18), {0, 0, 0, 0, 0, 0, 2 * y, 0, 0, 0, 4 * y, 0, 0, 0, -6 * y, 0, 0, 0});
    expect_near(row_of(out[4], row, 12), {x, 0, y, 0, 0, 0, 0, 0, 0, 0, 0, std::sin(x)});
    expect_near(row_of(out[5], row, 2), {0, 0});  // the sum of a is 0
    expect_near(row_of(out[6], row, 3), {x * y, x * y, x * y});
    expect_near(row_of(out[7], row, 2), {0, 0});
  }
}

TEST(Jacobian, OfOneInputByEitherMode) {
  const Function wide = trace([](Array x) { return outer(x, exp(x)); }, {{"x", {2}}});     // columns
  const Function narrow = trace([](Array x) { return sum(x * x * x); }, {{"x", {2, 2}}});  // rows
  const double a = 0.5, b = -0.25, ea = std::exp(a), eb = std::exp(b);
  expect_near(row_of(compile(jacobian(wide)).run({HostArray(Shape{1, 2}, std::vector<double>{a, b})}).outputs[1], 0, 8),
              {ea * (1 + a), 0, eb, a * eb, b * ea, ea, 0, eb * (1 + b)});
  const std::vector<double> x = {1, 2, 3, 4};
  const HostArray slope = compile(jacobian(narrow)).run({HostArray(Shape{1, 2, 2}, x)}).outputs[1];
  EXPECT_EQ(slope.shape(), (Shape{1, 2, 2}));
  expect_near(row_of(slope, 0, 4), {3, 12, 27, 48});
}

TEST(Hessian, OfEveryPairOfInputs) {
  // loss = x0^2 x1 p + sin(p x1): x of a sample, p shared.
  const Parameter p("p", HostArray(Shape{}, std::vector<double>{1.5}));
  const Function loss = trace([&](Array x) { return x[0] * x[0] * x[1] * p + sin(p * x[1]); }, {{"x", {2}}});
  const Function derivative = hessian(loss);
  EXPECT_EQ(derivative.outputs()[2].name, "d2_x_p");
  const HostArray x(Shape{2, 2}, std::vector<double>{0.3, 0.7, -1.1, 0.4});
  const std::vector<HostArray> out = compile(derivative).run({x}).outputs;
  EXPECT_EQ(out[1].shape(), (Shape{2, 2, 2}));
  EXPECT_EQ(out[4].shape(), Shape{});  // summed over the batch
  double total = 0;
  for (std::int64_t row = 0; row < 2; ++row) {
    const double u = x.at(2 * row), v = x.at(2 * row + 1), s = std::sin(1.5 * v), c = std::cos(1.5 * v);
    expect_near(row_of(out[1], row, 4), {3 * v, 3 * u, 3 * u, -2.25 * s});
    for (const std::size_t mixed : {2U, 3U})
      expect_near(row_of(out[mixed], row, 2), {2 * u * v, u * u + c - 1.5 * v * s});
    total -= v * v * s;
  }
  EXPECT_NEAR(out[4].at(0), total, kRounding);
}

TEST(Hessian, MistakesAreNamed) {
  const Function vector = trace([](Array x) { return x; }, {{"x", {2}}});
  EXPECT_ERROR(hessian(vector), ShapeError, "[hessian] the loss must be a scalar; got shape [2]");
  const std::size_t none[] = {3};
  EXPECT_ERROR(jacobian(vector, none), InvalidArgument, "wrt names input 3");
}

TEST(Derivatives, OfAnEmptyFunctionAreRefused) {
  const std::pair<const char*, std::function<Function(const Function&)>> derivatives[] = {
      {"vjp", [](const Function& f) { return vjp(f); }},
      {"jvp", [](const Function& f) { return jvp(f); }},
      {"jacobian", [](const Function& f) { return jacobian(f); }},
      {"hessian", [](const Function& f) { return hessian(f); }},
      {"value_and_grad", [](const Function& f) { return value_and_grad(f); }},
      {"value_and_grad",
       [](const Function& f) { return value_and_grad(f, std::vector{Parameter("p", HostArray::vector({1}))}); }}};
  for (const auto& [derivative, of] : derivatives)
    EXPECT_ERROR(of(Function()), InvalidArgument,
                 text::concat("[", derivative, "] the function is empty; make one by trace()."));
}

TEST(Jvp, TangentsOfSharedInputsMayBeOfEachSample) {
  const Parameter p("p", HostArray::vector({2.0, -1.0}));
  const Function f = trace([&](Array x) { return x * x * p; }, {{"x", {2}}});
  const Function moved = jvp(f, {}, InputKind::kSample);
  const HostArray x(Shape{2, 2}, std::vector<double>{1, 2, 3, 4});
  const HostArray none(Shape{2, 2}), directions(Shape{2, 2}, std::vector<double>{1, 0, 0, 1});
  const HostArray tangent = compile(moved).run({x, none, directions}).outputs[1];
  expect_near(row_of(tangent, 0, 4), {1, 0, 0, 16});
}

}  // namespace
}  // namespace costate
