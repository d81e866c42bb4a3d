// Gradients by times that are repeated, or at which a step ends, against closed forms; and all derivatives by the times
// of fixed steps against each other and against differences.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

std::vector<Method> methods_with_error() {
  std::vector<Method> methods;
  for (const Method method : one_step_methods())
    if (tableau(method).has_error_estimate()) methods.push_back(method);
  return methods;
}

/// A gradient by a time has the slope of a dense output, which is of its order.
bool has_good_slopes(Method method) { return tableau(method).order > 3 && tableau(method).dense_order > 2; }

double weight_of(std::size_t i) { return std::cos(1.0 + 1.7 * static_cast<double>(i)); }

/// z' = cos(t) z, of which z(t) = z0 exp(sin(t) - sin(t0)): the sum of weighted outputs, by z0 and times.
Function swell_loss(std::size_t num_times, const SolveOptions& options) {
  std::vector<double> mass = options.mass_matrix;
  const double scale = mass.empty() ? 1 : mass[0];
  const VectorField field = vector_field({1}, [&](Array t, Array z) { return scale * cos(t) * z; });
  Numbers weights;
  for (std::size_t i = 0; i < num_times; ++i) weights.push_back(weight_of(i));
  return trace(
      [&](Array z0, Array times) {
        return sum(reshape(solve(field, z0, times, options), times.shape()) * constant(HostArray::vector(weights)));
      },
      {{"z0", {1}}, {"times", {static_cast<std::int64_t>(num_times)}}});
}

/// Its gradients by z0, then by times.
Numbers swell_gradients(double z0, const Numbers& times) {
  Numbers gradients(1 + times.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double moved = weight_of(i) * std::exp(std::sin(times[i]) - std::sin(times[0]));
    gradients[0] += moved;
    gradients[1 + i] += z0 * moved * std::cos(times[i]);
    gradients[1] -= z0 * moved * std::cos(times[0]);
  }
  return gradients;
}

/// Five times each: repeated first ones, last ones, those between, all; forward and backward.
const std::vector<Numbers> kRepeated = {{0.3, 0.5, 1, 1, 1},       {0.3, 0.3, 0.3, 0.7, 1},  {0.3, 0.3, 0.6, 1, 1},
                                        {0.2, 0.6, 0.6, 0.6, 1.1}, {0.5, 0.5, 0.5, 0.5, 2},  {0.5, 1, 1, 1, 1},
                                        {0.5, 0.5, 0.5, 0.5, 0.5}, {1, 1, 0.2, -0.3, -0.3},  {1, 1, 1, 1, -0.5},
                                        {1, 0, 0, 0, 0},           {0.1, 0.4, 0.5, 0.9, 1.2}};

void expect_swell(const SolveOptions& options, std::span<const Numbers> patterns, double tolerance,
                  Dtype dtype = Dtype::kF64) {
  Numbers starts, times;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    starts.push_back(0.8 + 0.05 * static_cast<double>(i));
    times.insert(times.end(), patterns[i].begin(), patterns[i].end());
  }
  const auto batch = static_cast<std::int64_t>(patterns.size());
  const std::vector<HostArray> in = {column(starts).astype(dtype), HostArray(Shape{batch, 5}, times).astype(dtype)};
  const auto out = compile(value_and_grad(swell_loss(5, options)), {.dtype = dtype}).run(in).outputs;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    const auto sample = static_cast<std::int64_t>(i);
    Numbers found = {out[1].at(sample)};
    for (std::int64_t k = 0; k < 5; ++k) found.push_back(out[2].at(5 * sample + k));
    expect_near(found, swell_gradients(starts[i], patterns[i]), tolerance,
                text::concat(name(options.method), ", ", name(options.adjoint), ", times ", i));
  }
}

TEST(TimesAdjoint, RepeatedTimesOfEachMethod) {
  for (const Method method : methods_with_error()) {
    const double tolerance = has_good_slopes(method) ? 2e-5 : 1e-3;
    SolveOptions options{.method = method, .rtol = 1e-8, .atol = 1e-10, .max_steps = 1'000'000};
    expect_swell(options, kRepeated, tolerance);
    for (const Numbers& times : kRepeated) expect_swell(options, std::span(&times, 1), tolerance);
    options.memory_budget = 1;  // no frames
    expect_swell(options, kRepeated, tolerance);
    options = {.method = method, .rtol = 1e-4, .atol = 1e-6};
    expect_swell(options, kRepeated, has_good_slopes(method) ? 1e-2 : 0.1, Dtype::kF32);
  }
}

