// Flows whose densities have closed forms, and determinants against Jacobians.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "costate/base/random.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/models/cnf.h"
#include "costate/models/planar_flow.h"
#include "costate/nn/mlp.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

const SolveOptions kTight{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-11};

HostArray normal_rows(std::int64_t count, std::int64_t width, std::uint64_t seed) {
  HostArray values(Shape{count, width});
  for (std::int64_t i = 0; i < values.size(); ++i) values.set(i, Random(seed).normal(0, static_cast<std::uint64_t>(i)));
  return values;
}

/// z' = A z has the density of a Gaussian: with E = e^A, log p(x) = log N(E x) + tr A.
TEST(Cnf, OfALinearFieldIsAGaussian) {
  const HostArray a(Shape{2, 2}, std::vector<double>{0.3, -1.2, 0.7, -0.5});
  for (const TraceEstimate trace_estimate : {TraceEstimate::kExact, TraceEstimate::kHutchinson}) {
    const Cnf flow([&](Array, Array z) { return matmul(constant(a), z); },
                   {.trace = trace_estimate, .regularizers = true, .solve = kTight});
    const Function f = trace(
        [&](Array x, Array noise) {
          const FlowDensity density = flow.density(x, noise);
          return std::vector<Array>{density.log_density, density.base, density.kinetic, density.jacobian};
        },
        {{"x", {2}}, {"noise", {2}}});
    const HostArray x(Shape{1, 2}, std::vector<double>{0.8, -0.3}), noise(Shape{1, 2}, std::vector<double>{1, -1});
    const RunResult found = compile(f).run({x, noise});
    // e^A x by its series.
    double v[2] = {0.8, -0.3}, end[2] = {0.8, -0.3};
    for (int k = 1; k < 40; ++k) {
      const double next[2] = {(0.3 * v[0] - 1.2 * v[1]) / k, (0.7 * v[0] - 0.5 * v[1]) / k};
      for (int i : {0, 1}) v[i] = next[i], end[i] += next[i];
    }
    // (1, -1) A (1, -1)^T = 0.3 + 1.2 - 0.7 - 0.5
    const double trace_of_a = trace_estimate == TraceEstimate::kExact ? -0.2 : 0.3;
    const double truth = -0.5 * (end[0] * end[0] + end[1] * end[1]) - std::log(2 * std::numbers::pi) + trace_of_a;
    EXPECT_NEAR(found.outputs[0].at(0), truth, 1e-10);
    EXPECT_NEAR(found.outputs[1].at(0), end[0], 1e-10);
    if (trace_estimate == TraceEstimate::kExact) {
      EXPECT_NEAR(found.outputs[3].at(0), 0.09 + 1.44 + 0.49 + 0.25, 1e-10);
    }
  }
}

Cnf small_flow(TraceEstimate trace_estimate, const Mlp& net) {
  return Cnf(
      [&](Array t, Array z) {
        return net(concat({z, reshape(t, {1})}));
      },
      {.trace = trace_estimate, .regularizers = true, .solve = kTight});
}

TEST(Cnf, SamplesAreTheFlowBackwards) {
  const Mlp net({.inputs = 3, .hidden = {16}, .outputs = 2, .seed = 4});
  const Cnf flow = small_flow(TraceEstimate::kExact, net);
  const Function there_and_back =
      trace([&](Array x) { return flow.sample(flow.density(x, zeros({2})).base) - x; }, {{"x", {2}}});
  const HostArray left = compile(there_and_back).run({normal_rows(20, 2, 1)}).outputs[0];
  for (std::int64_t i = 0; i < left.size(); ++i) EXPECT_NEAR(left.at(i), 0, 1e-9);
}

TEST(Cnf, HutchinsonsEstimateIsUnbiased) {
  const Mlp net({.inputs = 3, .hidden = {16}, .outputs = 2, .seed = 4});
  const Cnf exact = small_flow(TraceEstimate::kExact, net), estimated = small_flow(TraceEstimate::kHutchinson, net);
  const Function difference =
      trace([&](Array x,
                Array noise) { return estimated.density(x, noise).log_density - exact.density(x, noise).log_density; },
            {{"x", {2}}, {"noise", {2}}});
  constexpr std::int64_t kCount = 4000;
  HostArray x(Shape{kCount, 2});
  for (std::int64_t i = 0; i < kCount; ++i) x.set(2 * i, 0.4), x.set(2 * i + 1, -0.9);
  const HostArray found = compile(difference).run({x, normal_rows(kCount, 2, 2)}).outputs[0];
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < kCount; ++i) sum += found.at(i), squares += found.at(i) * found.at(i);
  const double mean = sum / kCount, error = std::sqrt(squares / kCount / kCount);
  EXPECT_GT(error, 1e-6);
  EXPECT_LT(std::abs(mean), 4 * error);
}

