// Gradients through a solve against truths that do not use adjoints: differences of the computed solution with its
// steps held fixed, CVODES forward sensitivities, the matrix exponential.
#include <gtest/gtest.h>

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
#include "tests/adjoint/numbers.h"
#include "tests/support/problems.h"

namespace costate {
namespace {

/// A nonlinear field with an argument of each sample and a Parameter: z = (x, y), gain [1], rates [2].
struct Driven {
  std::int64_t width = 0;  // of a layer that makes an evaluation dear
  Parameter rates{"rates", HostArray::vector({0.7, 1.3})};

  VectorField field() const {
    return vector_field({2}, {{"gain", {1}}}, [this](Array t, Array z, Array gain) {
      const Array p(rates);
      HostArray weights(Shape{width, 2});
      for (std::int64_t i = 0; i < weights.size(); ++i) weights.set(i, std::sin(static_cast<double>(i)));
      if (width > 0) gain = gain + 0.1 * sum(tanh(matmul(constant(weights), z)));
      return concat({stack({z[1] * z[0] * -0.4 - p[0] * z[1] + gain[0] * sin(2.0 * t)}),
                     stack({z[0] - p[1] * tanh(z[1]) + t * p[0] * 0.3 * gain[0]})});
    });
  }

  static Numbers slope(double t, const Numbers& z, double gain, const Numbers& p) {
    return {-0.4 * z[0] * z[1] - p[0] * z[1] + gain * std::sin(2 * t),
            z[0] - p[1] * std::tanh(z[1]) + 0.3 * t * p[0] * gain};
  }
};

/// loss(z0, times, gain) = sum of weights · states, with weights that tell every number apart.
Function weighted_loss(const Driven& driven, std::int64_t num_times, const SolveOptions& options) {
  const VectorField field = driven.field();
  return trace(
      [&](Array z0, Array times, Array gain) {
        const Array states = solve(field, z0, times, options, std::span<const Array>(&gain, 1));
        Numbers weights;
        for (std::int64_t i = 0; i < 2 * num_times; ++i)
          weights.push_back(std::cos(1.0 + 1.7 * static_cast<double>(i)));
        return sum(states * constant(HostArray(Shape{num_times, 2}, weights)));
      },
      {{"z0", {2}}, {"times", {num_times}}, {"gain", {1}}});
}

/// Loss, then gradients of z0 [2], times [n], gain [1] and rates [2], all of one sample.
Numbers gradients_of(const Function& loss, const HostArray& z0, const HostArray& times, const HostArray& gain) {
  const RunResult result = compile(value_and_grad(loss)).run({z0, times, gain});
  Numbers all;
  for (const HostArray& output : result.outputs)
    for (std::int64_t i = 0; i < output.size(); ++i) all.push_back(output.at(i));
  return all;
}

struct OneSample {
  Numbers z0 = {0.8, -0.3}, times, gain = {0.9};

  Numbers numbers(const Driven& driven) const {
    Numbers x = z0;
    x.insert(x.end(), times.begin(), times.end());
    x.insert(x.end(), gain.begin(), gain.end());
    for (std::int64_t i = 0; i < 2; ++i) x.push_back(driven.rates.value().at(i));
    return x;
  }
};

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

/// Gradients of z0, times and gain [batch, …] and of the rates for a batch of different samples.
std::vector<HostArray> batch_gradients(const Driven& driven, const SolveOptions& options, std::int64_t batch,
                                       std::int64_t first, const CompileOptions& compile_options = {}) {
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 4}), gain(Shape{batch, 1});
  for (std::int64_t b = 0; b < batch; ++b) {
    const double x = static_cast<double>(b + first);
    z0.set(2 * b, std::sin(x));
    z0.set(2 * b + 1, std::cos(2 * x));
    gain.set(b, 0.5 + 0.1 * std::sin(3 * x));
    for (std::int64_t i = 0; i < 4; ++i) times.set(4 * b + i, 0.1 * x / 40 + static_cast<double>(i) * (0.5 + 0.01 * x));
  }
  return compile(value_and_grad(weighted_loss(driven, 4, options)), compile_options).run({z0, times, gain}).outputs;
}

