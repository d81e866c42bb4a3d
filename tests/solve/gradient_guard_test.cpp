// The gradient guard of the lanes against its plain form in reference_solve, and what it must leave alone.
#include "costate/solve/control/gradient_guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/array/normal_numbers.h"
#include "costate/base/random.h"
#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

namespace guard = internal::guard;

/// x' = -30 (x - cos t) + a sin(3 t), v' = -v / 2 + x: it reads t, has an argument, and two parts.
VectorField relaxing() {
  const auto slopes = [](const Array& t, const Array& z, const Array& a) {
    return stack({-30.0 * (z[0] - cos(t)) + a[0] * sin(3.0 * t), -0.5 * z[1] + z[0]});
  };
  return vector_field({2}, {{"a", {1}}}, slopes);
}

internal::ReferenceSolution reference(double x, double v, double a, double end, const SolveOptions& options) {
  const auto rhs = [a](double t, std::span<const double> y, std::span<double> dy) {
    dy[0] = -30 * (y[0] - std::cos(t)) + a * std::sin(3 * t);
    dy[1] = -0.5 * y[1] + y[0];
  };
  internal::ReferenceDerivatives derivatives;
  derivatives.vjp = [](double, std::span<const double>, std::span<const double> u, std::span<double> out) {
    out[0] = -30 * u[0] + u[1];
    out[1] = -0.5 * u[1];
  };
  derivatives.jvp = [](double, std::span<const double>, std::span<const double> w, std::span<double> out) {
    out[0] = -30 * w[0];
    out[1] = -0.5 * w[1] + w[0];
  };
  derivatives.jvp_of_inputs = [](double t, std::span<const double>, std::span<const double> w, std::span<double> out) {
    out[0] = -30 * w[0] + std::sin(3 * t) * guard::pattern(1, 0);
    out[1] = -0.5 * w[1] + w[0];
  };
  const double y0[] = {x, v}, times[] = {0, end};
  return internal::reference_solve(
      rhs, y0, times,
      {.method = options.method, .rtol = options.rtol, .atol = options.atol, .step_control = options.step_control},
      {.derivatives = &derivatives});
}

struct Batch {
  HostArray z0, times, a;
  std::int64_t size;
};

/// Samples with and without a force, from rest and not, over spans of their own.
Batch batch_of(std::int64_t size) {
  Batch batch{HostArray(Shape{size, 2}), HostArray(Shape{size, 2}), HostArray(Shape{size, 1}), size};
  for (std::int64_t b = 0; b < size; ++b) {
    batch.z0.set(2 * b, b % 3 == 0 ? 1.0 : 0.1 * static_cast<double>(b));
    batch.z0.set(2 * b + 1, b % 2 == 0 ? 2.0 : -1.0);
    batch.times.set(2 * b + 1, 2 + 0.3 * static_cast<double>(b % 7));
    batch.a.set(b, b % 4 == 0 ? 0.0 : 0.2 * static_cast<double>(b));
  }
  return batch;
}

class GuardedMethod : public ::testing::TestWithParam<Method> {};

void expect_steps_of_reference(const SolveOptions& options) {
  const Batch batch = batch_of(11);
  const Solution solution = solve(relaxing(), batch.z0, batch.times, options, std::span(&batch.a, 1));
  std::int64_t guarded = 0;
  for (std::int64_t b = 0; b < batch.size; ++b) {
    const auto sample = static_cast<std::size_t>(b);
    const internal::ReferenceSolution expected =
        reference(batch.z0.at(2 * b), batch.z0.at(2 * b + 1), batch.a.at(b), batch.times.at(2 * b + 1), options);
    EXPECT_EQ(solution.accepted[sample], expected.accepted) << "sample " << b;
    EXPECT_EQ(solution.rejected[sample], expected.rejected) << "sample " << b;
    for (std::int64_t k = 0; k < 2; ++k)
      EXPECT_NEAR(solution.states.at(4 * b + 2 + k), expected.states[1][static_cast<std::size_t>(k)],
                  1e-2 * options.rtol);
    guarded += expected.accepted;
  }
  SolveOptions off = options;
  off.gradient_steps = GradientSteps::kOff;
  const Solution plain = solve(relaxing(), batch.z0, batch.times, off, std::span(&batch.a, 1));
  std::int64_t unguarded = 0;
  for (const std::int64_t accepted : plain.accepted) unguarded += accepted;
  EXPECT_GT(guarded, unguarded);  // it does bite here
}

