// Gradients of SDEs: against differences of the computed solution on the same path, whose steps are fixed.
#include <gtest/gtest.h>

#include <array>

#include "../support/check_function.h"
#include "../support/check_pullback.h"
#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/sde.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

enum class NoiseKind { kDiagonal, kAdditive, kGeneral };

/// z [2], an argument gain [1] of each sample, and a Parameter.
StochasticField noisy_field(NoiseKind kind, const Parameter& rates) {
  return stochastic_field({2}, {{"gain", {1}}}, [=](Array t, Array z, std::span<const Array> more) {
    const Array p(rates), gain = more[0];
    const Array f = stack({p[0] * sin(z[1]) + gain[0], -p[1] * z[0] + t * z[1]});
    if (kind == NoiseKind::kDiagonal) return std::pair{f, 0.4 * sin(p * z + gain[0])};
    const Array column = stack({0.3 * cos(t) + p[0], gain[0]});
    if (kind == NoiseKind::kAdditive) return std::pair{f, transpose(stack({column, 0.5 * column, column * column}))};
    return std::pair{f, transpose(stack({column * z, 0.3 * tanh(z[1]) * column, column}))};
  });
}

Function noisy_loss(NoiseKind kind, const SdeOptions& options, const Parameter& rates,
                    const std::vector<double>& path = {0, 3}) {
  const StochasticField field = noisy_field(kind, rates);
  return trace(
      [&](Array z0, Array gain) {
        const Array states = solve_sde(field, z0, constant(HostArray::vector({0, 0.3, 0.3, 1})), options,
                                       constant(HostArray::vector(path)), std::span<const Array>(&gain, 1));
        return sum(states * states *
                   constant(HostArray(Shape{4, 2}, std::vector<double>{1, 2, -1, 0.5, 0.3, 1, 2, -3})));
      },
      {{"z0", {2}}, {"gain", {1}}});
}

struct SdeCase {
  SdeMethod method;
  NoiseKind noise;
};

class SdeGradient : public ::testing::TestWithParam<SdeCase> {};

TEST_P(SdeGradient, AgreesWithDifferencesOfTheSamePath) {
  const Parameter rates("rates", HostArray::vector({0.7, 1.2}));
  const SdeOptions options{.method = GetParam().method, .seed = 5, .steps_per_interval = 9};
  const Function loss = noisy_loss(GetParam().noise, options, rates);
  const RunResult found = compile(value_and_grad(loss)).run({row({0.4, -0.8}), row({0.6})});
  Numbers gradient;
  for (std::size_t i = 1; i < found.outputs.size(); ++i)
    for (const double number : found.outputs[i].numbers()) gradient.push_back(number);
  const Numbers truth = differences(
      [&](const Numbers& x) {
        rates.set_value(HostArray::vector({x[3], x[4]}));
        return compile(loss).run({row({x[0], x[1]}), row({x[2]})}).outputs[0].at(0);
      },
      {0.4, -0.8, 0.6, 0.7, 1.2}, 1e-3);
  expect_near(gradient, truth, 1e-8, "gradient");
}

TEST_P(SdeGradient, ForwardReverseAndInterpreterAgree) {
  const Parameter rates("rates", HostArray::vector({0.7, 1.2}));
  const SdeOptions options{.method = GetParam().method, .steps_per_interval = 3};
  const Function loss = noisy_loss(GetParam().noise, options, rates);
  testing::check_two_orders(loss, 1e-7);
  const Function gradient = value_and_grad(loss);
  testing::check_execution(gradient, testing::draw_inputs(gradient, 19, -1, 1, 4), 1e-12);
  testing::check_pullback(loss, testing::draw_inputs(loss, 19, -1, 1, 4));
}

INSTANTIATE_TEST_SUITE_P(Sde, SdeGradient,
                         ::testing::Values(SdeCase{SdeMethod::kEulerMaruyama, NoiseKind::kGeneral},
                                           SdeCase{SdeMethod::kMilstein, NoiseKind::kDiagonal},
                                           SdeCase{SdeMethod::kSrk, NoiseKind::kDiagonal},
                                           SdeCase{SdeMethod::kSrk, NoiseKind::kAdditive},
                                           SdeCase{SdeMethod::kHeunStratonovich, NoiseKind::kGeneral}));