TEST_P(EveryAdjoint, BitsDoNotDependOnThreadsOrBatchMates) {
  const Driven driven;
  const SolveOptions options{.rtol = 1e-5, .atol = 1e-7, .adjoint = GetParam()};
  set_num_threads(1);
  const std::vector<HostArray> together = batch_gradients(driven, options, 70, 0);
  for (const int threads : {2, 7}) {
    set_num_threads(threads);
    const std::vector<HostArray> again = batch_gradients(driven, options, 70, 0);
    for (std::size_t i = 0; i < together.size(); ++i) EXPECT_TRUE(again[i].same_bits(together[i])) << "output " << i;
  }
  set_num_threads(0);
  for (const std::int64_t sample : {0, 33, 69}) {
    const std::vector<HostArray> alone = batch_gradients(driven, options, 1, sample);
    for (std::size_t i = 0; i < 4; ++i)
      for (std::int64_t k = 0; k < alone[i].size(); ++k)
        EXPECT_EQ(alone[i].at(k), together[i].at(sample * alone[i].size() + k));
  }
}

TEST_P(EveryAdjoint, BitsDoNotDependOnLanes) {
  const Driven driven;
  const SolveOptions options{.rtol = 1e-5, .atol = 1e-7, .adjoint = GetParam()};
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const std::vector<HostArray> alone = batch_gradients(driven, options, 20, 0, {.dtype = dtype, .lanes = 1});
    for (const std::size_t lanes : {4, 7, 20, 24, 32}) {
      const std::vector<HostArray> beside = batch_gradients(driven, options, 20, 0, {.dtype = dtype, .lanes = lanes});
      for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(beside[i].same_bits(alone[i])) << lanes << " lanes, output " << i;
      for (std::int64_t k = 0; k < alone[4].size(); ++k)  // a sum, whose grouping is the tile's
        EXPECT_NEAR(beside[4].at(k), alone[4].at(k), 1e-5 * std::abs(alone[4].at(k)));
    }
  }
}

/// Samples whose solves take 3 to 30 steps, in an order that mixes them.
std::vector<HostArray> uneven_gradients(const Driven& driven, const SolveOptions& options, std::int64_t batch,
                                        const CompileOptions& compile_options) {
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 4}), gain(Shape{batch, 1});
  for (std::int64_t b = 0; b < batch; ++b) {
    const double length = 0.2 + 3 * std::pow(static_cast<double>(b * 29 % batch) / static_cast<double>(batch), 3);
    z0.set(2 * b, std::sin(static_cast<double>(b)));
    z0.set(2 * b + 1, 1);
    gain.set(b, length);
    for (std::int64_t i = 0; i < 4; ++i) times.set(4 * b + i, length * static_cast<double>(i));
  }
  return compile(value_and_grad(weighted_loss(driven, 4, options)), compile_options).run({z0, times, gain}).outputs;
}

