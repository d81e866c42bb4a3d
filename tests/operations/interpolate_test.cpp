#include "costate/operations/interpolate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

const std::vector<double> kKnots = {-0.5, 0.1, 0.9, 1.2, 2.0};

HostArray table(const std::function<double(double)>& f, const std::vector<double>& times = kKnots) {
  std::vector<double> values;
  for (const double t : times) values.push_back(f(t));
  return HostArray(Shape{1, static_cast<std::int64_t>(times.size()), 1}, std::move(values));
}

HostArray knots(const std::vector<double>& times = kKnots) {
  return HostArray(Shape{1, static_cast<std::int64_t>(times.size())}, times);
}

Function traced(Interpolation interpolation, std::int64_t n = 5, std::int64_t m = 1) {
  return trace([&](Array times, Array values, Array t) { return interpolate(times, values, t, interpolation); },
               {{"times", {n}}, {"values", {n, m}}, {"t", {}}});
}

double at(Interpolation interpolation, const HostArray& values, double t, const std::vector<double>& times = kKnots) {
  return compile(traced(interpolation, static_cast<std::int64_t>(times.size())))
      .run({knots(times), values, HostArray(Shape{1}, std::vector<double>{t})})
      .outputs[0]
      .at(0);
}

TEST(Interpolate, ReproducesThePolynomialsOfItsOrder) {
  const auto line = [](double t) { return 3 - 2 * t; };
  const auto parabola = [](double t) { return 1 + t - 0.7 * t * t; };
  for (const double t : {-0.5, -0.2, 0.1, 0.5, 1.0, 1.3, 1.99, 2.0}) {
    EXPECT_NEAR(at(Interpolation::kLinear, table(line), t), line(t), 1e-14);
    EXPECT_NEAR(at(Interpolation::kCubic, table(parabola), t), parabola(t), 1e-14);
  }
  EXPECT_NEAR(at(Interpolation::kCubic, table(line, {0, 1}), 0.3, {0, 1}), line(0.3), 1e-15);
}

TEST(Interpolate, HoldsTheLastValueAndTheEnds) {
  const HostArray values = table([](double t) { return 10 * t; });
  EXPECT_EQ(at(Interpolation::kHold, values, 0.89), 1);
  EXPECT_EQ(at(Interpolation::kHold, values, 0.9), 9);
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kHold, Interpolation::kCubic}) {
    EXPECT_EQ(at(interpolation, values, -7), -5);
    EXPECT_EQ(at(interpolation, values, 2.5), 20);
    EXPECT_EQ(at(interpolation, table([](double) { return 4.0; }, {1}), 0.2, {1}), 4);
  }
}

TEST(Interpolate, IsNanAtNoTime) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kHold, Interpolation::kCubic})
    for (const std::vector<double>& times : {kKnots, {0.0, 1.0}, {1.0}}) {
      const HostArray values = table([](double) { return 4.0; }, times);
      EXPECT_TRUE(std::isnan(at(interpolation, values, nan, times)));
      const auto n = static_cast<std::int64_t>(times.size());
      const std::vector<HostArray> one = {HostArray(Shape{n}, times), values.reshape(Shape{n, 1}),
                                          HostArray(Shape{}, std::vector<double>{nan})};
      EXPECT_TRUE(std::isnan(interpret(traced(interpolation, n), one)[0].at(0)));
    }
}

TEST(Interpolate, PaddingByTheLastTimeChangesNothing) {
  std::vector<double> padded = kKnots;
  padded.insert(padded.end(), 3, kKnots.back());
  const auto f = [](double t) { return std::sin(t); };
  HostArray values = table(f, padded);
  for (std::int64_t i = 5; i < 8; ++i) values.set(i, 99);
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kHold, Interpolation::kCubic})
    for (const double t : {-1.0, 0.5, 1.7, 2.0, 3.0})
      EXPECT_EQ(at(interpolation, values, t, padded), at(interpolation, table(f), t));
}

TEST(Interpolate, ExecutesAndDifferentiates) {
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kCubic}) {
    const Function f = trace(
        [&](Array values, Array t) {
          return square(interpolate(constant(HostArray::vector(kKnots)), values, t, interpolation));
        },
        {{"values", {5, 2}}, {"t", {}}});
    std::vector<HostArray> inputs = testing::draw_inputs(f, 9, -1, 1, 5);
    testing::check_execution(f, inputs, 1e-14);
    testing::check_derivatives(f, inputs, 1e-6);
    const Function slope = vjp(f);
    std::vector<HostArray> more = testing::draw_inputs(slope, 9, -1, 1, 6);
    testing::check_execution(slope, more, 1e-13);
    testing::check_derivatives(jvp(f), testing::draw_inputs(jvp(f), 9, -1, 1, 7), 1e-6);
  }
}

