// Gradients through solves of batches: bits that no neighbour, lane, thread or budget changes, and samples that fail.
#include <gtest/gtest.h>

#include <cmath>

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

class AdjointOfABatch : public ::testing::TestWithParam<Adjoint> {};
class DiscreteAdjointOfABatch : public ::testing::TestWithParam<Method> {};

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

TEST_P(DiscreteAdjointOfABatch, StragglersChangeNoBit) {
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

TEST_P(AdjointOfABatch, BitsDoNotDependOnThreadsOrBatchMates) {
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

TEST_P(AdjointOfABatch, BitsDoNotDependOnLanes) {
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

/// How far a sum over samples may be from that of their own, relative to it. Quadrature decides by the sum where to
/// look more closely.
double sum_error(Adjoint adjoint) { return adjoint == Adjoint::kQuadrature ? 1e-6 : 1e-12; }

TEST_P(AdjointOfABatch, SharedGradientIsTheSumOverTheBatch) {
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

TEST_P(AdjointOfABatch, SinglePrecisionAgreesToItsRounding) {
  const Driven driven;
  SolveOptions options{.rtol = 1e-6, .adjoint = GetParam()};
  if (!reads_dense(GetParam())) options.steps_per_interval = 20;
  const std::vector<HostArray> f64 = batch_gradients(driven, options, 9, 0),
                               f32 = batch_gradients(driven, options, 9, 0, {.dtype = Dtype::kF32});
  for (std::size_t i = 0; i < f64.size(); ++i)
    for (std::int64_t k = 0; k < f64[i].size(); ++k)
      EXPECT_NEAR(f32[i].at(k), f64[i].at(k), 2e-5 * (1 + std::abs(f64[i].at(k))));
}

TEST_P(AdjointOfABatch, MemoryBudgetChangesNoBit) {
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

TEST_P(AdjointOfABatch, AFailedSampleHasNoGradientAndLeavesTheOthersAlone) {
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

TEST_P(AdjointOfABatch, ASampleWithInvalidTimesFailsAlone) {
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

TEST_P(AdjointOfABatch, AFailedSampleCountsNothingInGradientsOfSharedWeights) {
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

TEST_P(AdjointOfABatch, PaddingOfATileCountsNothing) {
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

INSTANTIATE_TEST_SUITE_P(Adjoints, AdjointOfABatch, ::testing::ValuesIn(test::kAdjoints), test::adjoint_name);

INSTANTIATE_TEST_SUITE_P(Methods, DiscreteAdjointOfABatch,
                         ::testing::ValuesIn(explicit_methods().begin(), explicit_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

}  // namespace
}  // namespace costate
