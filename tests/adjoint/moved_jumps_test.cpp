// Fields that jump in t: derivatives by what moves the jump are refused by name, all others are right.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/pooling.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

const SolveOptions kTightAtJumps{.rtol = 1e-10, .atol = 1e-11};

HostArray number(double value) { return HostArray(Shape{1}, std::vector<double>{value}); }

/// y(2) of y' = rhs(t, y, T, k), y(0) = 1, as a function of inputs T and k.
using Rhs = std::function<Array(Array t, Array y, Array T, Array k)>;
Function end_of(const Rhs& rhs, const SolveOptions& options = kTightAtJumps) {
  const VectorField field = vector_field({}, {{"T", {}}, {"k", {}}}, rhs);
  return trace(
      [&](Array T, Array k) {
        const std::vector<Array> arguments = {T, k};
        return reshape(solve(field, 1.0, constant(HostArray::vector({0, 2})), options, arguments)[1], {});
      },
      {{"T", {}}, {"k", {}}});
}

const std::vector<std::size_t> kByT = {0}, kByK = {1};

/// d y(2) / d input, in reverse and forward, at T = 0.7 and k = 1.3.
void expect_slope(const Function& end, const std::vector<std::size_t>& wrt, double expected, double tolerance = 1e-6) {
  const auto reverse = compile(value_and_grad(end, wrt)).run({number(0.7), number(1.3)}).outputs;
  EXPECT_NEAR(reverse[1].at(0), expected, tolerance);
  const auto forward = compile(jvp(end, wrt)).run({number(0.7), number(1.3), number(1)}).outputs;
  EXPECT_NEAR(forward[1].at(0), expected, tolerance);
}

void expect_refused(const Function& end) {
  EXPECT_ERROR(value_and_grad(end, kByT), NotSupported, "[vjp] input 'T' moves a time at which the field");
  EXPECT_ERROR(jvp(end, kByT), NotSupported, "[jvp] input 'T' moves a time at which the field");
}

TEST(MovedJumps, ASelectInTimeIsRefusedByItsTimeAndByNothingElse) {
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kBacksolve}) {
    const Function end = end_of([](Array t, Array y, Array T, Array k) { return where(t <= T, -k, 0.0) * y; },
                                {.rtol = 1e-10, .atol = 1e-11, .adjoint = adjoint});
    expect_refused(end);
    EXPECT_ERROR(value_and_grad(end), NotSupported, "y = solve(before, y0, stack([t0, T]))[-1]");
    if (adjoint == Adjoint::kDiscrete) expect_slope(end, kByK, -0.7 * std::exp(-1.3 * 0.7));
  }
}

TEST(MovedJumps, TwoSolvesThatMeetThereHaveTheDerivative) {
  const VectorField before = vector_field({1}, {{"k", {}}}, [](Array, Array y, Array k) { return -k * y; });
  const VectorField after = vector_field({1}, [](Array, Array y) { return 0.0 * y; });
  const Function end = trace(
      [&](Array T, Array k) {
        const Array y = solve(before, ones({1}), stack({constant(0.0), T}), kTightAtJumps, std::span(&k, 1))[1];
        return sum(solve(after, y, stack({T, constant(2.0)}), kTightAtJumps)[1]);
      },
      {{"T", {}}, {"k", {}}});
  const auto found = compile(value_and_grad(end)).run({number(0.7), number(1.3)}).outputs;
  EXPECT_NEAR(found[1].at(0), -1.3 * std::exp(-0.91), 1e-8);
  EXPECT_NEAR(found[2].at(0), -0.7 * std::exp(-0.91), 1e-8);
}