TEST(TimesAdjoint, RepeatedTimesOfEachAdjoint) {
  std::vector<Numbers> many;  // so that stragglers are handed over
  for (int i = 0; i < 40; ++i) many.push_back(kRepeated[static_cast<std::size_t>(i) % kRepeated.size()]);
  for (const Adjoint adjoint : test::kAdjoints)
    expect_swell({.method = Method::kDopri5, .rtol = 1e-9, .atol = 1e-11, .adjoint = adjoint}, many, 1e-6);
}

TEST(TimesAdjoint, RepeatedTimesWithAMassMatrix) {
  std::vector<Numbers> patterns = kRepeated;
  std::erase(patterns, Numbers{0.5, 0.5, 0.5, 0.5, 0.5});  // no step tells the slope there
  expect_swell({.method = Method::kRodas5p, .rtol = 1e-9, .atol = 1e-11, .mass_matrix = {2}}, patterns, 1e-5);
}

// No stop is there, and no last time: the step's end stays, and the output leaves it.
TEST(TimesAdjoint, AnOutputWhereAStepHappensToEnd) {
  const Numbers on_steps[] = {{0, 0.25, 0.5, 0.75, 1}, {0, 0.5, 0.5, 1, 1}, {1, 0.75, 0.75, 0.5, 0}};
  for (const Method method : methods_with_error())
    expect_swell({.method = method, .rtol = 1e-2, .atol = 1e-2, .first_step = 0.25, .max_step = 0.25}, on_steps,
                 has_good_slopes(method) ? 2e-4 : 0.05);
}

// z falls to 0.5, is doubled there, and so is 2 z0 exp(t0 - t) from then on.
TEST(TimesAdjoint, RepeatedTimesAroundAnEvent) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -1.0 * z; });
  const SolveEvent doubling = solve_event(
      field, [](Array, Array z) { return z[0] - 0.5; }, [](Array, Array z) { return 2.0 * z; }, {});
  for (const Method method : {Method::kDopri5, Method::kVern9, Method::kRodas5p}) {
    const Function loss = trace(
        [&](Array z0, Array times) {
          const EventSolution found = solve(field, z0, times, {.method = method, .rtol = 1e-9, .atol = 1e-11}, {},
                                            {.events = std::span(&doubling, 1), .max_events = 4});
          return sum(reshape(found.states, {5}) * constant(HostArray::vector({1, 2, 3, 4, 5})));
        },
        {{"z0", {1}}, {"times", {5}}});
    const auto out = compile(value_and_grad(loss)).run({row({1}), row({0.1, 0.1, 0.4, 1.2, 1.2})}).outputs;
    const double a = std::exp(-0.3), b = 2 * std::exp(-1.1);
    const double truth[] = {2 + 3 * a + 9 * b, -2, -3 * a, -4 * b, -5 * b};
    for (std::int64_t i = 0; i < 5; ++i) EXPECT_NEAR(out[2].at(i), truth[i], 1e-6) << name(method) << ", " << i;
  }
}

// What fixed steps are, moves smoothly with their times, and so do their gradients.
TEST(TimesAdjoint, FixedStepsOfRepeatedTimesAreTheLimitOfShortOnes) {
  for (const Method method : one_step_methods()) {
    if (tableau(method).is_on_grid() || method == Method::kAuto) continue;
    for (const SolveOptions& options :
         {SolveOptions{.method = method, .steps_per_interval = 2}, SolveOptions{.method = method, .step_size = 0.3}}) {
      const Program program = compile(value_and_grad(swell_loss(5, options)));
      const auto at = [&](double length) {
        const Numbers times = {0.3, 0.3 + length, 0.7, 1.1 - 2 * length, 1.1 - length};
        const auto out = program.run({row({0.9}), row(times)}).outputs;
        Numbers gradients = {out[1].at(0)};
        for (std::int64_t i = 0; i < 5; ++i) gradients.push_back(out[2].at(i));
        return gradients;
      };
      expect_near(at(0), at(1e-8), 1e-6, std::string(name(method)));
    }
  }
}

