// Derivatives of derivatives, to third order, in all orders of modes, against closed forms.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "costate/graph/verify.h"

namespace costate {
namespace {

enum class Mode { kForward, kReverse };

/// d f / d x inside a trace, for scalars.
Array derivative(Mode mode, const Array& value, const Array& x) {
  const Array one = ones({});
  if (mode == Mode::kReverse) return gradient(value, std::span(&x, 1))[0];
  return push_forward(std::span(&value, 1), std::span(&x, 1), std::span(&one, 1))[0];
}

struct Scalar {
  const char* name;
  Array (*traced)(const Array&);
  double (*third)(double);  // the third derivative
};

const Scalar kScalars[] = {
    {"sin_exp", [](const Array& x) { return sin(x) * exp(x); },
     [](double x) { return 2 * std::exp(x) * (std::cos(x) - std::sin(x)); }},
    {"tanh", [](const Array& x) { return tanh(x); },
     [](double x) {
       const double t = std::tanh(x), s = 1 - t * t;
       return s * (6 * t * t - 2);
     }},
    {"log", [](const Array& x) { return log(x); }, [](double x) { return 2 / (x * x * x); }},
    {"power", [](const Array& x) { return pow(x, 4.5); }, [](double x) { return 4.5 * 3.5 * 2.5 * std::pow(x, 1.5); }},
    {"quotient", [](const Array& x) { return 1.0 / (1.0 + x * x); },
     [](double x) { return 24 * x * (1 - x * x) / std::pow(1 + x * x, 4); }},
    {"atan", [](const Array& x) { return atan(x); }, [](double x) { return (6 * x * x - 2) / std::pow(1 + x * x, 3); }},
};

TEST(HigherOrder, ThirdDerivativesInAllOrdersOfModes) {
  for (const Scalar& scalar : kScalars)
    for (int modes = 0; modes < 8; ++modes) {
      const Function f = trace(
          [&](Array x) {
            Array value = scalar.traced(x);
            for (int order = 0; order < 3; ++order)
              value = derivative((modes >> order & 1) != 0 ? Mode::kForward : Mode::kReverse, value, x);
            return value;
          },
          {{"x", {}}});
      verify(f);
      const Program program = compile(f);
      for (const double x : {0.3, 0.9, 1.7}) {
        const double expected = scalar.third(x);
        const double tolerance = 1e-12 * (1 + std::abs(expected));
        EXPECT_NEAR(interpret(f, {HostArray(Shape{}, std::vector<double>{x})})[0].at(0), expected, tolerance)
            << scalar.name << " " << modes;
        EXPECT_NEAR(program.run({HostArray(Shape{1}, std::vector<double>{x})}).outputs[0].at(0), expected, tolerance)
            << scalar.name;
      }
    }
}

TEST(HigherOrder, AHessianIsSymmetricAndTheOneOfThePaper) {
  // f = x0^2 x1 + sin(x1 x2): a Hessian by reverse over reverse, column by column by forward over reverse.
  const auto f = [](const Array& x) { return x[0] * x[0] * x[1] + sin(x[1] * x[2]); };
  const Function hessian = trace(
      [&](Array x) {
        const Array slope = gradient(f(x), std::span(&x, 1))[0];
        std::vector<Array> rows;
        for (std::int64_t i = 0; i < 3; ++i) rows.push_back(gradient(slope[i], std::span(&x, 1))[0]);
        for (std::int64_t i = 0; i < 3; ++i) {
          std::vector<double> unit(3, 0.0);
          unit[static_cast<std::size_t>(i)] = 1;
          const Array direction = constant(HostArray::vector(unit));
          rows.push_back(push_forward(std::span(&slope, 1), std::span(&x, 1), std::span(&direction, 1))[0]);
        }
        return stack(rows);
      },
      {{"x", {3}}});
  const double a = 0.7, b = -0.4, c = 1.3, s = std::sin(b * c), k = std::cos(b * c);
  const double expected[3][3] = {{2 * b, 2 * a, 0}, {2 * a, -c * c * s, k - b * c * s}, {0, k - b * c * s, -b * b * s}};
  const HostArray found = interpret(hessian, {HostArray::vector({a, b, c})})[0];
  for (std::int64_t i = 0; i < 6; ++i)
    for (std::int64_t j = 0; j < 3; ++j) EXPECT_NEAR(found.at(3 * i + j), expected[i % 3][j], 1e-14) << i << " " << j;
}

TEST(HigherOrder, StopGradientStopsEveryOrder) {
  const Function f = trace(
      [](Array x) {
        const Array value = stop_gradient(x * x) * x;  // seen as (const) x
        const Array first = gradient(value, std::span(&x, 1))[0];
        return stack({first, gradient(first, std::span(&x, 1))[0]});
      },
      {{"x", {}}});
  const HostArray out = interpret(f, {HostArray(Shape{}, std::vector<double>{3})})[0];
  EXPECT_EQ(out.at(0), 9);
  EXPECT_EQ(out.at(1), 0);
}

}  // namespace
}  // namespace costate