TEST(MovedJumps, TheyAreFoundThroughTheGraph) {
  const Rhs jumping[] = {
      [](Array t, Array y, Array T, Array) { return sign(t - T) - y; },
      [](Array t, Array y, Array T, Array k) { return k * (t * exp(T) < 1.0) - y; },
      [](Array t, Array y, Array T, Array) { return floor(t / T) - y; },
      [](Array t, Array y, Array T, Array) { return mod(t, T) - y; },
      [](Array t, Array y, Array T, Array k) { return where((t > T) * (t < T + 1.0), k, 0.0) - y; },
      [](Array t, Array y, Array T, Array k) { return where(t > 2.0 * T + y, k, 0.0) - y; },
      [](Array t, Array y, Array T, Array k) {
        return sum(stack({where(t > T, t - k, 0.0), y}));
      },
      // the derivative of a relu in time
      [](Array t, Array y, Array T, Array) { return gradient(max(t - T, 0.0), std::span(&t, 1))[0] - y; },
      // where the larger of two stands
      [](Array t, Array y, Array T, Array) {
        const Array image = reshape(stack({t, T}), {1, 1, 2}), largest = sum(max_pool2d(image, {.kernel = {1, 2}}));
        return reshape(gradient(largest, std::span(&image, 1))[0], {2})[0] - y;
      },
      [](Array t, Array y, Array T, Array) {
        return interpolate(constant(HostArray::vector({0, 1})),
                           constant(HostArray(Shape{2, 1}, std::vector<double>{1, 3})), t - T,
                           Interpolation::kHold)[0] -
               y;
      },
      [](Array t, Array y, Array T, Array) {
        const Array s = t - T;
        return gradient(interpolate(constant(HostArray::vector({0, 1, 2})),
                                    constant(HostArray(Shape{3, 1}, std::vector<double>{1, 3, 0})), s,
                                    Interpolation::kLinear)[0],
                        std::span(&s, 1))[0] -
               y;
      },
  };
  for (const Rhs& rhs : jumping) expect_refused(end_of(rhs));
}

TEST(MovedJumps, ContinuousSelectsHaveTheirDerivative) {
  // y(2) = 1 + integral of what stands here; its derivative by T at 0.7 beside it
  const std::pair<Rhs, double> bending[] = {
      {[](Array t, Array, Array T, Array) { return max(t - T, 0.0); }, -1.3},
      {[](Array t, Array, Array T, Array) { return relu(t - T); }, -1.3},
      {[](Array t, Array, Array T, Array) { return abs(t - T); }, 0.7 - 1.3},
      {[](Array t, Array, Array T, Array) { return where(t > T, t - T, 0.0); }, -1.3},
      {[](Array t, Array, Array T, Array) { return where(t - T > 0.0, square(t) - square(T), 0.0); }, -2 * 0.7 * 1.3},
      {[](Array t, Array, Array T, Array) { return where(T >= t, T, t); }, 0.7},
      {[](Array t, Array, Array T, Array) {
         return sum(max_pool1d(reshape(stack({t, T}), {1, 2}), {.kernel = 2}));
       },
       0.7},
      {[](Array t, Array, Array T, Array) { return (t > T) * (t - T); }, -1.3},
      {[](Array t, Array, Array T, Array) { return sign(t - T) * (t - T); }, 0.7 - 1.3},
      {[](Array t, Array, Array T, Array) { return where(t - T > 0.0, t - T, 0.1 * (t - T)); }, -1.3 - 0.07},
      {[](Array t, Array, Array T, Array) { return elu(t - T); }, -1.3 - (1 - std::exp(-0.7))},
      {[](Array t, Array, Array T, Array) {
         const Array ends = constant(HostArray::vector({0, 1, 2}));
         return interpolate(ends, reshape(ends, {3, 1}), t - T, Interpolation::kLinear)[0];
       },
       -1.3},
  };
  for (const auto& [rhs, slope] : bending)  // a step over the bend has its slope to half an order less
    expect_slope(end_of(rhs, {.rtol = 1e-12, .atol = 1e-12}), kByT, slope, 2e-5);
}

/// No step goes over a bend that is found, at whatever tolerance.
TEST(MovedJumps, BendsOfLinesInTimeAreEndsOfSteps) {
  const std::pair<Rhs, double> bending[] = {
      {[](Array t, Array, Array T, Array) { return max(t, 2.0 * T - t); }, 4 * 0.7 - 1.4},
      {[](Array t, Array, Array T, Array) { return abs(T - t) * t; }, 0.49 - 2},
      {[](Array t, Array, Array T, Array) { return where(t <= T, square(t), square(T)); }, 1.4 * 1.3},
      {[](Array t, Array, Array T, Array) {
         return sum(relu(constant(HostArray::vector({1, 3})) * t - T));
       },
       -1.3 - (2 - 0.7 / 3)},
  };
  for (const auto& [rhs, slope] : bending) {
    expect_slope(end_of(rhs, {}), kByT, slope, 1e-11);
    for (const Adjoint adjoint :
         {Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward})
      expect_slope(end_of(rhs, {.adjoint = adjoint}), kByT, slope, 1e-6);
  }
}