TEST_P(GuardedMethod, TakesTheStepsOfTheReference) {
  expect_steps_of_reference({.method = GetParam(), .gradient_steps = GradientSteps::kOn});
}

TEST_P(GuardedMethod, TakesTheStepsOfTheReferenceAfterAFirstOneOfHairers) {
  expect_steps_of_reference(
      {.method = GetParam(), .step_control = StepControl::torchdiffeq(), .gradient_steps = GradientSteps::kOn});
}

TEST_P(GuardedMethod, SampleBitsDoNotDependOnBatchThreadsOrLanes) {
  const SolveOptions options{.method = GetParam(), .gradient_steps = GradientSteps::kOn};
  const Batch batch = batch_of(37);
  set_num_threads(1);
  const Solution together = solve(relaxing(), batch.z0, batch.times, options, std::span(&batch.a, 1));
  set_num_threads(3);
  const Solution threaded = solve(relaxing(), batch.z0, batch.times, options, std::span(&batch.a, 1));
  set_num_threads(0);
  EXPECT_TRUE(threaded.states.same_bits(together.states));
  for (const std::int64_t b : {0, 5, 36}) {
    const HostArray z0(Shape{1, 2}, std::vector<double>{batch.z0.at(2 * b), batch.z0.at(2 * b + 1)});
    const HostArray times(Shape{1, 2}, std::vector<double>{0, batch.times.at(2 * b + 1)});
    const HostArray a(Shape{1, 1}, std::vector<double>{batch.a.at(b)});
    const Solution alone = solve(relaxing(), z0, times, options, std::span(&a, 1));
    for (std::int64_t k = 0; k < 4; ++k) EXPECT_EQ(alone.states.at(k), together.states.at(4 * b + k));
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, GuardedMethod,
                         ::testing::Values(Method::kDopri5, Method::kTsit5, Method::kBosh3, Method::kDopri8),
                         [](const auto& row) { return std::string(name(row.param)); });

TEST(GradientGuard, ASolveAloneTakesItsGradientsStepsIfAskedTo) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -(z - 2.0); });
  const HostArray z0(Shape{1, 1}, std::vector<double>{2.001}), times = HostArray::vector({0, 10});
  const auto value_in_a_gradient = [&](GradientSteps steps) {
    const Function loss =
        trace([&](Array start) { return sum(solve(field, start, constant(times), {.gradient_steps = steps})[1]); },
              {{"z0", {1}}});
    return compile(value_and_grad(loss)).run({z0}).outputs[0].at(0);
  };
  const double on = solve(field, z0, times, {.gradient_steps = GradientSteps::kOn}).states.at(1);
  EXPECT_EQ(value_in_a_gradient(GradientSteps::kAuto), on);
  EXPECT_EQ(value_in_a_gradient(GradientSteps::kOn), on);
  EXPECT_EQ(value_in_a_gradient(GradientSteps::kOff), solve(field, z0, times).states.at(1));
  EXPECT_NE(on, solve(field, z0, times).states.at(1));
}