TEST_P(DiscreteAdjoint, StragglersChangeNoBit) {
  const Driven driven{.width = 64};
  const auto options = [&](std::size_t bytes) {
    const double rtol = tableau(GetParam()).order <= 2 ? 1e-3 : 1e-5;  // of order 2, 1e-5 takes thousands of steps
    return SolveOptions{.method = GetParam(), .rtol = rtol, .atol = 0.1 * rtol, .memory_budget = bytes};
  };
  constexpr std::size_t kAmple = std::size_t{1} << 28;
  const bool is_adaptive = tableau(GetParam()).has_error_estimate();
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const std::vector<HostArray> alone = uneven_gradients(driven, options(kAmple), 70, {.dtype = dtype, .lanes = 1});
    for (const std::size_t lanes : {24, 64}) {
      const internal::LaneProblem<double> problem(driven.field(), options(kAmple), lanes, 4);
      EXPECT_EQ(problem.narrow != nullptr, is_adaptive && lanes > internal::simd_lanes<double>());
      for (const std::size_t bytes : {kAmple, std::size_t{0}, std::size_t{400'000}}) {
        const std::vector<HostArray> beside =
            uneven_gradients(driven, options(bytes), 70, {.dtype = dtype, .lanes = lanes});
        for (std::size_t i = 0; i < 4; ++i)
          EXPECT_TRUE(beside[i].same_bits(alone[i])) << lanes << " lanes, " << bytes << " bytes, output " << i;
        for (std::int64_t k = 0; k < alone[4].size(); ++k)  // a sum, whose grouping is the tile's
          EXPECT_NEAR(beside[4].at(k), alone[4].at(k), 1e-5 * std::abs(alone[4].at(k)));
      }
    }
  }
}

TEST(SolveInAProgram, AStragglerThatFailsLeavesTheOthersAlone) {
  const Parameter power("power", HostArray::vector({1.0}));
  const VectorField field = vector_field({64}, [&](Array, Array z) { return power * z * z; });  // infinite at 1 / z0
  ASSERT_NE((internal::LaneProblem<double>(field, {}, 32, 2).narrow), nullptr);
  const Function loss = trace(
      [&](Array z0) {
        const Array end = solve(field, z0, constant(HostArray::vector({0, 1})))[1];
        return sum(where(equal(end, end), end, 0.0));
      },
      {{"z0", {64}}});
  const auto run = [&](double last) {
    HostArray z0(Shape{32, 64});
    for (std::int64_t i = 0; i < z0.size(); ++i)
      z0.set(i, i / 64 == 31 ? last : 0.01 + 0.028 * static_cast<double>(i / 64));
    return compile(value_and_grad(loss), {.lanes = 32}).run({z0});
  };
  const RunResult with = run(1.5), without = run(0.0);
  ASSERT_EQ(with.report.failures.size(), 1U);
  EXPECT_EQ(with.report.failures[0].sample, 31);
  EXPECT_NEAR(with.report.failures[0].t, 1 / 1.5, 1e-3);
  for (std::int64_t i = 0; i < 31 * 64; ++i) EXPECT_EQ(with.outputs[1].at(i), without.outputs[1].at(i));
  EXPECT_EQ(with.outputs[1].at(31 * 64), 0);
  EXPECT_NEAR(with.outputs[2].at(0), without.outputs[2].at(0), 1e-12 * without.outputs[2].at(0));
}

/// How far a sum over samples may be from that of their own, relative to it. Quadrature decides by the sum where to
/// look more closely.
double sum_error(Adjoint adjoint) { return adjoint == Adjoint::kQuadrature ? 1e-6 : 1e-12; }

TEST_P(EveryAdjoint, SharedGradientIsTheSumOverTheBatch) {
  const Driven driven;
  const SolveOptions options{.rtol = 1e-5, .atol = 1e-7, .adjoint = GetParam()};
  const std::vector<HostArray> together = batch_gradients(driven, options, 11, 0);
  Numbers sum(2);
  for (std::int64_t b = 0; b < 11; ++b) {
    const std::vector<HostArray> alone = batch_gradients(driven, options, 1, b);
    for (std::size_t k = 0; k < 2; ++k) sum[k] += alone[4].at(static_cast<std::int64_t>(k));
  }
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_NEAR(together[4].at(static_cast<std::int64_t>(k)), sum[k], sum_error(GetParam()) * std::abs(sum[k]));
}

TEST_P(EveryAdjoint, SinglePrecisionAgreesToItsRounding) {
  const Driven driven;
  SolveOptions options{.rtol = 1e-6, .adjoint = GetParam()};
  if (!reads_dense(GetParam())) options.steps_per_interval = 20;
  const std::vector<HostArray> f64 = batch_gradients(driven, options, 9, 0),
                               f32 = batch_gradients(driven, options, 9, 0, {.dtype = Dtype::kF32});
  for (std::size_t i = 0; i < f64.size(); ++i)
    for (std::int64_t k = 0; k < f64[i].size(); ++k)
      EXPECT_NEAR(f32[i].at(k), f64[i].at(k), 2e-5 * (1 + std::abs(f64[i].at(k))));
}

TEST_P(EveryAdjoint, MemoryBudgetChangesNoBit) {
  const Driven driven;
  for (const std::size_t lanes : {8, 12}) {
    const auto with_budget = [&](std::size_t bytes) {
      return batch_gradients(driven, {.rtol = 1e-8, .atol = 1e-9, .adjoint = GetParam(), .memory_budget = bytes}, 5, 0,
                             {.lanes = lanes});
    };
    const std::vector<HostArray> ample = with_budget(std::size_t{1} << 28);
    // No room, for a few states, for some frames of the steps (about 10 KB each), for more of them.
    for (const std::size_t bytes : {0UL, 4096UL, 20'000UL, 150'000UL, 600'000UL}) {
      const std::vector<HostArray> scarce = with_budget(bytes);
      for (std::size_t i = 0; i < ample.size(); ++i)
        EXPECT_TRUE(scarce[i].same_bits(ample[i])) << lanes << " lanes, " << bytes << " bytes, output " << i;
    }
  }
}

TEST_P(EveryAdjoint, AFailedSampleHasNoGradientAndLeavesTheOthersAlone) {
  const Parameter power("power", HostArray::vector({1.0}));
  const VectorField field = vector_field({1}, [&](Array, Array z) { return power * z * z; });  // infinite at t = 1 / z0
  const SolveOptions options{.adjoint = GetParam()};
  const Function loss = trace(
      [&](Array z0) {
        const Array end = solve(field, z0, constant(HostArray::vector({0, 0.4, 1})), options)[2];
        return sum(where(equal(end, end), end, 0.0));
      },
      {{"z0", {1}}});
  const Program program = compile(value_and_grad(loss));
  const RunResult with = program.run({HostArray(Shape{4, 1}, Numbers{0.1, 2.0, 0.2, NAN})});
  const RunResult without = program.run({HostArray(Shape{4, 1}, Numbers{0.1, 0.2, 0.1, 0.2})});
  EXPECT_EQ(with.outputs[1].at(0), without.outputs[1].at(0));
  EXPECT_EQ(with.outputs[1].at(1), 0);
  EXPECT_EQ(with.outputs[1].at(2), without.outputs[1].at(1));
  EXPECT_EQ(with.outputs[1].at(3), 0);
  EXPECT_NEAR(2 * with.outputs[2].at(0), without.outputs[2].at(0), 1e-14);
  ASSERT_EQ(with.report.failures.size(), 2U);
  EXPECT_EQ(with.report.failures[0].sample, 1);
  EXPECT_GT(with.report.nfe_backward, 0);
}

TEST_P(EveryAdjoint, ASampleWithInvalidTimesFailsAlone) {
  const Parameter rate("rate", HostArray::vector({0.5}));
  // Reads the time: NaN there would be NaN in the slope.
  const VectorField field = vector_field({1}, [&](Array t, Array z) { return -(rate * z) + sin(t); });
  const Function loss =
      trace([&](Array z0, Array times) { return sum(square(solve(field, z0, times, {.adjoint = GetParam()}))); },
            {{"z0", {1}}, {"times", {4}}});
  const Program program = compile(value_and_grad(loss));
  const std::int64_t batch = 20, bad = 7;
  const auto run = [&](Numbers times_of_bad) {
    HostArray z0(Shape{batch, 1}), times(Shape{batch, 4});
    for (std::int64_t b = 0; b < batch; ++b) {
      z0.set(b, 1 + 0.1 * static_cast<double>(b));
      for (std::int64_t i = 0; i < 4; ++i) times.set(4 * b + i, 0.3 * static_cast<double>(i));
    }
    for (std::int64_t i = 0; i < 4; ++i) times.set(4 * bad + i, times_of_bad[static_cast<std::size_t>(i)]);
    return program.run({z0, times});
  };
  const RunResult good = run({0, 0.3, 0.6, 0.9});
  for (const auto& [times, at] : std::vector<std::pair<Numbers, double>>{{{0, NAN, 0.6, 0.9}, NAN},
                                                                         {{NAN, 0.3, 0.6, 0.9}, NAN},
                                                                         {{0, 0.3, 0.6, NAN}, NAN},
                                                                         {{0, 0.3, 0.6, INFINITY}, INFINITY},
                                                                         {{-INFINITY, 0.3, 0.6, 0.9}, -INFINITY},
                                                                         {{0, 0.7, 0.5, 1}, 0.5},
                                                                         {{1, 0.3, 0.6, 0}, 0.6},
                                                                         {{0, 0.3, 2, 1}, 1}}) {
    const RunResult with = run(times);
    ASSERT_EQ(with.report.failures.size(), 1U);
    EXPECT_EQ(with.report.failures[0].sample, bad);
    EXPECT_EQ(with.report.failures[0].reason, "invalid_times");
    EXPECT_TRUE(std::isnan(at) ? std::isnan(with.report.failures[0].t) : with.report.failures[0].t == at);
    EXPECT_TRUE(std::isnan(with.outputs[0].at(bad)));
    for (std::int64_t b = 0; b < batch; ++b) EXPECT_EQ(with.outputs[1].at(b), b == bad ? 0 : good.outputs[1].at(b));
    EXPECT_NEAR(with.outputs[3].at(0), good.outputs[3].at(0) * 19 / 20, 0.1 * std::abs(good.outputs[3].at(0)));
  }
  // Series of different lengths are padded with their last time.
  for (const Numbers& times : {Numbers{0, 0.3, 0.6, 0.6}, {0.2, 0.2, 0.2, 0.2}, {3, 2, 2, 1}})
    EXPECT_TRUE(run(times).report.failures.empty());
}

TEST_P(EveryAdjoint, AFailedSampleCountsNothingInGradientsOfSharedWeights) {
  // Weights before, in and after the solve: all but the field's meet the NaNs of a sample that failed.
  const Parameter in("in", HostArray::vector({1.0})), power("power", HostArray::vector({1.0})),
      out("out", HostArray::vector({0.7}));
  const VectorField field = vector_field({1}, [&](Array, Array z) { return power * z * z; });  // infinite at t = 1 / z0
  const Function loss = trace(
      [&](Array x) {
        const Array times = constant(HostArray::vector({0, 1}));
        return sum(square(out * solve(field, in * x, times, {.adjoint = GetParam()})[1]));
      },
      {{"x", {1}}});
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const Program program = compile(value_and_grad(loss), {.dtype = dtype});
    const RunResult with = program.run({HostArray(Shape{5, 1}, Numbers{0.1, 2.0, 0.2, NAN, 0.3})});
    const RunResult without = program.run({HostArray(Shape{3, 1}, Numbers{0.1, 0.2, 0.3})});
    ASSERT_EQ(with.report.failures.size(), 2U);
    EXPECT_EQ(with.outputs[1].at(1), 0);
    EXPECT_EQ(with.outputs[1].at(4), without.outputs[1].at(2));
    for (std::size_t i = 2; i < 5; ++i)
      EXPECT_NEAR(with.outputs[i].at(0), without.outputs[i].at(0), 1e-6 * std::abs(without.outputs[i].at(0)));
    const RunResult none = program.run({HostArray(Shape{2, 1}, Numbers{NAN, 2.0})});
    for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(none.outputs[i].at(0), 0);
  }
}

TEST_P(EveryAdjoint, PaddingOfATileCountsNothing) {
  // Lanes without a sample have NaN states, and through this loss NaN cotangents.
  const Parameter rate("rate", HostArray::vector({0.5}));
  const VectorField field = vector_field({1}, [&](Array, Array z) { return -(rate * z); });
  const SolveOptions options{.adjoint = GetParam()};
  const Function loss = trace(
      [&](Array z0) {
        return sum(square(solve(field, z0, constant(HostArray::vector({0, 0.3, 0.7, 1})), options)));
      },
      {{"z0", {1}}});
  const Program program = compile(value_and_grad(loss));
  const RunResult alone = program.run({HostArray(Shape{1, 1}, Numbers{1.5})});
  const RunResult five = program.run({HostArray(Shape{5, 1}, Numbers(5, 1.5))});
  EXPECT_TRUE(std::isfinite(alone.outputs[2].at(0)));
  EXPECT_NEAR(five.outputs[2].at(0), 5 * alone.outputs[2].at(0), 1e-13);
  for (std::int64_t i = 0; i < 5; ++i) EXPECT_EQ(five.outputs[1].at(i), alone.outputs[1].at(0));
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

TEST(SolveInAProgram, SharedArgumentsMayBeComputedFromParameters) {
  const Parameter log_rates("log_rates", HostArray::vector({0.1, 0.2}));
  for (const Adjoint adjoint : test::kAdjoints) {
    const VectorField field = vector_field({2}, {{"rates", {2}, InputKind::kShared}}, [](Array, Array z, Array rates) {
      return stack({z[1] * rates[0], -1.0 * rates[1] * sin(z[0])});
    });
    const Function loss = trace(
        [&](Array z0) {
          const Array rates = exp(Array(log_rates));
          return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                           {.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-12, .adjoint = adjoint},
                           std::span(&rates, 1))[1]);
        },
        {{"z0", {2}}});
    const HostArray z0(Shape{3, 2}, Numbers{1, 0, 0.5, 0.2, 0.3, 0.4});
    const HostArray found = compile(value_and_grad(loss, std::vector<Parameter>{log_rates})).run({z0}).outputs[1];
    const Program value = compile(loss);
    const auto total = [&](const Numbers& at) {
      log_rates.set_value(HostArray::vector(at));
      const HostArray losses = value.run({z0}).outputs[0];
      return losses.at(0) + losses.at(1) + losses.at(2);
    };
    expect_near(found.data<double>(), differences(total, {0.1, 0.2}, 2e-3), 1e-8, std::string(name(adjoint)));
    total({0.1, 0.2});
  }
}