// Their steps read more than the state, as the last slopes.
TEST(TimesAdjoint, StepsOnAGridOfRepeatedTimesAreTheLimitOfShortOnes) {
  const VectorField field = vector_field({2}, [](Array t, Array z) {
    return stack({tanh(z[1]), -1.0 * cos(t) * sin(z[0])});
  });
  Numbers by_rk4;
  std::vector<Method> methods = {Method::kRk4};
  methods.insert(methods.end(), grid_methods().begin(), grid_methods().end());
  for (const Method method : methods) {
    const Function loss = trace(
        [&](Array times) {
          return sum(square(solve(field, constant(HostArray::vector({0.5, -0.2})), times,
                                  {.method = method, .steps_per_interval = 2})));
        },
        {{"times", {5}}});
    const Program program = compile(value_and_grad(loss));
    const auto at = [&](double length) {
      const auto out = program.run({row({0.3, 0.3 + length, 0.7, 1.1 - 2 * length, 1.1 - length})}).outputs;
      Numbers gradient;
      for (std::int64_t i = 0; i < 5; ++i) gradient.push_back(out[1].at(i));
      return gradient;
    };
    if (method == Method::kRk4) by_rk4 = at(0);
    // Extrapolation from slopes at one time has no limit. It is left out where the times are the same.
    const bool has_limit = tableau(method).family != MethodFamily::kAdams;
    expect_near(at(0), has_limit ? at(1e-7) : by_rk4, has_limit ? 1e-5 : 0.02, std::string(name(method)));
  }
}

/// Of two numbers that time, an argument and each other move, from times [3]: weighted states.
Function driven_loss(const SolveOptions& options) {
  const VectorField field = vector_field({2}, {{"gain", {1}}}, [](Array t, Array z, Array gain) {
    return stack({z[1] - 0.2 * z[0] * gain[0], -sin(z[0]) + gain[0] * cos(2.0 * t) * z[1]});
  });
  return trace(
      [&](Array z0, Array times, Array gain) {
        const Array states = solve(field, z0, times, options, std::span<const Array>(&gain, 1));
        return sum(square(states) * constant(HostArray(Shape{4, 2}, std::vector<double>{1, 2, -1, 3, 0.5, 1, 2, -2})));
      },
      {{"z0", {2}}, {"times", {4}}, {"gain", {1}}});
}

std::vector<HostArray> rows_of(const Numbers& x) {
  return {row(part(x, 0, 2)), row(part(x, 2, 4)), row(part(x, 6, 1))};
}

/// The gradient by z0, times and gain.
Numbers gradient_at(const Program& program, const Numbers& x) {
  const auto out = program.run(rows_of(x)).outputs;
  Numbers all;
  for (std::size_t i = 1; i < out.size(); ++i)
    for (std::int64_t k = 0; k < out[i].size(); ++k) all.push_back(out[i].at(k));
  return all;
}

constexpr std::size_t kNumbers = 7;

Numbers direction(std::size_t i) {
  Numbers unit(kNumbers);
  unit[i] = 1;
  return unit;
}

class FixedTimes : public ::testing::TestWithParam<Method> {
 protected:
  static std::vector<SolveOptions> ways() {
    return {{.method = GetParam(), .steps_per_interval = 2}, {.method = GetParam(), .step_size = 0.09}};
  }
  const Numbers x_ = {0.8, -0.3, 0.1, 0.3, 0.55, 0.7, 0.7};
  /// What Newton's iterations leave is no part of a derivative.
  const double exact_ = tableau(GetParam()).is_implicit() ? 1e-7 : 1e-11;
};

