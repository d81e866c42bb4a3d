// Whether a gradient knows its error: the estimate of value_and_grad beside the distance from the truth.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/diff/diff.h"
#include "costate/graph/tighten.h"
#include "tests/adjoint/rest_cases.h"

namespace costate {
namespace {

using test::RestCase;

/// What is not told from 0, of a gradient's terms before they cancel (cotangent times Jacobian): rounding, and a
/// millionth of what the tolerance lets pass.
double least_share(const SolveOptions& options, Dtype dtype) {
  return (dtype == Dtype::kF32 ? 1e-5 : 2e-12) + 1e-6 * options.rtol;
}

/// Where the error is more than that, the estimate's size is within a factor of ten of it.
void expect_estimated(const RestCase& c, const SolveOptions& options, Dtype dtype = Dtype::kF64) {
  const std::vector<std::size_t> wrt = test::rest_wrt(c);
  const Program program =
      compile(value_and_grad(test::rest_loss(c, options), wrt, {.gradient_error = true}), {.dtype = dtype});
  const std::vector<HostArray> batch = test::rest_batch(c);
  const RunResult result = program.run(batch);
  EXPECT_TRUE(result.report.failures.empty()) << c.name;
  for (std::int64_t b = 0; b < batch[0].shape()[0]; ++b)
    for (std::size_t input = 0; input < wrt.size(); ++input) {
      const double error =
          (test::true_gradient(c, batch, b, input) - test::row_of(result.outputs[1 + input], b)).norm();
      const double estimate = test::row_of(result.outputs[1 + wrt.size() + input], b).norm();
      const double least = least_share(options, dtype) * c.truth.norm() * test::row_of(batch[1], b).norm();
      const bool is_close = std::isfinite(error) ? estimate <= 10 * error && error <= 10 * estimate
                                                 : !std::isfinite(estimate);  // an overflow is known to be one
      EXPECT_TRUE(is_close || std::max(error, estimate) <= least)
          << c.name << ", " << name(options.method) << ", rtol " << options.rtol << ", guard "
          << name(options.gradient_steps) << ", cotangent " << b << ", input " << input << ": off by " << error
          << ", estimated " << estimate << ", told apart from " << least;
    }
}

const std::vector<std::size_t> kAll = {};
constexpr GradientSteps kSteps[] = {GradientSteps::kAuto, GradientSteps::kOff};

TEST(GradientError, IsWithinAFactorOfTenFromRest) {
  for (const RestCase& c : test::rest_cases())
    for (const double rtol : {1e-3, 1e-5, 1e-7, 1e-9})
      for (const GradientSteps steps : kSteps)
        expect_estimated(c, {.rtol = rtol, .atol = 1e-2 * rtol, .gradient_steps = steps});
}

TEST(GradientError, IsWithinAFactorOfTenFromRestInF32) {
  for (const RestCase& c : test::rest_cases()) {
    // The tight solve, at 1e-6, does not tell the decaying number from rounding beside the clock's: a false alarm.
    if (c.name == "rate_of_a_clock") continue;
    for (const double rtol : {1e-3, 1e-4, 1e-5})
      for (const GradientSteps steps : kSteps)
        expect_estimated(c, {.rtol = rtol, .atol = 1e-2 * rtol, .gradient_steps = steps}, Dtype::kF32);
  }
}

TEST(GradientError, IsWithinAFactorOfTenForOtherMethods) {
  for (const RestCase& c : test::rest_cases())
    for (const Method method : {Method::kBosh3, Method::kTsit5, Method::kDopri8})
      for (const GradientSteps steps : kSteps)
        expect_estimated(c, {.method = method, .rtol = 1e-5, .atol = 1e-7, .gradient_steps = steps});
}

TEST(GradientError, IsWithinAFactorOfTenOfFixedSteps) {
  // Stable, unstable, and so few that the solution is hardly followed.
  for (const RestCase& c : test::rest_cases())
    for (const int steps : {4, 50, 1000})
      for (const Method method : {Method::kEuler, Method::kRk4})
        expect_estimated(c, {.method = method, .rtol = 1e-9, .atol = 1e-11, .steps_per_interval = steps});
}

/// Sum over the batch of the end of y' = -rate y², by y0 and by the rate, both in closed form.
Function riccati(const Parameter& rate, const SolveOptions& options) {
  const VectorField field = vector_field({1}, [&](Array, Array y) { return -Array(rate) * y * y; });
  return trace(
      [&](Array y0) {
        return sum(solve(field, y0, constant(HostArray::vector({0, 2})), options)[1]);
      },
      {{"y0", {1}}});
}

TEST(GradientError, IsSummedLikeTheGradientAndChangesNoBit) {
  const Parameter rate("rate", HostArray::vector({0.8}));
  const SolveOptions loose{.rtol = 1e-3, .atol = 1e-5};
  const Function loss = riccati(rate, loose);
  HostArray y0(Shape{37, 1});
  double by_rate = 0;
  for (std::int64_t i = 0; i < 37; ++i) {
    const double y = 0.5 + 0.1 * static_cast<double>(i);
    y0.set(i, y);
    by_rate -= 2 * y * y / std::pow(1 + 1.6 * y, 2);
  }
  const RunResult plain = compile(value_and_grad(loss)).run({y0});
  const Function both = value_and_grad(loss, kAll, {.gradient_error = true});
  const RunResult with_error = compile(both).run({y0});
  ASSERT_EQ(with_error.outputs.size(), 5u);
  EXPECT_EQ(both.outputs()[3].name, "error_d_y0");
  EXPECT_EQ(both.outputs()[4].kind, OutputKind::kSum);
  for (std::size_t output = 0; output < 3; ++output)
    for (std::int64_t i = 0; i < plain.outputs[output].size(); ++i)
      EXPECT_EQ(with_error.outputs[output].at(i), plain.outputs[output].at(i));
  const double error = by_rate - plain.outputs[2].at(0);
  EXPECT_GT(std::abs(error), 1e-6);
  EXPECT_NEAR(with_error.outputs[4].at(0), error, 0.1 * std::abs(error));
  EXPECT_EQ(compile(value_and_grad(loss, std::vector{rate}, {.gradient_error = true})).run({y0}).outputs[2].at(0),
            with_error.outputs[4].at(0));
}

/// Whether a solve by these options has gradients by its start and by an argument.
bool is_possible(const SolveOptions& options) {
  try {
    check_options(options);
  } catch (const InvalidArgument&) {
    return false;
  }
  return is_multistep(options.method) == (options.adjoint == Adjoint::kCvodes);
}

TEST(GradientError, IsThereForEveryMethodAndAdjoint) {
  // A pendulum, whose gradient by an exact solve is what each gradient and the estimate of its error sum up to.
  const VectorField pendulum = vector_field({2}, {{"gravity", {1}}}, [](Array, Array z, Array gravity) {
    return stack({z[1], -gravity[0] * sin(z[0])});
  });
  const auto gradients = [&](const SolveOptions& options) {
    const Function loss = trace(
        [&](Array z0, Array gravity) {
          return solve(pendulum, z0, constant(HostArray::vector({0, 1})), options,
                       std::span<const Array>(&gravity, 1))[1][0];
        },
        {{"z0", {2}}, {"gravity", {1}}});
    return compile(value_and_grad(loss, kAll, {.gradient_error = true}))
        .run({HostArray(Shape{1, 2}, std::vector<double>{1, 0.3}), HostArray(Shape{1, 1}, std::vector<double>{1.2})})
        .outputs;
  };
  const std::vector<HostArray> exact = gradients({.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-14});
  std::vector<Method> methods(one_step_methods().begin(), one_step_methods().end());
  methods.insert(methods.end(), multistep_methods().begin(), multistep_methods().end());
  int tried = 0;
  for (const Method method : methods)
    for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kBacksolve, Adjoint::kReversible,
                                  Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward, Adjoint::kCvodes}) {
      const SolveOptions options{.method = method,
                                 .rtol = 1e-6,
                                 .atol = 1e-8,
                                 .steps_per_interval = tableau(method).has_error_estimate() ? 0 : 8,
                                 .adjoint = adjoint};
      if (!is_possible(options)) continue;
      ++tried;
      const std::vector<HostArray> found = gradients(options);
      for (std::size_t i = 1; i < 3; ++i)
        for (std::int64_t k = 0; k < found[i].size(); ++k)
          EXPECT_NEAR(found[i].at(k) + found[2 + i].at(k), exact[i].at(k), 1e-5)
              << name(method) << ", " << name(adjoint);
    }
  EXPECT_GT(tried, 50);
}