/// z' = -r z: dz(1)/dr = -z0 exp(-r). The field computes -r once, outside of the solve, where it has a sign of its own.
TEST(SolveInAProgram, SignsOfHoistedValuesReachTheGradient) {
  const Parameter rate("rate", HostArray::vector({0.5}));
  for (const Adjoint adjoint : test::kAdjoints)
    for (const std::int64_t batch : {1, 3}) {
      const VectorField field = vector_field({1}, [&](Array, Array z) { return -Array(rate) * z; });
      const Function loss = trace(
          [&](Array z0) {
            return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                             {.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-12, .adjoint = adjoint})[1]);
          },
          {{"z0", {1}}});
      const HostArray z0(Shape{batch, 1}, Numbers(static_cast<std::size_t>(batch), 1.0));
      const HostArray found = compile(value_and_grad(loss, std::vector<Parameter>{rate})).run({z0}).outputs[1];
      EXPECT_NEAR(found.at(0), -static_cast<double>(batch) * std::exp(-0.5), 1e-10);
    }
}

/// z' = g(V) - z from 0: d z(1) / dV = g'(V) (1 - 1/e), a sample. g is computed outside of the solve.
TEST(SolveInAProgram, SelectsOfParametersHaveGradients) {
  const Parameter v("V", HostArray::vector({0.3, -0.2}));
  struct Select {
    const char* name;
    Array (*of)(const Array&);
    Numbers slope;  // of the sum, by each element
  };
  const Select selects[] = {
      {"relu", [](const Array& x) { return relu(x); }, {1, 0}},
      {"max", [](const Array& x) { return max(x, -0.1); }, {1, 0}},
      {"min", [](const Array& x) { return min(2.0 * x, x * x); }, {0.6, 2}},
      {"abs", [](const Array& x) { return abs(x); }, {1, -1}},
      {"where", [](const Array& x) { return where(x > 0.0, square(x), 3.0 * x); }, {0.6, 3}},
      {"where of moved", [](const Array& x) { return where(x[0] < x[1], x, exp(x)); }, {std::exp(0.3), std::exp(-0.2)}},
      {"elu", [](const Array& x) { return elu(x); }, {1, std::exp(-0.2)}},
      {"pow", [](const Array& x) { return pow(square(x), 1.5); }, {0.27, -0.12}},
      {"largest", [](const Array& x) { return broadcast_to(reduce_max(x, {0}), {2}); }, {2, 0}},
  };
  for (const Select& select : selects)
    for (const Adjoint adjoint : test::kAdjoints) {
      const VectorField field = vector_field({2}, [&](Array, Array z) { return select.of(Array(v)) - z; });
      const Function loss = trace(
          [&](Array z0) {
            return sum(solve(field, z0, constant(HostArray::vector({0, 1})),
                             {.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-11, .adjoint = adjoint})[1]);
          },
          {{"z0", {2}}});
      const HostArray z0(Shape{3, 2}, Numbers(6, 0.0));
      const HostArray found = compile(value_and_grad(loss, std::vector<Parameter>{v})).run({z0}).outputs[1];
      for (std::int64_t i = 0; i < 2; ++i)
        EXPECT_NEAR(found.at(i), 3 * (1 - std::exp(-1.0)) * select.slope[static_cast<std::size_t>(i)], 1e-8)
            << select.name;
    }
}