TEST(Interpolate, DerivativesInTimeAreThoseOfTheCubic) {
  const auto parabola = [](double t) { return 1 + t - 0.7 * t * t; };
  const Function f = trace(
      [&](Array t) {
        const Array times = constant(HostArray::vector(kKnots));
        const Array u = interpolate(times, constant(table(parabola).reshape({5, 1})), t, Interpolation::kCubic)[0];
        const std::vector<Array> wrt = {t};
        const Array first = gradient(u, wrt)[0], second = gradient(first, wrt)[0], third = gradient(second, wrt)[0];
        return stack({u, first, second, third});
      },
      {{"t", {}}});
  const HostArray out = compile(f).run({HostArray(Shape{1}, std::vector<double>{0.4})}).outputs[0];
  EXPECT_NEAR(out.at(0), parabola(0.4), 1e-14);
  EXPECT_NEAR(out.at(1), 1 - 1.4 * 0.4, 1e-13);
  EXPECT_NEAR(out.at(2), -1.4, 1e-12);
  EXPECT_NEAR(out.at(3), 0, 1e-11);
}

TEST(Interpolate, DrivesASystem) {
  // z' = -z + t, through a ramp that each sample brings along: z(t) = t - 1 + (z0 + 1) exp(-t).
  const VectorField field = vector_field(
      {1}, {{"u_times", {3}}, {"u", {3, 1}}},
      [](Array t, Array z, Array times, Array u) { return interpolate(times, u, t, Interpolation::kLinear) - z; });
  const HostArray z0(Shape{2, 1}, std::vector<double>{0.5, 2.0});
  const std::vector<HostArray> drive = {HostArray(Shape{2, 3}, std::vector<double>{0, 0.7, 3, 0, 1.5, 3}),
                                        HostArray(Shape{2, 3, 1}, std::vector<double>{0, 0.7, 3, 0, 1.5, 3})};
  const Solution solution = solve(field, z0, HostArray::vector({0, 1, 2}), {.rtol = 1e-9, .atol = 1e-10}, drive);
  for (std::int64_t b = 0; b < 2; ++b)
    for (std::int64_t i = 0; i < 3; ++i) {
      const auto t = static_cast<double>(i);
      EXPECT_NEAR(solution.states.at(3 * b + i), t - 1 + (z0.at(b) + 1) * std::exp(-t), 1e-8);
    }
}

TEST(Interpolate, GradientOfASolveReachesTheValues) {
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kBacksolve}) {
    const SolveOptions options{.rtol = 1e-10, .atol = 1e-11, .adjoint = adjoint};
    const VectorField field = vector_field({1}, {{"u", {3, 1}}}, [](Array t, Array z, Array u) {
      return interpolate(constant(HostArray::vector({0, 1, 2})), u, t, Interpolation::kLinear) - z;
    });
    const Function end = trace(
        [&](Array u) {
          return sum(
              solve(field, zeros({1}), constant(HostArray::vector({0, 2})), options, std::span<const Array>(&u, 1))[1]);
        },
        {{"u", {3, 1}}});
    const HostArray gradient =
        compile(value_and_grad(end)).run({HostArray(Shape{1, 3, 1}, std::vector<double>{1, 3, -1})}).outputs[1];
    // The hat functions' integrals against exp(t - 2). The drive bends at t = 1, so that steps are short where the hats
    // do.
    const double e1 = std::exp(-1.0), e2 = std::exp(-2.0);
    EXPECT_NEAR(gradient.at(0), e1 - 2 * e2, 1e-7);
    EXPECT_NEAR(gradient.at(1), e2 + 1 - 2 * e1, 1e-7);
    EXPECT_NEAR(gradient.at(2), e1, 1e-7);
  }
}

TEST(Interpolate, BadShapesAndNamesAreNamed) {
  EXPECT_ERROR(trace([](Array t) { return interpolate(t, t, t, Interpolation::kHold); }, {{"t", {3}}}), ShapeError,
               "times must have shape [n], values [n, m] and t []; got [3], [3] and [3]");
  const auto at_times = [](std::vector<double> times) {
    return trace(
        [&](Array values, Array t) {
          return interpolate(constant(HostArray::vector(times)), values, t, Interpolation::kLinear);
        },
        {{"values", {3, 1}}, {"t", {}}});
  };
  EXPECT_ERROR(at_times({0, 2, 1}), InvalidArgument, "[interpolate] times must increase; times 1 and 2 are 2 and 1.");
  EXPECT_NO_THROW(at_times({0, 1, 1}));
  EXPECT_ERROR(at_times({0, NAN, 1}), InvalidArgument, "times must increase");
  EXPECT_ERROR(interpolation_from_name("cubik"), InvalidArgument, "did you mean 'cubic'");
}

}  // namespace
}  // namespace costate
