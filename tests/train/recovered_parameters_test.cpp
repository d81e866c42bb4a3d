// A true parameter is found: Lotka-Volterra's four rates from its trajectory, as a user of the library would write it.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/random.h"
#include "costate/data/data.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "costate/train/train.h"

namespace costate {
namespace {

const std::vector<double> kTrueRates = {1.5, 1.0, 3.0, 1.0};

/// The rates that fit a trajectory of [0, 10] from (1, 1), with noise of the given share of each value, found from a
/// wrong guess.
std::vector<double> fitted_rates(double noise, Adjoint adjoint) {
  const std::int64_t samples = 101;
  const TimeSeries series =
      simulate("lotka-volterra", {.until = 10.0,
                                  .samples = samples,
                                  .start = {1, 1},
                                  .parameters = {{"a", 1.5}, {"b", 1.0}, {"c", 3.0}, {"d", 1.0}}});
  HostArray seen = series.trajectories[0].states;
  const Random random(7);
  for (std::int64_t i = 0; i < seen.size(); ++i)
    seen.set(i, seen.at(i) * (1 + noise * random.normal(0, static_cast<std::uint64_t>(i))));

  const Parameter rates("rates", HostArray::vector({1.3, 0.9, 2.7, 1.1}));
  const VectorField field = vector_field({2}, [&](Array, Array z) {
    const Array r(rates);
    return stack({r[0] * z[0] - r[1] * z[0] * z[1], r[3] * z[0] * z[1] - r[2] * z[1]});
  });
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-10, .atol = 1e-10, .adjoint = adjoint};
  const Function loss = trace(
      [&](Array z0) {
        const Array states = solve(field, z0, constant(HostArray::vector(series.trajectories[0].times)), options);
        return mean(square(states - constant(seen)));
      },
      {{"z0", {2}}});
  const Program program = compile(value_and_grad(loss, std::vector<Parameter>{rates}));
  const HostArray start(Shape{1, 2}, std::vector<double>{1, 1});
  const Objective objective{.parameters = {rates}, .num_samples = 1, .evaluate = [&](const Batch&) {
                              const RunResult result = program.run({start});
                              return Evaluation{result.outputs[0].at(0), {result.outputs[1]}, result.report};
                            }};
  train(objective, {.epochs = 60, .optimizer = {.kind = OptimizerKind::kLbfgs}, .schedule = {.base = 0.1}});
  const auto values = rates.value().data<double>();
  return {values.begin(), values.end()};
}

TEST(LotkaVolterraRates, AreFoundFromNoiselessData) {
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kBacksolve}) {
    const std::vector<double> rates = fitted_rates(0, adjoint);
    for (std::size_t i = 0; i < 4; ++i)
      EXPECT_NEAR(rates[i] / kTrueRates[i], 1, 1e-6) << name(adjoint) << " rate " << i;
  }
}

TEST(LotkaVolterraRates, AreFoundFromDataWithOnePercentNoise) {
  const std::vector<double> rates = fitted_rates(0.01, Adjoint::kDiscrete);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(rates[i] / kTrueRates[i], 1, 0.02) << "rate " << i;
}

}  // namespace
}  // namespace costate