/// What a field computes from Parameters alone is computed once: the same bits as if it were given from outside.
TEST(SolveInAProgram, SharedValuesOfAFieldAreComputedOutsideOfIt) {
  const Parameter weight("weight", HostArray(Shape{2, 2}, Numbers{0.3, -1.1, 0.8, 0.2}));
  const HostArray mask(Shape{2, 2}, Numbers{1, 1, 1, 0});
  const auto compute = [&] { return Array(weight) * constant(mask) / (1.0 + sum(square(Array(weight)))); };
  const auto loss_of = [](const Array& path) { return sum(square(path)); };
  const VectorField within = vector_field({2}, [&](Array, Array z) { return tanh(matmul(transpose(compute()), z)); });
  const VectorField outside = vector_field({2}, {{"w", {2, 2}, InputKind::kShared}},
                                           [](Array, Array z, Array w) { return tanh(matmul(transpose(w), z)); });
  const auto run = [&](bool is_within, const SolveOptions& options) {
    const Function loss = trace(
        [&](Array z0) {
          const Array times = constant(HostArray::vector({0, 0.5, 1}));
          if (is_within) return loss_of(solve(within, z0, times, options));
          const Array w = compute();
          return loss_of(solve(outside, z0, times, options, std::span(&w, 1)));
        },
        {{"z0", {2}}});
    const HostArray z0(Shape{3, 2}, Numbers{1, 0, 0.5, 0.2, 0.3, 0.4});
    return compile(value_and_grad(loss, std::vector<Parameter>{weight})).run({z0}).outputs;
  };
  for (const Adjoint adjoint : test::kAdjoints) {
    const std::vector<HostArray> one = run(true, {.adjoint = adjoint}), other = run(false, {.adjoint = adjoint});
    EXPECT_TRUE(one[0].same_bits(other[0]));
    EXPECT_TRUE(one[1].same_bits(other[1]));
  }
}

