// Gradients through implicit methods against truths that do not use adjoints: differences of the computed solution,
// with fixed steps and with adaptive ones held fixed, CVODES sensitivities, matrix exponentials.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/step_function.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/numbers.h"
#include "tests/adjoint/rest_cases.h"
#include "tests/support/cvode.h"

namespace costate {
namespace {

/// A nonlinear field that reads t, with an argument of each sample and a Parameter.
struct Forced {
  Parameter rates{"rates", HostArray::vector({0.7, 1.3})};

  VectorField field() const {
    return vector_field({2}, {{"gain", {1}}}, [this](Array t, Array z, Array gain) {
      const Array p(rates);
      return stack({z[1] * z[0] * -0.4 - p[0] * z[1] + gain[0] * sin(2.0 * t),
                    z[0] - p[1] * tanh(z[1]) + t * p[0] * 0.3 * gain[0]});
    });
  }
};

/// Tells every number of the states apart.
double weight(std::size_t index) { return std::cos(1.0 + 1.7 * static_cast<double>(index)); }

Function weighted_loss(const Forced& forced, std::int64_t num_times, const SolveOptions& options) {
  const VectorField field = forced.field();
  return trace(
      [&](Array z0, Array times, Array gain) {
        const Array states = solve(field, z0, times, options, std::span<const Array>(&gain, 1));
        Numbers weights;
        for (std::size_t i = 0; i < 2 * static_cast<std::size_t>(num_times); ++i) weights.push_back(weight(i));
        return sum(states * constant(HostArray(Shape{num_times, 2}, weights)));
      },
      {{"z0", {2}}, {"times", {num_times}}, {"gain", {1}}});
}

/// z0 [2], times, gain [1] and rates [2] as one list.
struct Point {
  Numbers z0 = {0.8, -0.3}, times = {}, gain = {0.9}, rates = {0.7, 1.3};

  Numbers numbers() const {
    Numbers x = z0;
    for (const Numbers* more : {&times, &gain, &rates}) x.insert(x.end(), more->begin(), more->end());
    return x;
  }
  static Point of(const Numbers& x) {
    const std::size_t count = x.size() - 5;
    return {part(x, 0, 2), part(x, 2, count), part(x, 2 + count, 1), part(x, 3 + count, 2)};
  }
};

/// Loss, then gradients by all numbers of the point.
Numbers gradients_at(const Function& loss, const Point& point) {
  const RunResult result = compile(value_and_grad(loss)).run({row(point.z0), row(point.times), row(point.gain)});
  EXPECT_TRUE(result.report.failures.empty());
  Numbers all;
  for (const HostArray& output : result.outputs)
    for (std::int64_t i = 0; i < output.size(); ++i) all.push_back(output.at(i));
  return all;
}

class ImplicitAdjoint : public ::testing::TestWithParam<Method> {
 protected:
  static std::string method() { return std::string(name(GetParam())); }
};

TEST_P(ImplicitAdjoint, FixedStepsEqualDifferencesOfTheSolution) {
  for (const Numbers& times : {Numbers{0.1, 0.5, 1.4}, Numbers{1, 0.7, -0.2}}) {
    const Forced forced;
    const Function loss = weighted_loss(forced, 3, {.method = GetParam(), .steps_per_interval = 6});
    const Program program = compile(loss);
    const auto value = [&](const Numbers& x) {
      const Point point = Point::of(x);
      forced.rates.set_value(HostArray::vector(point.rates));
      return program.run({row(point.z0), row(point.times), row(point.gain)}).outputs[0].at(0);
    };
    const Point point{.times = times};
    const Numbers truth = differences(value, point.numbers(), 1e-3);
    value(point.numbers());  // the rates as they were
    expect_near(part(gradients_at(loss, point), 1, truth.size()), truth, 1e-8, method());
  }
}

/// Steps held fixed in size, the last one reaching to the end, and each output held in its step: by the interpreter.
class FrozenSteps {
 public:
  FrozenSteps(const VectorField& field, const SolveOptions& options, const std::vector<AcceptedStep>& steps,
              const Numbers& times)
      : step_(internal::step_function(field, options, internal::StepUse::kForward)),
        steps_(steps),
        within_(steps.size()) {
    std::size_t output = 1;
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (; output + 1 < times.size() && (times[output] - steps[i].t - steps[i].size) * steps[i].size < 0; ++output)
        ++within_[i];
  }