TEST(GradientGuard, LeavesTheBitsOfAResolvedSolveAlone) {
  const VectorField field = vector_field({2}, [](Array t, Array z) {
    return stack({z[1], -z[0] - 0.2 * z[1] + cos(2.0 * t)});
  });
  const HostArray z0(Shape{1, 2}, std::vector<double>{1.5, 0.3}), times = HostArray::vector({0, 4, 10});
  for (const double rtol : {1e-4, 1e-7, 1e-10}) {
    const SolveOptions off{.rtol = rtol, .atol = 1e-2 * rtol};
    SolveOptions on = off;
    on.gradient_steps = GradientSteps::kOn;
    EXPECT_TRUE(solve(field, z0, times, on).states.same_bits(solve(field, z0, times, off).states)) << rtol;
  }
}

TEST(GradientGuard, KinksAndInfiniteDerivativesCostFewSteps) {
  // The derivative jumps where z crosses a kink, and is infinite where the root's argument is 0.
  const VectorField kinks = vector_field({2}, [](Array, Array z) {
    return stack({-8.0 * relu(z[0] - 0.5) - 0.1, 5.0 * abs(z[0] - 0.3) - 4.0 * z[1]});
  });
  const VectorField root = vector_field({1}, [](Array, Array z) { return -sqrt(relu(z)); });
  const auto attempts = [](const VectorField& field, const HostArray& z0, GradientSteps steps) {
    const Solution solution = solve(field, z0, HostArray::vector({0, 6}), {.gradient_steps = steps});
    solution.check();
    return static_cast<double>(solution.accepted[0] + solution.rejected[0]);
  };
  const HostArray two(Shape{1, 2}, std::vector<double>{1, 0}), zero(Shape{1, 1}, std::vector<double>{0});
  EXPECT_LE(attempts(kinks, two, GradientSteps::kOn), 3 * attempts(kinks, two, GradientSteps::kOff));
  EXPECT_LE(attempts(root, zero, GradientSteps::kOn), 4 * attempts(root, zero, GradientSteps::kOff));
  // It reaches 0 at t = 2, where the derivative goes to infinity.
  const HostArray one(Shape{1, 1}, std::vector<double>{1});
  EXPECT_LE(attempts(root, one, GradientSteps::kOn), 20 * attempts(root, one, GradientSteps::kOff));
}

/// A planar flow with its log density, whose first steps have errors near the rounding of f32. It bends all the while.
TEST(GradientGuard, AMovingFieldIsNotTakenForRestInF32) {
  const Random random(3);
  const Parameter in("in", normal_numbers({32, 3}, random, 0)), out("out", normal_numbers({2, 32}, random, 1));
  const VectorField flow = vector_field({3}, [&](Array t, Array state) {
    const Array z = state.slice(0, 2);
    const Array slope = 0.2 * matmul(out, tanh(0.07 * matmul(in, concat({z, reshape(t, {1})}))));
    Array trace = constant(0.0);
    for (std::int64_t i = 0; i < 2; ++i) {
      const Array unit = constant(HostArray::vector({i == 0 ? 1.0 : 0.0, i == 1 ? 1.0 : 0.0}));
      trace = trace + push_forward(std::span(&slope, 1), std::span(&z, 1), std::span(&unit, 1))[0][i];
    }
    return concat({slope, reshape(-trace, {1})});
  });
  const HostArray z0 = normal_numbers({256, 2}, random, 2);
  for (const double rtol : {1e-3, 1e-4, 1e-5}) {
    const Function loss = trace(
        [&](Array start) {
          const HostArray times = HostArray::vector({0, 1});
          return sum(solve(flow, concat({start, zeros({1})}), constant(times), {.rtol = rtol, .atol = rtol})[1]);
        },
        {{"z0", {2}}});
    const auto evaluations = [&](Dtype dtype) {
      return static_cast<double>(compile(value_and_grad(loss), {.dtype = dtype}).run({z0}).report.nfe_forward);
    };
    EXPECT_LE(evaluations(Dtype::kF32), 1.2 * evaluations(Dtype::kF64)) << rtol;
  }
}