/// Two gradients of one solve that ask for different things: each has its own vjp, and neither reads what the other
/// kept.
TEST(SolveInAProgram, GradientsOfOneSolveMayAskForDifferentThings) {
  const VectorField field = vector_field({2}, {{"p", {2}}}, [](Array, Array z, Array p) {
    return stack({p[0] * z[1], -1.0 * p[1] * sin(z[0])});
  });
  const auto run = [&](bool by_z0, bool by_p) {
    const Function both = trace(
        [&](Array z0, Array p) {
          const Array loss =
              sum(square(solve(field, z0, constant(HostArray::vector({0, 0.7, 2})), {}, std::span(&p, 1))));
          Array found = constant(0.0);
          if (by_z0) found = found + sum(gradient(loss, std::span<const Array>(&z0, 1))[0]);
          if (by_p) found = found + sum(gradient(loss, std::span<const Array>(&p, 1))[0]);
          return found;
        },
        {{"z0", {2}}, {"p", {2}}});
    const HostArray z0(Shape{3, 2}, Numbers{1, 0, 0.5, 0.2, 0.3, 0.4});
    const HostArray p(Shape{3, 2}, Numbers{1, 1.5, 0.8, 1, 2, 0.3});
    return compile(both).run({z0, p}).outputs[0];
  };
  const HostArray z0_alone = run(true, false), p_alone = run(false, true), both = run(true, true);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_NEAR(both.at(i), z0_alone.at(i) + p_alone.at(i), 1e-12);
}