TEST(MovedJumps, WhatIsHeldFixedMovesNone) {
  // A jump at a time that stop_gradient fixes, one that T scales, one that only the state decides.
  expect_slope(end_of([](Array t, Array, Array T, Array) { return where(t <= stop_gradient(T), T, 0.0); }), kByT, 0.7);
  expect_slope(end_of([](Array t, Array, Array T, Array) { return where(t <= 1.0, sign(T) * T, 0.0); }), kByT, 1);
  expect_slope(end_of([](Array, Array y, Array T, Array) { return where(y > 0.0, T, 0.0); }), kByT, 2);
  expect_slope(end_of([](Array t, Array, Array T, Array k) { return where(t <= T, 1.0, 1.0) * k; }), kByT, 0);
}

TEST(MovedJumps, AParameterIsNamedAlsoWhereItIsComputedFromOthers) {
  const Parameter log_time("log_time", HostArray::vector({-0.5})), rate("rate", HostArray::vector({1.3}));
  const VectorField field =
      vector_field({1}, [&](Array t, Array y) { return where(t <= exp(Array(log_time)), Array(rate), 0.0) * y; });
  const Function end = trace(
      [&](Array y0) {
        return sum(solve(field, y0, constant(HostArray::vector({0, 2})), kTightAtJumps)[1]);
      },
      {{"y0", {1}}});
  EXPECT_ERROR(value_and_grad(end, std::vector<Parameter>{log_time}), NotSupported, "[vjp] Parameter 'log_time' moves");
  const auto found = compile(value_and_grad(end, std::vector<Parameter>{rate}))
                         .run({HostArray(Shape{1, 1}, std::vector<double>{1.0})});
  const double T = std::exp(-0.5);
  EXPECT_NEAR(found.outputs[1].at(0), T * std::exp(1.3 * T), 1e-6);
}

TEST(MovedJumps, SecondDerivativesOfBendsAreRefused) {
  const Function end = end_of([](Array t, Array, Array T, Array k) { return k * k * max(t - T, 0.0); });
  EXPECT_ERROR(vjp(jvp(end, kByT), kByT), NotSupported, "[vjp] input 'T' moves");
  EXPECT_ERROR(jvp(value_and_grad(end, kByT), kByT), NotSupported, "input 'T' moves");
  const auto by_k = compile(vjp(jvp(end, kByK), kByK)).run({number(0.7), number(1.3), number(1), number(0), number(1)});
  EXPECT_NEAR(by_k.outputs[2].at(0), 1.3 * 1.3, 1e-6);  // d2/dk2 of k^2 (2 - T)^2 / 2
}

TEST(MovedJumps, KnotsHaveNoDerivative) {
  const auto at_times = [](Array times, Array values) {
    return sum(interpolate(times, values, constant(0.4), Interpolation::kLinear));
  };
  const Function outside = trace(at_times, {{"times", {3}}, {"values", {3, 1}}});
  EXPECT_ERROR(value_and_grad(outside), NotSupported,
               "[vjp] interpolate has no derivative by its times, which come from input 'times'");
  EXPECT_ERROR(jvp(outside), NotSupported, "[jvp] interpolate has no derivative by its times");
  EXPECT_NO_THROW(value_and_grad(outside, kByK));
  for (const Interpolation kind : {Interpolation::kHold, Interpolation::kLinear, Interpolation::kCubic}) {
    const Function within = end_of([kind](Array t, Array y, Array T, Array k) {
      const Array values = stack({stack({k}), stack({2.0 * k}), stack({k})});
      return interpolate(stack({constant(0.0), T, constant(2.0)}), values, t, kind)[0] - y;
    });
    EXPECT_ERROR(value_and_grad(within, kByT), NotSupported, "input 'T', which moves the times of an interpolate");
    EXPECT_ERROR(jvp(within, kByT), NotSupported, "input 'T', which moves the times of an interpolate");
    EXPECT_NO_THROW(compile(value_and_grad(within, kByK)).run({number(0.7), number(1.3)}));
    EXPECT_NO_THROW(compile(jvp(within, kByK)).run({number(0.7), number(1.3), number(1)}));
  }
}

}  // namespace
}  // namespace costate
