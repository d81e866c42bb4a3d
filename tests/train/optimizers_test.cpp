#include "costate/train/optimizers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// f(x) with gradient, on one Parameter.
struct Problem {
  Parameter x;
  std::function<double(const std::vector<double>&, std::vector<double>&)> f;
  int evaluations = 0;

  Evaluation evaluate() {
    ++evaluations;
    const auto data = x.value().data<double>();
    std::vector<double> gradient(data.size());
    const double loss = f({data.begin(), data.end()}, gradient);
    return {.loss = loss, .gradients = {HostArray::vector(gradient)}, .report = {}};
  }
};

Problem rosenbrock() {
  return {Parameter("x", HostArray::vector({-1.2, 1.0})), [](const std::vector<double>& x, std::vector<double>& g) {
            const double a = 1 - x[0], b = x[1] - x[0] * x[0];
            g = {-2 * a - 400 * x[0] * b, 200 * b};
            return a * a + 100 * b * b;
          }};
}

Problem linear(double slope) {
  return {Parameter("x", HostArray::vector({1.0})), [slope](const std::vector<double>& x, std::vector<double>& g) {
            g = {slope};
            return slope * x[0];
          }};
}

std::vector<double> path(Problem problem, const OptimizerOptions& options, double rate, int steps) {
  Optimizer optimizer(options, {problem.x});
  std::vector<double> values;
  for (int i = 0; i < steps; ++i) {
    optimizer.step([&] { return problem.evaluate(); }, rate);
    values.push_back(problem.x.value().at(0));
  }
  return values;
}

TEST(Optimizers, AdamStepsByTheRateUnderAConstantGradient) {
  // With a constant gradient both corrected moments are exact: every step is rate · g / (|g| + epsilon).
  for (const double slope : {3.0, -0.01}) {
    const std::vector<double> x = path(linear(slope), {.epsilon = 1e-12}, 0.1, 5);
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_NEAR(x[i], 1 - 0.1 * static_cast<double>(i + 1) * std::copysign(1.0, slope), 1e-9);
  }
}

TEST(Optimizers, AdamAveragesByTheWeightsOfThePaper) {
  // Section 3 of Kingma and Ba: the corrected moments are averages of g_i and g_i^2 with weights beta^(t - i).
  const std::vector<double> gradients = {1.0, -2.0, 0.5, 3.0};
  const double beta1 = 0.8, beta2 = 0.95, epsilon = 0.01, rate = 0.1;
  std::size_t next = 0;
  Problem problem{Parameter("x", HostArray::vector({1.0})), [&](const std::vector<double>&, std::vector<double>& g) {
                    g = {gradients[next++]};
                    return 0.0;
                  }};
  const std::vector<double> x = path(problem, {.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon}, rate, 4);
  double expected = 1;
  for (std::size_t t = 0; t < 4; ++t) {
    double first = 0, second = 0, weights1 = 0, weights2 = 0;
    for (std::size_t i = 0; i <= t; ++i) {
      const double weight1 = std::pow(beta1, t - i), weight2 = std::pow(beta2, t - i);
      first += weight1 * gradients[i];
      second += weight2 * gradients[i] * gradients[i];
      weights1 += weight1;
      weights2 += weight2;
    }
    expected -= rate * (first / weights1) / (std::sqrt(second / weights2) + epsilon);
    EXPECT_NEAR(x[t], expected, 1e-14) << t;
  }
}

TEST(Optimizers, AllFindTheMinimumOfAParabola) {
  for (const OptimizerKind kind :
       {OptimizerKind::kAdam, OptimizerKind::kAdamW, OptimizerKind::kSgd, OptimizerKind::kLbfgs}) {
    Problem problem{Parameter("x", HostArray::vector({3.0, -4.0, 5.0})),
                    [](const std::vector<double>& x, std::vector<double>& g) {
                      g = {x[0] - 1, 4 * (x[1] - 2), 9 * (x[2] - 3)};
                      return (g[0] * g[0] + g[1] * g[1] / 4 + g[2] * g[2] / 9) / 2;
                    }};
    Optimizer optimizer({.kind = kind}, {problem.x});
    for (int i = 0; i < 600; ++i) optimizer.step([&] { return problem.evaluate(); }, i < 300 ? 0.1 : 0.001);
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_NEAR(problem.x.value().at(i), static_cast<double>(i + 1), 1e-4) << name(kind);
  }
}