/// Lanes whose steps are rejected at different attempts: each sample's gradient is what it has alone.
TEST(SolveInAProgram, RejectedStepsOfBatchMatesChangeNoGradient) {
  // Stiffness that sets in at a time of each sample's own makes the controller reject there.
  const VectorField field = vector_field({1}, {{"when", {1}}}, [](Array t, Array z, Array when) {
    return -(1.0 + 40.0 * sigmoid(60.0 * (reshape(t, {1}) - when))) * z;
  });
  const Function loss = trace(
      [&](Array z0, Array when) {
        return sum(square(solve(field, z0, constant(HostArray::vector({0, 0.5, 1})), {.rtol = 1e-6, .atol = 1e-9},
                                std::span(&when, 1))));
      },
      {{"z0", {1}}, {"when", {1}}});
  const Program program = compile(value_and_grad(loss, std::vector<std::size_t>{0, 1}));
  const auto column = [](Numbers values) {
    const auto rows = static_cast<std::int64_t>(values.size());
    return HostArray(Shape{rows, 1}, std::move(values));
  };
  const Numbers starts = {1, 0.5, 2, 1.5, 0.7, 1.1, 0.9, 3}, whens = {0.1, 0.3, 0.5, 0.7, 0.9, 0.2, 0.6, 0.4};
  const RunResult together = program.run({column(starts), column(whens)});
  ASSERT_GT(together.report.rejected, 8);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const RunResult alone = program.run({column({starts[i]}), column({whens[i]})});
    for (std::size_t output = 0; output < 3; ++output)
      EXPECT_EQ(together.outputs[output].at(static_cast<std::int64_t>(i)), alone.outputs[output].at(0))
          << i << ' ' << output;
  }
}