  double loss(const Numbers& x) const {
    const Point point = Point::of(x);
    Numbers y = point.z0;
    double t = point.times[0], sum = 0;
    std::size_t output = 0;
    const auto add = [&](const Numbers& state) {
      for (std::size_t k = 0; k < 2; ++k) sum += state[k] * weight(2 * output + k);
      ++output;
    };
    add(y);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const double h = i + 1 == steps_.size() ? point.times.back() - t : steps_[i].size;
      std::vector<HostArray> inputs;
      for (const double node : step_.nodes) inputs.push_back(scalar(t + node * h));
      inputs.push_back(scalar(h));
      for (const Numbers& numbers : {y, point.gain, point.rates}) inputs.push_back(HostArray::vector(numbers));
      const std::vector<HostArray> outputs = interpret(step_.function, inputs);
      for (std::size_t k = 0; k < within_[i]; ++k) add(state_at((point.times[output] - t) / h, y, outputs));
      y = outputs[0].numbers();
      t += h;
    }
    add(y);
    return sum;
  }

 private:
  static HostArray scalar(double value) { return HostArray(Shape{}, Numbers{value}); }

  Numbers state_at(double theta, const Numbers& y, const std::vector<HostArray>& outputs) const {
    Numbers state = y;
    for (std::size_t j = 0; j < step_.num_dense; ++j)
      for (std::size_t p = 0; p < step_.dense_degree; ++p)
        for (std::size_t k = 0; k < state.size(); ++k)
          state[k] += step_.dense[j * step_.dense_degree + p] * std::pow(theta, static_cast<double>(p + 1)) *
                      outputs[1 + j].at(static_cast<std::int64_t>(k));
    return state;
  }