/// 40 units of relu: a step passes many kinks, and no step is short enough for a tangent to follow them all.
TEST(GradientGuard, ANetOfReluTakesTheStepsOfItsState) {
  const Random random(3);
  const HostArray in = normal_numbers({40, 8}, random, 0), out = normal_numbers({8, 40}, random, 1);
  const VectorField net =
      vector_field({8}, [&](Array, Array z) { return 0.3 * matmul(constant(out), relu(matmul(constant(in), z))) - z; });
  HostArray z0 = normal_numbers({16, 8}, random, 2);
  for (double& number : z0.data<double>()) number *= 0.02;  // whose errors are small beside atol
  const HostArray times = HostArray::vector({0, 1});
  const auto attempts = [&](GradientSteps steps) {
    const Solution solution = solve(net, z0, times, {.rtol = 1e-3, .atol = 1e-3, .gradient_steps = steps});
    std::int64_t sum = 0;
    for (std::size_t b = 0; b < 16; ++b) sum += solution.accepted[b] + solution.rejected[b];
    return sum;
  };
  EXPECT_LE(attempts(GradientSteps::kOn), attempts(GradientSteps::kOff) * 11 / 10);
}

TEST(GradientGuard, AFieldWithKinksAtRestHasTheDerivativeOfTheSolution) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return 2.0 - z + relu(z - 3.0); });
  const Function loss = trace(
      [&](Array start) {
        return sum(solve(field, start, constant(HostArray::vector({0, 10})))[1]);
      },
      {{"z0", {1}}});
  const Function gradient = value_and_grad(loss);
  const HostArray z0(Shape{1, 1}, std::vector<double>{2});
  const double found = compile(gradient).run({z0}).outputs[1].at(0);
  EXPECT_NEAR(found, std::exp(-10), 1e-4 * std::exp(-10));
  EXPECT_NEAR(interpret(gradient, {z0.reshape({1})})[1].at(0), found, 1e-12 * found);
}

TEST(GradientGuard, ThresholdsAreWhereTheErrorEstimateIsTenTolerances) {
  // dopri5's estimate for v' = z v begins with 97/120000 z^5.
  for (const double rtol : {1e-4, 1e-6, 1e-9}) {
    const double z = guard::Limits(tableau(Method::kDopri5), rtol, 1e-8, 0x1p-52).threshold(0);
    EXPECT_NEAR(97.0 / 120000 * std::pow(z, 5), 10 * rtol * std::exp(-z), 1e-8 * rtol);
  }
  EXPECT_LE(guard::Limits(tableau(Method::kDopri8), 1, 1, 0x1p-52).threshold(1), 2);
}

/// Longer steps may be off by more, and none by much more than one that is hardly shorter; never beyond the estimate
/// that is allowed, but for shares at which it begins to be more than ten.
TEST(GradientGuard, ThresholdsGrowWithAStepsShareWithoutJumps) {
  const guard::Limits limits(tableau(Method::kDopri5), 1e-6, 1e-8, 0x1p-52);
  double before = limits.threshold(0);
  for (double share = 0.001; share <= 1; share += 0.001) {
    const double z = limits.threshold(share);
    EXPECT_GE(z, before) << share;
    EXPECT_LE(z, 1.03 * before) << share;
    EXPECT_LE(97.0 / 120000 * std::pow(z, 5), 1.25 * limits.tried(share) * 1e-6 * std::exp(-z)) << share;
    before = z;
  }
}

TEST(GradientGuard, PatternsHaveBothSignsAndDifferentSizes) {
  int negative = 0;
  for (std::size_t i = 0; i < 100; ++i) {
    const double number = guard::pattern(0, i);
    EXPECT_GE(std::abs(number), 0.5);
    EXPECT_LE(std::abs(number), 1.5);
    negative += number < 0 ? 1 : 0;
  }
  EXPECT_GT(negative, 25);
  EXPECT_LT(negative, 75);
  EXPECT_NE(guard::pattern(0, 3), guard::pattern(1, 3));
}

}  // namespace
}  // namespace costate
