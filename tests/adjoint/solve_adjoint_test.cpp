// Gradients through a solve against truths that do not use adjoints: differences of the computed solution with its
// steps held fixed, CVODES forward sensitivities, the matrix exponential.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <unsupported/Eigen/MatrixFunctions>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/program.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/driven.h"
#include "tests/support/problems.h"

namespace costate {
namespace {

class DiscreteAdjoint : public ::testing::TestWithParam<Method> {};

TEST_P(DiscreteAdjoint, FixedStepsEqualDifferencesOfTheSolution) {
  for (const Numbers& times : {Numbers{0.1, 0.5, 1.4}, Numbers{1, 0.7, -0.2}}) {
    const Driven driven;
    const SolveOptions options{.method = GetParam(), .steps_per_interval = 4};
    const Function loss = weighted_loss(driven, 3, options);
    const OneSample sample{.times = times};
    const Program program = compile(loss);
    const auto value = [&](const Numbers& x) {
      driven.rates.set_value(HostArray::vector(part(x, 6, 2)));
      return program.run({row(part(x, 0, 2)), row(part(x, 2, 3)), row(part(x, 5, 1))}).outputs[0].at(0);
    };
    const Numbers x = sample.numbers(driven);
    const Numbers truth = differences(value, x, 2e-3);
    value(x);  // the rates as they were
    const Numbers found = gradients_of(loss, row(sample.z0), row(times), row(sample.gain));
    expect_near(part(found, 1, 8), truth, 1e-8, std::string(name(GetParam())));
  }
}

/// How many of the times after the first lie within each step and before its end.
std::vector<std::size_t> outputs_within(const std::vector<internal::ReferenceStep>& steps, const Numbers& times) {
  std::vector<std::size_t> counts;
  std::size_t output = 1;
  for (const internal::ReferenceStep& step : steps) {
    counts.push_back(0);
    for (; output + 1 < times.size() && (times[output] - step.t - step.h) * step.h < 0; ++output) ++counts.back();
  }
  return counts;
}

/// The solution with the steps of a reference solve held fixed in size, the last one reaching to the end, and each
/// output held in its step. Outputs by the method's dense formula. An independent replay on plain vectors.
double frozen_loss(const Numbers& x, std::size_t num_times, Method method,
                   const std::vector<internal::ReferenceStep>& steps, const std::vector<std::size_t>& within) {
  const Tableau& tab = tableau(method);
  Numbers y = part(x, 0, 2);
  const Numbers times = part(x, 2, num_times), p = part(x, 3 + num_times, 2);
  const double gain = x[2 + num_times];
  double t = times[0], loss = 0;
  std::size_t output = 0;
  const auto add = [&](const Numbers& state) {
    for (std::size_t k = 0; k < 2; ++k) loss += state[k] * std::cos(1.0 + 1.7 * static_cast<double>(2 * output + k));
    ++output;
  };
  add(y);
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const double h = s + 1 == steps.size() ? times.back() - t : steps[s].h;
    std::vector<Numbers> k;
    const auto combine = [&](std::span<const double> weights) {
      Numbers out = y;
      for (std::size_t j = 0; j < weights.size() && j < k.size(); ++j)
        for (std::size_t i = 0; i < 2; ++i) out[i] += h * weights[j] * k[j][i];
      return out;
    };
    for (int i = 0; i < tab.num_all_stages(); ++i)
      k.push_back(Driven::slope(t + tab.c[static_cast<std::size_t>(i)] * h, combine(tab.a_row(i)), gain, p));
    Numbers weights(static_cast<std::size_t>(tab.num_all_stages()));
    for (std::size_t i = 0; i < within[s]; ++i) {
      dense_weights(tab, (times[output] - t) / h, weights);
      add(combine(weights));
    }
    y = combine(tab.b);
    t += h;
  }
  add(y);
  return loss;
}

TEST_P(DiscreteAdjoint, AdaptiveStepsEqualDifferencesWithTheStepsHeldFixed) {
  if (!tableau(GetParam()).has_error_estimate()) GTEST_SKIP() << "no error estimate, no adaptive steps";
  for (const Numbers& times : {Numbers{0.1, 0.35, 0.4, 1.3, 2.2}, Numbers{1.5, 1.2, 0.4, 0.3, -0.4}}) {
    const Driven driven;
    // Whatever the steps are: those that the state alone asks for.
    const SolveOptions options{.method = GetParam(), .rtol = 1e-4, .atol = 1e-6, .gradient_steps = GradientSteps::kOff};
    const OneSample sample{.times = times};
    const auto rhs = [&](double t, std::span<const double> z, std::span<double> dz) {
      const Numbers slope = Driven::slope(t, {z.begin(), z.end()}, sample.gain[0], {0.7, 1.3});
      std::copy(slope.begin(), slope.end(), dz.begin());
    };
    const internal::ReferenceSolution reference =
        internal::reference_solve(rhs, sample.z0, times, {.method = GetParam(), .rtol = 1e-4, .atol = 1e-6});
    const Numbers x = sample.numbers(driven);
    const std::vector<std::size_t> within = outputs_within(reference.steps, times);
    const auto frozen = [&](const Numbers& moved) {
      return frozen_loss(moved, times.size(), GetParam(), reference.steps, within);
    };
    const Numbers found = gradients_of(weighted_loss(driven, 5, options), row(sample.z0), row(times), row(sample.gain));
    EXPECT_NEAR(found[0], frozen(x), 1e-9);
    expect_near(part(found, 1, 10), differences(frozen, x, 2e-3), 1e-8, std::string(name(GetParam())));
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, DiscreteAdjoint,
                         ::testing::ValuesIn(explicit_methods().begin(), explicit_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

class EveryAdjoint : public ::testing::TestWithParam<Adjoint> {};

TEST_P(EveryAdjoint, LotkaVolterraAgreesWithCvodesSensitivities) {
  const Numbers p = {1.5, 1, 3, 1}, z0 = {1, 1}, times = {0, 1.7, 3.1, 5};
  const Parameter rates("rates", HostArray::vector(p));
  const VectorField field = vector_field({2}, [&](Array, Array z) {
    const Array r(rates);
    return stack({r[0] * z[0] - r[1] * z[0] * z[1], r[3] * z[0] * z[1] - r[2] * z[1]});
  });
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-12, .adjoint = GetParam()};
  const Numbers weights = {0.3, -0.2, 1, 0.5, -0.7, 0.1, 0.9, -1.1};
  const Function loss = trace(
      [&](Array start, Array at) {
        return sum(solve(field, start, at, options) * constant(HostArray(Shape{4, 2}, weights)));
      },
      {{"z0", {2}}, {"times", {4}}});
  const RunResult result = compile(value_and_grad(loss)).run({row(z0), row(times)});
  const test::CvodeSolution truth = test::cvode_sensitivities(test::lotka_volterra_field(), z0, p, times);
  Numbers by_z0(2), by_p(4), by_times(4);
  for (std::size_t i = 0; i < 4; ++i) {
    Numbers slope(2);
    test::lotka_volterra_field().rhs(times[i], truth.states[i], p, slope);
    for (std::size_t k = 0; k < 2; ++k) {
      const double w = weights[2 * i + k];
      by_times[i] += w * slope[k];
      // An autonomous field: moving the start later by dt is moving every output earlier.
      by_times[0] -= w * slope[k];
      for (std::size_t j = 0; j < 2; ++j) by_z0[j] += w * truth.by_y0[i][j][k];
      for (std::size_t j = 0; j < 4; ++j) by_p[j] += w * truth.by_p[i][j][k];
    }
  }
  const auto numbers = [](const HostArray& array) {
    Numbers out;
    for (std::int64_t i = 0; i < array.size(); ++i) out.push_back(array.at(i));
    return out;
  };
  expect_near(numbers(result.outputs[1]), by_z0, 1e-7, "z0");
  expect_near(numbers(result.outputs[2]), by_times, 1e-7, "times");
  expect_near(numbers(result.outputs[3]), by_p, 1e-7, "rates");
}

TEST_P(EveryAdjoint, LinearFieldAgreesWithTheMatrixExponential) {
  Eigen::Matrix3d a;
  a << -0.3, 1.0, 0.2, -1.0, -0.1, 0.4, 0.1, -0.5, -0.2;
  const Eigen::Vector3d w(0.5, -1, 2);
  const double t0 = 0.2, t1 = 2.0;
  const HostArray matrix(Shape{3, 3}, Numbers{-0.3, 1.0, 0.2, -1.0, -0.1, 0.4, 0.1, -0.5, -0.2});
  const VectorField field = vector_field({3}, [&](Array, Array z) { return matmul(constant(matrix), z); });
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-12, .adjoint = GetParam()};
  const Function loss = trace(
      [&](Array z0, Array times) {
        return sum(solve(field, z0, times, options)[1] * constant(HostArray::vector({0.5, -1, 2})));
      },
      {{"z0", {3}}, {"times", {2}}});
  const RunResult result = compile(value_and_grad(loss)).run({row({1, 2, -1}), row({t0, t1})});
  const Eigen::Matrix3d flow = (a * (t1 - t0)).exp();
  const Eigen::Vector3d by_z0 = flow.transpose() * w;
  const double by_t1 = w.dot(a * flow * Eigen::Vector3d(1, 2, -1));
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(result.outputs[1].at(i), by_z0[i], 1e-8);
  EXPECT_NEAR(result.outputs[2].at(1), by_t1, 1e-8);
  EXPECT_NEAR(result.outputs[2].at(0), -by_t1, 1e-8);
}

TEST_P(EveryAdjoint, ArgumentsOfSamplesAndTimesAgreeWithDifferences) {
  const Driven driven;
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-12, .adjoint = GetParam()};
  const OneSample sample{.times = {0.1, 0.5, 1.4}};
  const Function loss = weighted_loss(driven, 3, options);
  const Program program = compile(loss);
  const auto value = [&](const Numbers& x) {
    driven.rates.set_value(HostArray::vector(part(x, 6, 2)));
    return program.run({row(part(x, 0, 2)), row(part(x, 2, 3)), row(part(x, 5, 1))}).outputs[0].at(0);
  };
  const Numbers x = sample.numbers(driven), truth = differences(value, x, 2e-3);
  value(x);
  expect_near(part(gradients_of(loss, row(sample.z0), row(sample.times), row(sample.gain)), 1, 8), truth, 1e-7,
              name(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Adjoints, EveryAdjoint, ::testing::ValuesIn(test::kAdjoints), test::adjoint_name);

TEST(SolveAdjoint, ReverseOverForwardIsASecondDerivative) {
  // z' = z^2: z(1) = z0 / (1 - z0), whose second derivative is 2 / (1 - z0)^3.
  const VectorField field = vector_field({1}, [](Array, Array z) { return z * z; });
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-12};
  const Function slope = trace(
      [&](Array z0) {
        const Array end = solve(field, z0, constant(HostArray::vector({0, 1})), options)[1];
        const Array one = ones({1});
        return sum(push_forward(std::span<const Array>(&end, 1), std::span<const Array>(&z0, 1),
                                std::span<const Array>(&one, 1))[0]);
      },
      {{"z0", {1}}});
  const RunResult result = compile(value_and_grad(slope)).run({row({0.3})});
  EXPECT_NEAR(result.outputs[0].at(0), 1 / (0.7 * 0.7), 1e-8);
  EXPECT_NEAR(result.outputs[1].at(0), 2 / (0.7 * 0.7 * 0.7), 1e-7);
}

}  // namespace
}  // namespace costate