TEST_P(FixedTimes, ForwardAndReverseDerivativesAreOfTheSteps) {
  for (const SolveOptions& options : ways()) {
    const Function loss = driven_loss(options);
    const Program value = compile(loss), forward = compile(jvp(loss));
    const Numbers truth =
        differences([&](const Numbers& x) { return value.run(rows_of(x)).outputs[0].at(0); }, x_, 1e-3);
    const Numbers reverse = gradient_at(compile(value_and_grad(loss)), x_);
    expect_near(reverse, truth, 1e-8 + exact_, "reverse");
    for (std::size_t i = 0; i < kNumbers; ++i) {
      std::vector<HostArray> in = rows_of(x_);
      for (HostArray& tangent : rows_of(direction(i))) in.push_back(std::move(tangent));
      EXPECT_NEAR(forward.run(in).outputs[1].at(0), reverse[i], exact_) << name(GetParam()) << ", " << i;
    }
    SolveOptions by_tangents = options;
    by_tangents.adjoint = Adjoint::kForward;
    expect_near(gradient_at(compile(value_and_grad(driven_loss(by_tangents))), x_), reverse, exact_, "forward");
  }
}

TEST_P(FixedTimes, HessiansAreSymmetricAndThoseOfTheSteps) {
  for (const SolveOptions& options : ways()) {
    const Function loss = driven_loss(options);
    const Program gradient = compile(value_and_grad(loss));
    const Program over_reverse = compile(jvp(value_and_grad(loss)));
    std::vector<Numbers> rows;
    for (std::size_t i = 0; i < kNumbers; ++i) {
      std::vector<HostArray> in = rows_of(x_);
      for (HostArray& tangent : rows_of(direction(i))) in.push_back(std::move(tangent));
      const auto out = over_reverse.run(in).outputs;
      rows.emplace_back();
      for (std::size_t k = out.size() - 3; k < out.size(); ++k)
        for (std::int64_t j = 0; j < out[k].size(); ++j) rows.back().push_back(out[k].at(j));
      const Numbers truth = differences([&](const Numbers& x) { return gradient_at(gradient, x)[i]; }, x_, 1e-3);
      expect_near(rows.back(), truth, 1e-7 + 10 * exact_, text::concat(name(GetParam()), ", row ", i));
    }
    for (std::size_t i = 0; i < kNumbers; ++i)
      for (std::size_t j = 0; j < i; ++j) EXPECT_NEAR(rows[i][j], rows[j][i], 100 * exact_) << name(GetParam());
  }
}

std::vector<Method> methods_of_own_steps() {
  std::vector<Method> methods(explicit_methods().begin(), explicit_methods().end());
  methods.insert(methods.end(), implicit_methods().begin(), implicit_methods().end());
  std::erase(methods, Method::kAuto);
  return methods;
}

INSTANTIATE_TEST_SUITE_P(Methods, FixedTimes, ::testing::ValuesIn(methods_of_own_steps()),
                         [](const ::testing::TestParamInfo<Method>& method) {
                           return std::string(name(method.param));
                         });

// One step of Euler's: z1 = 1 - (T1 - T0).
TEST(FixedTimesOfRepeats, MoveByWhatTheyGrow) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -1.0 * z; });
  for (const Adjoint adjoint : {Adjoint::kDiscrete, Adjoint::kForward}) {
    const Function last = trace(
        [&](Array times) {
          return solve(field, constant(HostArray::vector({1})), times,
                       {.method = Method::kEuler, .steps_per_interval = 1, .adjoint = adjoint})[-1][0];
        },
        {{"times", {4}}});
    const Numbers times = {0, 0, 0.5, 0.5};
    const auto out = compile(value_and_grad(last)).run({row(times)}).outputs;
    const Program forward = compile(jvp(last));
    // z = (1 - a) (1 - b) (1 - c) with a = T1 - T0 = 0, b = T2 - T1 = 0.5, c = T3 - T2 = 0.
    const double by_length[] = {-0.5, -1, -0.5};
    for (std::size_t i = 0; i < 4; ++i) {
      const double moved = (i > 0 ? by_length[i - 1] : 0) - (i < 3 ? by_length[i] : 0);
      EXPECT_NEAR(out[1].at(static_cast<std::int64_t>(i)), moved, 1e-14);
      Numbers unit(4);
      unit[i] = 1;
      EXPECT_NEAR(forward.run({row(times), row(unit)}).outputs[1].at(0), moved, 1e-14);
    }
  }
}

}  // namespace
}  // namespace costate
