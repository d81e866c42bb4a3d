// Solves as operations of larger programs: what is shared, hoisted or waits around them.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

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
/// What a solve keeps for its own reverse serves no other that takes its result for numbers. s = z0 e^-t; of
/// z' = -s(1) z the end is z0 exp(-z0 / e).
TEST(SolveInAProgram, ResultsOfOneMayBeReadWholeByAnother) {
  const auto plain = [](const SolveOptions& options, double rate) {
    return [options, rate](const Array& z0) {
      return solve(vector_field({2}, [rate](Array, Array z) { return -rate * z; }), z0,
                   constant(HostArray::vector({0, 0.5, 1})), options);
    };
  };
  const auto second = [](const SolveOptions& options, const Array& z0, const Array& s, bool as_argument) {
    const Array times = constant(HostArray::vector({0, 1}));
    if (!as_argument)
      return sum(solve(vector_field({2}, [&](Array, Array z) { return -s[2] * z; }), z0, times, options)[1]);
    const VectorField field =
        vector_field({2}, {{"s", {3, 2}}}, [](Array, Array z, Array given) { return -given[2] * z; });
    return sum(solve(field, z0, times, options, std::span(&s, 1))[1]);
  };
  const HostArray z0(Shape{3, 2}, Numbers{0.8, 0.3, -0.5, 1.2, 0.1, 2});
  const SolveOptions tight{.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-13};
  const SolveOptions fixed{.method = Method::kRk4, .steps_per_interval = 100};
  for (const SolveOptions& first : {tight, fixed})
    for (const Adjoint adjoint : test::kAdjoints)
      for (const bool as_argument : {false, true}) {
        SolveOptions options = tight;
        options.adjoint = adjoint;
        const Function loss =
            trace([&](Array z) { return second(options, z, plain(first, 1)(z), as_argument); }, {{"z", {2}}});
        const RunResult run = compile(value_and_grad(loss)).run({z0});
        for (std::int64_t i = 0; i < z0.size(); ++i) {
          const double x = z0.at(i) / std::numbers::e;
          EXPECT_NEAR(run.outputs[1].at(i), std::exp(-x) * (1 - x), 1e-8) << name(adjoint) << as_argument;
        }
      }
  for (const Adjoint adjoint : test::kAdjoints) {
    SolveOptions options = tight;
    options.adjoint = adjoint;
    const Function product =
        trace([&](Array z) { return sum(plain(options, 1)(z)[2] * plain(fixed, 2)(z)[2]); }, {{"z", {2}}});
    const Function whole = trace([&](Array z) { return sum(plain(options, 1)(z) * plain(fixed, 2)(z)); }, {{"z", {2}}});
    const HostArray at_end = compile(value_and_grad(product)).run({z0}).outputs[1];
    const HostArray of_all = compile(value_and_grad(whole)).run({z0}).outputs[1];
    for (std::int64_t i = 0; i < z0.size(); ++i) {
      EXPECT_NEAR(at_end.at(i), 2 * z0.at(i) * std::exp(-3), 1e-8) << name(adjoint);
      EXPECT_NEAR(of_all.at(i), 2 * z0.at(i) * (1 + std::exp(-1.5) + std::exp(-3)), 1e-8) << name(adjoint);
    }
  }
}

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