// For dz = a z dt + b z dW: z = z0 exp((a - b^2 / 2) t + b W), so dz/db = z (W - b t) up to the method's error.
TEST(SdeGradientOfGeometric, AgreesWithTheClosedForm) {
  const Parameter b("b", HostArray::vector({0.5}));
  const auto field = stochastic_field({1}, {}, [&](Array, Array z, auto) { return std::pair{0.3 * z, b * z}; });
  const Function loss = trace(
      [&](Array z0, Array path) {
        return solve_sde(field, z0, constant(HostArray::vector({0, 1})),
                         {.method = SdeMethod::kSrk, .steps_per_interval = 1024}, path)[1][0];
      },
      {{"z0", {1}}, {"path", {2}}});
  const HostArray paths = path_names(40, 2), w = brownian_path(HostArray::vector({0, 1}), 1, 0, paths);
  const std::size_t wrt[] = {0, 2};
  const RunResult found = compile(value_and_grad(loss, wrt)).run({column(Numbers(40, 1.0)), paths});
  double by_b = 0;
  for (std::int64_t i = 0; i < 40; ++i) {
    const double z = std::exp((0.3 - 0.125) + 0.5 * w(i, 1, 0));
    EXPECT_NEAR(found.outputs[0].at(i), z, 1e-4 * z);
    EXPECT_NEAR(found.outputs[1].at(i), z, 1e-4 * z);
    by_b += z * (w(i, 1, 0) - 0.5);
  }
  EXPECT_NEAR(found.outputs[2].at(0), by_b, 1e-3 * std::abs(by_b));
}

TEST(SdeGradientMemory, ABudgetMovesNoBit) {
  const Parameter rates("rates", HostArray::vector({0.7, 1.2}));
  std::vector<HostArray> first;
  for (const std::size_t budget : {std::size_t{256} << 20, std::size_t{4000}}) {
    const SdeOptions options{.method = SdeMethod::kSrk, .steps_per_interval = 200, .memory_budget = budget};
    const Function loss = noisy_loss(NoiseKind::kDiagonal, options, rates);
    const RunResult found = compile(value_and_grad(loss)).run({testing::draw_inputs(loss, 9, -1, 1, 4)});
    if (first.empty()) first = found.outputs;
    testing::expect_same_bits(found.outputs, first, "gradients of a small budget");
  }
}

TEST(SdeTrace, SaysWhatItDoesNotTake) {
  const Parameter rates("rates", HostArray::vector({0.7, 1.2}));
  const StochasticField field = noisy_field(NoiseKind::kDiagonal, rates);
  const auto traced = [&](const Shape& z0, const Shape& path, bool times_are_input) {
    return trace(
        [&](Array start, Array name, Array times) {
          const Array gain = ones({1});
          return solve_sde(field, start, times_are_input ? times : constant(HostArray::vector({0, 1})), {}, name,
                           std::span<const Array>(&gain, 1));
        },
        {{"z0", z0}, {"path", path}, {"times", {2}}});
  };
  EXPECT_ERROR(traced({2}, {2}, true), InvalidArgument, "times must be a constant");
  EXPECT_ERROR(traced({2}, {1}, false), ShapeError, "two numbers [2], stream and sample; got shape [1]");
  EXPECT_ERROR(traced({3}, {2}, false), ShapeError, "z0 must have the state's shape [2]; got [3]");
  // A name that is none: the sample fails, and the others do not.
  const Program program = compile(traced({2}, {2}, false));
  const RunResult found =
      program.run({HostArray(Shape{2, 2}), HostArray(Shape{2, 2}, Numbers{0, 1, 0, 1.5}), HostArray(Shape{2, 2})});
  ASSERT_EQ(found.report.failures.size(), 1u);
  EXPECT_EQ(found.report.failures[0].sample, 1);
  // Steps that are fixed have no tolerance to tighten.
  const Function loss = noisy_loss(NoiseKind::kDiagonal, {}, rates);
  EXPECT_ERROR(value_and_grad(loss, std::span<const std::size_t>(), {.gradient_error = true}), NotSupported,
               "an SDE's steps are fixed");
}

}  // namespace
}  // namespace costate