TEST(Cnf, GradientOfTheLogDensityEqualsDifferences) {
  const Mlp net({.inputs = 3, .hidden = {8}, .outputs = 2, .seed = 5});
  const Parameter weight = net.parameters()[0];
  for (const TraceEstimate trace_estimate : {TraceEstimate::kExact, TraceEstimate::kHutchinson}) {
    const Cnf flow = small_flow(trace_estimate, net);
    const Function loss = trace(
        [&](Array x, Array noise) {
          const FlowDensity density = flow.density(x, noise);
          return density.log_density + 0.1 * density.kinetic + 0.1 * density.jacobian;
        },
        {{"x", {2}}, {"noise", {2}}});
    const HostArray x = normal_rows(1, 2, 3), noise = normal_rows(1, 2, 4);
    const HostArray found = compile(value_and_grad(loss, std::vector<Parameter>{weight})).run({x, noise}).outputs[1];
    const Program value = compile(loss);
    const HostArray start = weight.value();
    for (std::int64_t i = 0; i < 6; ++i) {
      const auto at = [&](double step) {
        HostArray moved = start;
        moved.set(i, moved.at(i) + step);
        weight.set_value(moved);
        return value.run({x, noise}).outputs[0].at(0);
      };
      EXPECT_NEAR(found.at(i), (at(1e-5) - at(-1e-5)) / 2e-5, 1e-7);
      weight.set_value(start);
    }
  }
}

TEST(PlanarFlow, LogDeterminantIsThatOfItsJacobian) {
  const PlanarFlow flow({.count = 5, .seed = 2});
  const Function f = trace(
      [&](Array z) {
        const auto [end, log_det] = flow(z);
        std::vector<Array> columns;
        for (std::int64_t i : {0, 1}) {
          const Array unit = constant(HostArray::vector({i == 0 ? 1.0 : 0.0, i == 1 ? 1.0 : 0.0}));
          columns.push_back(push_forward(std::span(&end, 1), std::span(&z, 1), std::span(&unit, 1))[0]);
        }
        const Array determinant = columns[0][0] * columns[1][1] - columns[0][1] * columns[1][0];
        return std::vector<Array>{log_det, log(determinant)};
      },
      {{"z", {2}}});
  const RunResult found = compile(f).run({normal_rows(10, 2, 6)});
  for (std::int64_t i = 0; i < 10; ++i) EXPECT_NEAR(found.outputs[0].at(i), found.outputs[1].at(i), 1e-12);
}

TEST(PlanarFlow, InverseUndoesIt) {
  const PlanarFlow flow({.count = 6, .seed = 2});
  // Layers that fold nearly, beside those of the start.
  flow.parameters()[1].set_value(HostArray(Shape{6, 2}, std::vector<double>{-3, 1, 2, -4, 0.1, 0, 5, 5, -2, -2, 1, 3}));
  const Function f = trace([&](Array z) { return flow.inverse(flow(z).first) - z; }, {{"z", {2}}});
  const HostArray left = compile(f).run({normal_rows(50, 2, 8)}).outputs[0];
  for (std::int64_t i = 0; i < left.size(); ++i) EXPECT_NEAR(left.at(i), 0, 1e-7);
}

TEST(PlanarField, IsTheSumOfItsUnits) {
  const PlanarField field({.count = 3, .seed = 7});
  const HostArray slope =
      compile(trace([&](Array t, Array z) { return field(t, z); }, {{"t", {}}, {"z", {2}}}))
          .run({HostArray(Shape{1}, std::vector<double>{0.4}), HostArray(Shape{1, 2}, std::vector<double>{0.3, -0.7})})
          .outputs[0];
  const Mlp hypernet({.inputs = 1, .hidden = {32, 32}, .outputs = 18, .seed = 7, .name = "hypernet"});
  const HostArray n = compile(trace([&](Array t) { return hypernet(t); }, {{"t", {1}}}))
                          .run({HostArray(Shape{1, 1}, std::vector<double>{0.4})})
                          .outputs[0];
  for (std::int64_t d : {0, 1}) {
    double sum = 0;
    for (std::int64_t k = 0; k < 3; ++k)
      sum += n.at(6 + 2 * k + d) / (1 + std::exp(-n.at(15 + k))) *
             std::tanh(n.at(2 * k) * 0.3 - n.at(2 * k + 1) * 0.7 + n.at(12 + k));
    EXPECT_NEAR(slope.at(d), sum, 1e-12);
  }
}

TEST(Flows, RefuseOptionsOutOfRange) {
  EXPECT_ERROR(PlanarFlow({.count = 0}), InvalidArgument, "must be at least 1");
  EXPECT_ERROR(Cnf([](Array, Array z) { return z; }, {.end = 0}), InvalidArgument, "the end positive");
}

}  // namespace
}  // namespace costate
