// Gradients through method "auto", whose steps are explicit and implicit in turn: against differences with the steps
// and their kinds held fixed, and for samples of both kinds side by side.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/implicit_step.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

/// Van der Pol with a drive, mu as an argument of each sample and the drive's size as a Parameter.
struct DrivenRelaxation {
  Parameter drive{"drive", HostArray::vector({0.7})};

  VectorField field() const {
    return vector_field({2}, {{"mu", {1}}}, [this](Array t, Array y, Array mu) {
      return stack({y[1], mu[0] * (1.0 - y[0] * y[0]) * y[1] - y[0] + Array(drive)[0] * sin(2.0 * t)});
    });
  }
  Function loss(std::int64_t num_times, const SolveOptions& options) const {
    const VectorField rhs = field();
    return trace(
        [&](Array z0, Array times, Array mu) {
          const Array states = solve(rhs, z0, times, options, std::span<const Array>(&mu, 1));
          return sum(states.slice(1, num_times) * constant(HostArray::vector({1, 0.5})));
        },
        {{"z0", {2}}, {"times", {num_times}}, {"mu", {1}}});
  }
};

const SolveOptions kAutoSteps{
    .method = Method::kAuto, .rtol = 1e-5, .atol = 1e-7, .gradient_steps = GradientSteps::kOff};

/// The loss of one sample over the steps that were taken, by the interpreter: x = (z0, mu, drive).
class FrozenKinds {
 public:
  FrozenKinds(const VectorField& field, const HostArray& z0, const HostArray& times, const HostArray& mu)
      : explicit_(internal::explicit_step(field, kAutoSteps, internal::StepUse::kForward)),
        implicit_(internal::step_function(field, kAutoSteps, internal::StepUse::kForward)),
        times_(times),
        steps_(accepted_steps(field, z0, times, kAutoSteps, std::span(&mu, 1))),
        switches_(solve(field, z0, times, kAutoSteps, std::span(&mu, 1)).switches[0]) {}

  std::size_t num_switches() const { return switches_.size(); }

  double loss(const Numbers& x) const {
    Numbers y = {x[0], x[1]};
    double sum = 0;
    std::int64_t output = 1;
    for (const AcceptedStep& taken : steps_) {
      const auto before = std::ranges::count_if(switches_, [&](double t) { return t <= taken.t; });
      const internal::StepFunction& step = before % 2 == 0 ? explicit_ : implicit_;
      std::vector<HostArray> inputs;
      for (const double node : step.nodes) inputs.push_back(scalar(taken.t + node * taken.size));
      inputs.push_back(scalar(taken.size));
      for (const Numbers& numbers : {y, Numbers{x[2]}, Numbers{x[3]}}) inputs.push_back(HostArray::vector(numbers));
      const std::vector<HostArray> outputs = interpret(step.function, inputs);
      for (; output < times_.size() && times_.at(output) <= taken.t + taken.size * (1 + 1e-12); ++output) {
        const double theta = (times_.at(output) - taken.t) / taken.size;
        for (std::int64_t k = 0; k < 2; ++k) {
          double state = y[static_cast<std::size_t>(k)];
          for (std::size_t j = 0; j < step.num_dense; ++j)
            for (std::size_t p = 0; p < step.dense_degree; ++p)
              state += step.dense_row(j)[p] * std::pow(theta, static_cast<double>(p + 1)) * outputs[1 + j].at(k);
          sum += state * (k == 0 ? 1 : 0.5);
        }
      }
      y = outputs[0].numbers();
    }
    return sum;
  }

 private:
  static HostArray scalar(double value) { return HostArray(Shape{}, Numbers{value}); }

  internal::StepFunction explicit_, implicit_;
  HostArray times_;
  std::vector<AcceptedStep> steps_;
  std::vector<double> switches_;
};

TEST(AutoAdjoint, EqualsDifferencesWithTheStepsHeldFixed) {
  const DrivenRelaxation driven;
  const HostArray times = HostArray::vector({0, 1.1, 21, 90});
  const Program program = compile(value_and_grad(driven.loss(4, kAutoSteps)));
  for (const double mu : {1.2, 60.0}) {
    const FrozenKinds frozen(driven.field(), row({2, 0.1}), times, row({mu}));
    EXPECT_EQ(frozen.num_switches() >= 2, mu > 2) << frozen.num_switches();
    const RunResult result = program.run({row({2, 0.1}), row({0, 1.1, 21, 90}), row({mu})});
    EXPECT_TRUE(result.report.failures.empty());
    const Numbers x = {2, 0.1, mu, 0.7};
    EXPECT_NEAR(result.outputs[0].at(0), frozen.loss(x), 1e-8);
    const Numbers truth = differences([&](const Numbers& moved) { return frozen.loss(moved); }, x, 1e-6);
    expect_near(
        Numbers{result.outputs[1].at(0), result.outputs[1].at(1), result.outputs[3].at(0), result.outputs[4].at(0)},
        truth, 1e-6, text::concat("mu = ", mu));
  }
}

TEST(AutoAdjoint, BitsDoNotDependOnMemoryThreadsOrBatch) {
  const DrivenRelaxation driven;
  const std::int64_t batch = 19;
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 3}), mu(Shape{batch, 1});
  for (std::int64_t i = 0; i < batch; ++i) {
    z0.set(2 * i, 2);
    mu.set(i, i % 2 == 0 ? 1.0 : 40.0 + static_cast<double>(i));
    times.set(3 * i + 1, 3);
    times.set(3 * i + 2, 9);
  }
  SolveOptions options{.method = Method::kAuto};
  set_num_threads(1);
  const Program program = compile(value_and_grad(driven.loss(3, options)));
  const RunResult one = program.run({z0, times, mu});
  EXPECT_TRUE(one.report.failures.empty());
  options.memory_budget = 4096;
  const RunResult replayed = compile(value_and_grad(driven.loss(3, options))).run({z0, times, mu});
  set_num_threads(3);
  const RunResult three = program.run({z0, times, mu});
  set_num_threads(0);
  for (std::size_t i = 0; i < one.outputs.size(); ++i) {
    EXPECT_TRUE(one.outputs[i].same_bits(replayed.outputs[i])) << i;
    EXPECT_TRUE(one.outputs[i].same_bits(three.outputs[i])) << i;
  }
  for (const std::int64_t sample : {0, 5}) {
    const RunResult alone = program.run({row({2, 0}), row({0, 3, 9}), row({mu.at(sample)})});
    for (const std::size_t output : {0U, 1U, 2U, 3U})
      for (std::int64_t k = 0; k < alone.outputs[output].size(); ++k)
        EXPECT_EQ(alone.outputs[output].at(k), one.outputs[output].at(sample * alone.outputs[output].size() + k))
            << output;
  }
}

}  // namespace
}  // namespace costate