TEST(Optimizers, ParametersAndGradientsInF32AreSteppedInF64) {
  const Parameter x("x", HostArray({2}, std::vector<float>{1, 2}));
  Optimizer optimizer({.kind = OptimizerKind::kSgd, .momentum = 0}, {x});
  const HostArray gradient({2}, std::vector<float>{1, -1});
  optimizer.step([&] { return Evaluation{.loss = 0, .gradients = {gradient}, .report = {}}; }, 0.1);
  EXPECT_TRUE(x.value().same_bits(HostArray::vector({1 - 0.1, 2 + 0.1})));
}

TEST(Optimizers, GradientsOfAnotherShapeAreNamed) {
  const Parameter x("x", HostArray::vector({1.0, 2.0}));
  Optimizer optimizer({}, {x});
  const auto step = [&](std::vector<HostArray> gradients) {
    optimizer.step([&] { return Evaluation{.loss = 0, .gradients = gradients, .report = {}}; }, 0.1);
  };
  EXPECT_ERROR(step({}), ShapeError, "one gradient for each of the 1 parameters; got 0");
  EXPECT_ERROR(step({HostArray::vector({1.0})}), ShapeError, "the gradient of 'x'");
}

TEST(Optimizers, AdamTakesWeightDecayIntoTheGradientAndAdamWBesideIt) {
  const std::vector<double> adam =
      path(linear(0.0), {.kind = OptimizerKind::kAdam, .epsilon = 1e-12, .weight_decay = 0.1}, 0.01, 1);
  EXPECT_NEAR(adam[0], 1 - 0.01, 1e-9);  // the decay's size is normalized away
  const std::vector<double> adamw = path(linear(0.0), {.kind = OptimizerKind::kAdamW, .weight_decay = 0.1}, 0.01, 2);
  EXPECT_NEAR(adamw[1], (1 - 0.001) * (1 - 0.001), 1e-15);
}

TEST(Optimizers, MomentumAddsUp) {
  const std::vector<double> x = path(linear(1.0), {.kind = OptimizerKind::kSgd, .momentum = 0.5}, 0.1, 3);
  EXPECT_NEAR(x[0], 1 - 0.1, 1e-15);
  EXPECT_NEAR(x[1], 1 - 0.1 - 0.15, 1e-15);
  EXPECT_NEAR(x[2], 1 - 0.1 - 0.15 - 0.175, 1e-15);
}

TEST(Optimizers, ClippingKeepsTheDirection) {
  Problem problem{Parameter("x", HostArray::vector({0.0, 0.0})),
                  [](const std::vector<double>&, std::vector<double>& g) {
                    g = {3.0, 4.0};
                    return 0.0;
                  }};
  Optimizer optimizer({.kind = OptimizerKind::kSgd, .momentum = 0, .clip_norm = 1}, {problem.x});
  const StepResult result = optimizer.step([&] { return problem.evaluate(); }, 1.0);
  EXPECT_NEAR(result.gradient_norm, 5, 1e-15);
  EXPECT_NEAR(problem.x.value().at(0), -0.6, 1e-15);
  EXPECT_NEAR(problem.x.value().at(1), -0.8, 1e-15);
}

TEST(Optimizers, LbfgsSolvesRosenbrock) {
  Problem problem = rosenbrock();
  Optimizer optimizer({.kind = OptimizerKind::kLbfgs}, {problem.x});
  int steps = 0;
  while (problem.evaluate().loss > 1e-18 && steps < 60) {
    optimizer.step([&] { return problem.evaluate(); }, 1.0);
    ++steps;
  }
  EXPECT_LT(steps, 60);
  EXPECT_NEAR(problem.x.value().at(0), 1, 1e-8);
  EXPECT_NEAR(problem.x.value().at(1), 1, 1e-8);
}