  internal::StepFunction step_;
  std::vector<AcceptedStep> steps_;
  std::vector<std::size_t> within_;
};

TEST_P(ImplicitAdjoint, AdaptiveStepsEqualDifferencesWithTheStepsHeldFixed) {
  if (!tableau(GetParam()).has_error_estimate()) GTEST_SKIP() << "no error estimate, no adaptive steps";
  for (const Numbers& times : {Numbers{0.1, 0.35, 0.4, 1.3, 2.2}, Numbers{1.5, 1.2, 0.4, 0.3, -0.4}}) {
    const Forced forced;
    // Whatever the steps are: those that the state alone asks for.
    const SolveOptions options{.method = GetParam(), .rtol = 1e-6, .atol = 1e-8, .gradient_steps = GradientSteps::kOff};
    const Point point{.times = times};
    const HostArray gain = row(point.gain);
    const FrozenSteps frozen(
        forced.field(), options,
        accepted_steps(forced.field(), row(point.z0), HostArray::vector(times), options, std::span(&gain, 1)), times);
    const Numbers x = point.numbers(), found = gradients_at(weighted_loss(forced, 5, options), point);
    EXPECT_NEAR(found[0], frozen.loss(x), 1e-9);
    const Numbers truth = differences([&](const Numbers& moved) { return frozen.loss(moved); }, x, 1e-3);
    expect_near(part(found, 1, truth.size()), truth, 1e-8, method());
  }
}

TEST_P(ImplicitAdjoint, BitsDoNotDependOnMemoryThreadsOrBatch) {
  const Forced forced;
  const std::int64_t batch = 37;
  HostArray z0(Shape{batch, 2}), gains(Shape{batch, 1});
  for (std::int64_t i = 0; i < z0.size(); ++i) z0.set(i, std::sin(static_cast<double>(i)));
  for (std::int64_t i = 0; i < batch; ++i) gains.set(i, 0.5 + 0.02 * static_cast<double>(i));
  const HostArray times(Shape{batch, 3}, [&] {
    Numbers all;
    for (std::int64_t i = 0; i < batch; ++i) all.insert(all.end(), {0, 0.4, 1.5});
    return all;
  }());
  const bool is_adaptive = tableau(GetParam()).has_error_estimate();
  SolveOptions options{.method = GetParam(), .steps_per_interval = is_adaptive ? 0 : 9};
  set_num_threads(1);
  const Program program = compile(value_and_grad(weighted_loss(forced, 3, options)));
  const RunResult one = program.run({z0, times, gains});
  options.memory_budget = 4096;
  const RunResult replayed = compile(value_and_grad(weighted_loss(forced, 3, options))).run({z0, times, gains});
  set_num_threads(3);
  const RunResult three = program.run({z0, times, gains});
  set_num_threads(0);
  for (std::size_t i = 0; i < one.outputs.size(); ++i) {
    EXPECT_TRUE(one.outputs[i].same_bits(replayed.outputs[i])) << i;
    EXPECT_TRUE(one.outputs[i].same_bits(three.outputs[i])) << i;
  }
  const HostArray first_z0 = row({z0.at(0), z0.at(1)}), first_times = row({0, 0.4, 1.5}),
                  first_gain = row({gains.at(0)});
  const RunResult alone = program.run({first_z0, first_times, first_gain});
  for (const std::size_t output : {0U, 1U, 2U, 3U})
    for (std::int64_t k = 0; k < alone.outputs[output].size(); ++k)
      EXPECT_EQ(alone.outputs[output].at(k), one.outputs[output].at(k)) << output;
}

TEST_P(ImplicitAdjoint, InF32AgreesWithF64) {
  const Forced forced;
  const bool is_adaptive = tableau(GetParam()).has_error_estimate();
  const SolveOptions options{
      .method = GetParam(), .rtol = 1e-4, .atol = 1e-5, .steps_per_interval = is_adaptive ? 0 : 9};
  const Function f = value_and_grad(weighted_loss(forced, 3, options));
  const std::vector<HostArray> inputs = {row({0.8, -0.3}), row({0.1, 0.5, 1.4}), row({0.9})};
  const RunResult wide = compile(f).run(inputs), narrow = compile(f, {.dtype = Dtype::kF32}).run(inputs);
  EXPECT_TRUE(narrow.report.failures.empty());
  for (std::size_t i = 0; i < wide.outputs.size(); ++i)
    for (std::int64_t k = 0; k < wide.outputs[i].size(); ++k)
      EXPECT_NEAR(narrow.outputs[i].at(k), wide.outputs[i].at(k), 2e-3 * (1 + std::abs(wide.outputs[i].at(k)))) << i;
}

INSTANTIATE_TEST_SUITE_P(Methods, ImplicitAdjoint,
                         ::testing::ValuesIn(implicit_methods().begin(), implicit_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

/// Robertson's reactions with their rates as an argument; with `conserved` the third equation says that their sum is 1.
VectorField reactions(bool conserved) {
  return vector_field({3}, {{"rates", {3}}}, [=](Array, Array y, Array k) {
    const Array a = k[0] * y[0], b = k[1] * y[1] * y[2], c = k[2] * y[1] * y[1];
    return stack({b - a, a - b - c, conserved ? y[0] + y[1] + y[2] - 1.0 : c});
  });
}

/// y(40) of the reactions as a function of the logarithms of the rates, relative to the given ones.
Function concentrations(const VectorField& field, const SolveOptions& options) {
  return trace(
      [&](Array moved) {
        const Array rates = constant(HostArray::vector({0.04, 1e4, 3e7})) * exp(moved);
        const Array states = solve(field, constant(HostArray::vector({1, 0, 0})), constant(HostArray::vector({0, 40})),
                                   options, std::span<const Array>(&rates, 1));
        return states[1] * constant(HostArray::vector({1, 1e5, 1}));
      },
      {{"moved", {3}}});
}

SolveOptions tight(Method method, std::vector<double> mass_matrix = {}) {
  return {.method = method, .rtol = 1e-8, .atols = {1e-12, 1e-16, 1e-12}, .mass_matrix = std::move(mass_matrix)};
}

/// d y(40) / d log rates, by the vjp or by the jvp.
Numbers sensitivities(const Function& f, bool by_vjp) {
  const Program program = compile(by_vjp ? vjp(f) : jvp(f));
  Numbers all;
  for (std::size_t i = 0; i < 3; ++i) {
    Numbers unit(3, 0.0);
    unit[i] = 1;
    const RunResult result = program.run({row({0, 0, 0}), row(unit)});
    EXPECT_TRUE(result.report.failures.empty());
    for (std::int64_t k = 0; k < 3; ++k) all.push_back(result.outputs[1].at(k));
  }
  if (!by_vjp) {  // columns
    const Numbers columns = all;
    for (std::size_t i = 0; i < 9; ++i) all[i] = columns[i % 3 * 3 + i / 3];
  }
  return all;
}

TEST(ImplicitAdjointOfStiffFields, AgreesWithTheVariationalEquations) {
  // The jvp is a solve of state and tangent with steps of its own.
  const Numbers truth = sensitivities(concentrations(reactions(false), tight(Method::kRadau5)), false);
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5, Method::kRadau5})
    for (const Adjoint adjoint : test::kAdjoints) {
      if (adjoint == Adjoint::kBacksolve) continue;
      SolveOptions options = tight(method);
      options.adjoint = adjoint;
      const Numbers found = sensitivities(concentrations(reactions(false), options), true);
      expect_near(found, truth, 3e-6, std::string(name(method)) + ", " + name(adjoint));
    }
}

TEST(ImplicitAdjointOfStiffFields, HoldsForAnAlgebraicEquation) {
  const Numbers truth = sensitivities(concentrations(reactions(false), tight(Method::kRadau5)), false);
  const std::vector<double> mass = {1, 0, 0, 0, 1, 0, 0, 0, 0};
  for (const Method method : {Method::kRodas5p, Method::kRadau5}) {
    const Function f = concentrations(reactions(true), tight(method, mass));
    expect_near(sensitivities(f, true), truth, 3e-6, std::string(name(method)));
    expect_near(sensitivities(f, false), truth, 3e-6, std::string(name(method)) + ", jvp");
  }
}

TEST(ImplicitAdjointOfStiffFields, HasHessianVectorProducts) {
  const Function f = concentrations(reactions(false), tight(Method::kRodas5p));
  const Function loss =
      trace([&](Array moved) { return sum(square(internal::inline_function(f, std::span(&moved, 1))[0])); },
            {{"moved", {3}}});
  const Function gradient = value_and_grad(loss);
  const Program product = compile(jvp(gradient)), program = compile(gradient);
  const RunResult found = product.run({row({0, 0, 0}), row({0.3, -0.2, 0.5})});
  const auto gradient_at = [&](double step) {
    const RunResult result = program.run({row({0.3 * step, -0.2 * step, 0.5 * step})});
    return Numbers{result.outputs[1].at(0), result.outputs[1].at(1), result.outputs[1].at(2)};
  };
  const Numbers up = gradient_at(1e-2), down = gradient_at(-1e-2);
  Numbers truth, value;
  for (std::size_t i = 0; i < 3; ++i) {
    truth.push_back((up[i] - down[i]) / 2e-2);
    value.push_back(found.outputs[3].at(static_cast<std::int64_t>(i)));
  }
  expect_near(value, truth, 1e-4, "Hessian times vector");  // of the differences: h²
}

}  // namespace
}  // namespace costate