TEST(GradientError, GoesThroughDerivativesInTheLoss) {
  // (dy(2)/dy0)² = (1 + 2 y0)^-4: the loss holds a gradient of a solve, whose own gradient is asked for.
  const VectorField field = vector_field({1}, [](Array, Array y) { return -y * y; });
  const Function loss = trace(
      [&](Array y0) {
        const Array end = sum(solve(field, y0, constant(HostArray::vector({0, 2})), {.rtol = 1e-4, .atol = 1e-6})[1]);
        return square(sum(gradient(end, std::vector{y0})[0]));
      },
      {{"y0", {1}}});
  const RunResult result = compile(value_and_grad(loss, kAll, {.gradient_error = true}))
                               .run({HostArray(Shape{1, 1}, std::vector<double>{0.7})});
  const double error = -8 * std::pow(2.4, -5) - result.outputs[1].at(0);
  EXPECT_GT(std::abs(error), 1e-7);
  EXPECT_NEAR(result.outputs[2].at(0), error, 0.1 * std::abs(error));
}

TEST(GradientError, IsZeroWithoutASolve) {
  const Function loss = trace([](Array x) { return sin(x); }, {{"x", {}}});
  EXPECT_EQ(
      compile(value_and_grad(loss, kAll, {.gradient_error = true})).run({HostArray::vector({0.3})}).outputs[2].at(0),
      0);
}

TEST(Tighten, ReachesSolvesInFieldsAndLeavesTheRest) {
  // The inner solve is off by more than the outer one's tolerance, so that the outer alone would change little.
  const VectorField inner = vector_field({1}, [](Array, Array y) { return -y; });
  const VectorField outer = vector_field({1}, [&](Array, Array z) {
    return -solve(inner, z, constant(HostArray::vector({0, 1})), {.rtol = 1e-2, .atol = 1e-3})[1];
  });
  const Function end = trace(
      [&](Array z0) {
        return sum(solve(outer, z0, constant(HostArray::vector({0, 1})), {.rtol = 1e-8, .atol = 1e-10})[1]);
      },
      {{"z0", {1}}});
  const Function tight = tighten(end);
  EXPECT_EQ(tight.nodes().size(), end.nodes().size());
  const HostArray z0(Shape{1, 1}, std::vector<double>{2});
  const double right = 2 * std::exp(-std::exp(-1.0));
  const double error = std::abs(compile(end).run({z0}).outputs[0].at(0) - right);
  EXPECT_GT(error, 1e-5);
  EXPECT_LT(std::abs(compile(tight).run({z0}).outputs[0].at(0) - right), 0.1 * error);
}

}  // namespace
}  // namespace costate