TEST(Optimizers, LbfgsBacksOffFromPointsThatAreNotFinite) {
  Problem problem{Parameter("x", HostArray::vector({0.5})), [](const std::vector<double>& x, std::vector<double>& g) {
                    g = {1 - 1 / x[0]};
                    return x[0] > 0 ? x[0] - std::log(x[0]) : std::numeric_limits<double>::quiet_NaN();
                  }};
  Optimizer optimizer({.kind = OptimizerKind::kLbfgs}, {problem.x});
  for (int i = 0; i < 20; ++i) optimizer.step([&] { return problem.evaluate(); }, 100.0);
  EXPECT_NEAR(problem.x.value().at(0), 1, 1e-6);
}

TEST(Optimizers, AStepThatIsNotFiniteChangesNothing) {
  for (const OptimizerKind kind :
       {OptimizerKind::kAdam, OptimizerKind::kAdamW, OptimizerKind::kSgd, OptimizerKind::kLbfgs}) {
    Problem problem = linear(std::numeric_limits<double>::quiet_NaN());
    Optimizer optimizer({.kind = kind}, {problem.x});
    const auto before = optimizer.state();
    EXPECT_TRUE(optimizer.step([&] { return problem.evaluate(); }, 0.1).was_skipped);
    EXPECT_EQ(problem.x.value().at(0), 1.0);
    for (const auto& [key, array] : optimizer.state()) EXPECT_TRUE(array.same_bits(before.at(key))) << key;
  }
}

TEST(Optimizers, ALossThatIsNotFiniteChangesNothingEvenIfItsGradientIs) {
  Problem problem{Parameter("x", HostArray::vector({1.0})), [](const std::vector<double>&, std::vector<double>& g) {
                    g = {1.0};
                    return std::numeric_limits<double>::infinity();
                  }};
  Optimizer optimizer({}, {problem.x});
  EXPECT_TRUE(optimizer.step([&] { return problem.evaluate(); }, 0.1).was_skipped);
  EXPECT_EQ(problem.x.value().at(0), 1.0);
}

TEST(Optimizers, StateResumesToTheSameBits) {
  for (const OptimizerKind kind :
       {OptimizerKind::kAdam, OptimizerKind::kAdamW, OptimizerKind::kSgd, OptimizerKind::kLbfgs}) {
    const OptimizerOptions options{.kind = kind, .weight_decay = kind == OptimizerKind::kLbfgs ? 0 : 0.01};
    const double rate = kind == OptimizerKind::kSgd ? 1e-4 : 0.05;
    Problem straight = rosenbrock(), broken = rosenbrock();
    Optimizer one(options, {straight.x});
    auto two = std::make_unique<Optimizer>(options, std::vector<Parameter>{broken.x});
    for (int i = 0; i < 12; ++i) {
      one.step([&] { return straight.evaluate(); }, rate);
      two->step([&] { return broken.evaluate(); }, rate);
      auto next = std::make_unique<Optimizer>(options, std::vector<Parameter>{broken.x});
      next->set_state(two->state());
      two = std::move(next);
    }
    EXPECT_TRUE(straight.x.value().same_bits(broken.x.value())) << name(kind);
  }
}

TEST(Optimizers, BadOptionsAndForeignStatesAreNamed) {
  const Parameter x("x", HostArray::vector({1.0}));
  EXPECT_ERROR(Optimizer({.beta1 = 1.0}, {x}), InvalidArgument, "below 1; got 1");
  EXPECT_ERROR(Optimizer({.kind = OptimizerKind::kLbfgs, .clip_norm = 1}, {x}), InvalidArgument,
               "neither weight_decay nor clip_norm");
  EXPECT_ERROR(Optimizer({}, {}), InvalidArgument, "at least one parameter");
  EXPECT_ERROR(optimizer_from_name("adma"), InvalidArgument, "did you mean 'adam'");
  Optimizer optimizer({}, {x});
  EXPECT_ERROR(optimizer.set_state({}), DataError, "lacks");
  const Parameter pair("pair", HostArray::vector({1.0, 2.0}));
  EXPECT_ERROR(optimizer.set_state(Optimizer({}, {pair}).state()), DataError, "other parameters");
}

}  // namespace
}  // namespace costate