/// Fields that exist on their samples' times alone: lanes that wait, as padding or at their end, must not leave them.
TEST(SolveInAProgram, WaitingLanesStayWithinTheTimesOfTheirSample) {
  const Parameter rate("rate", HostArray::vector({1.0}));
  // z' = -r log(t) sqrt(end - t) z on [1, end], and no number elsewhere.
  const VectorField field = vector_field({1}, {{"end", {1}}}, [&](Array t, Array z, Array end) {
    return -1.0 * Array(rate) * log(reshape(t, {1})) * sqrt(end - t) * z;
  });
  const Numbers ends = {1.2, 4, 9};
  for (const std::size_t budget : {std::size_t{1} << 28, std::size_t{0}}) {  // with the solve's evaluations, and anew
    const Function loss = trace(
        [&](Array z0, Array end) {
          const Array times = concat({constant(HostArray::vector({1, 1.1})), end});
          const SolveOptions options{.rtol = 1e-7, .atol = 1e-9, .memory_budget = budget};
          return sum(square(solve(field, z0, times, options, std::span(&end, 1))));
        },
        {{"z0", {1}}, {"end", {1}}});
    const Program program = compile(value_and_grad(loss, std::vector<Parameter>{rate}));
    const auto gradient = [&](const Numbers& of) {
      const auto count = static_cast<std::int64_t>(of.size());
      const HostArray z0(Shape{count, 1}, Numbers(of.size(), 1.5));
      return program.run({z0, HostArray(Shape{count, 1}, of)}).outputs[1].at(0);
    };
    double sum = 0;
    for (const double end : ends) sum += gradient({end});
    EXPECT_NEAR(gradient(ends), sum, 1e-12 * std::abs(sum)) << budget;
  }
}

/// A tile that is not full must not leak its padding into what follows the solve.
TEST(SolveInAProgram, ParametersBehindItHaveTheirGradientForAnyBatch) {
  const Parameter decoder("decoder", HostArray::vector({0.7, -1.2}));
  const VectorField field = vector_field({2}, [](Array, Array z) { return stack({z[1], -1.0 * sin(z[0])}); });
  const Function loss = trace(
      [&](Array z0) {
        return square(sum(solve(field, z0, constant(HostArray::vector({0, 1})), {})[1] * Array(decoder)));
      },
      {{"z0", {2}}});
  const Program program = compile(value_and_grad(loss, std::vector<Parameter>{decoder}));
  double sum = 0;
  for (std::int64_t batch = 1; batch <= 20; ++batch) {
    HostArray z0(Shape{batch, 2});
    for (std::int64_t i = 0; i < 2 * batch; ++i) z0.set(i, std::sin(static_cast<double>(i)));
    sum += program
               .run({row(part({z0.data<double>().begin(), z0.data<double>().end()},
                              2 * static_cast<std::size_t>(batch) - 2, 2))})
               .outputs[1]
               .at(0);
    EXPECT_NEAR(program.run({z0}).outputs[1].at(0), sum, 1e-12 * static_cast<double>(batch)) << "batch " << batch;
  }
}

}  // namespace
}  // namespace costate
