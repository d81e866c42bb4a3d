// Marks of a field: the explicit part of an IMEX method, a Jacobian that is given; and numbers that stay at least 0.
#include "costate/solve/field_marks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/step_function.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

HostArray start_of(std::vector<double> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return HostArray(Shape{1, size}, std::move(values));
}

/// A nonlinear field, all of it implicit, all of it explicit, or in two parts.
enum class Parts { kImplicit, kExplicit, kBoth };
VectorField in_parts(Parts parts) {
  return vector_field({2}, [=](Array t, Array z) {
    const Array first = stack({-2.0 * z[0] * z[1], z[0] - z[1] * z[1]});
    const Array second = stack({sin(t) * z[1], -0.5 * z[0] * z[0] + 0.3 * cos(2.0 * t)});
    if (parts == Parts::kImplicit) return first + second;
    if (parts == Parts::kExplicit) return explicit_part(first + second);
    return first + explicit_part(second);
  });
}

TEST(ExplicitPart, KeepsTheOrderHoweverTheFieldIsSplit) {
  const HostArray times = HostArray::vector({0, 2});
  const Solution truth = solve(in_parts(Parts::kImplicit), start_of({1, 0.5}), times,
                               {.method = Method::kVern9, .rtol = 1e-13, .atol = 1e-13});
  std::vector<double> ends;
  for (const Parts parts : {Parts::kImplicit, Parts::kExplicit, Parts::kBoth}) {
    std::vector<double> errors;
    for (const int steps : {20, 40}) {
      const Solution solution =
          solve(in_parts(parts), start_of({1, 0.5}), times, {.method = Method::kKencarp4, .steps_per_interval = steps});
      solution.check();
      errors.push_back(std::abs(solution.states.at(2) - truth.states.at(2)) +
                       std::abs(solution.states.at(3) - truth.states.at(3)));
      if (steps == 20) ends.push_back(solution.states.at(2));
    }
    EXPECT_NEAR(std::log2(errors[0] / errors[1]), 4, 0.4) << static_cast<int>(parts);
  }
  EXPECT_NE(ends[0], ends[1]);  // they are methods of their own
  EXPECT_NE(ends[0], ends[2]);
}

TEST(ExplicitPart, LeavesTheStiffPartToTheImplicitMethod) {
  // y' = -1e5 (y - z), z' = -z + sin(t), the second explicit: an explicit method would need steps of 3e-5.
  const auto field = [](bool marks_stiff) {
    return vector_field({2}, [=](Array t, Array y) {
      const Array stiff = stack({-1e5 * (y[0] - y[1]), constant(0.0)}), slow = stack({constant(0.0), sin(t) - y[1]});
      return marks_stiff ? explicit_part(stiff) + slow : stiff + explicit_part(slow);
    });
  };
  const Solution solution =
      solve(field(false), start_of({1, 1}), HostArray::vector({0, 0.4, 5}), {.method = Method::kKencarp4});
  solution.check();
  EXPECT_LT(solution.accepted[0], 200);
  for (const auto& [output, t] : {std::pair<std::int64_t, double>{1, 0.4}, {2, 5}}) {
    const double z = 1.5 * std::exp(-t) + 0.5 * (std::sin(t) - std::cos(t));
    const double tolerance = output == 1 ? 1e-4 : 2e-6;  // within a step the dense output is of order 2
    EXPECT_NEAR(solution.states.at(2 * output + 1), z, tolerance);
    EXPECT_NEAR(solution.states.at(2 * output), z, 10 * tolerance);
  }
  EXPECT_EQ(
      solve(field(true), start_of({1, 1}), HostArray::vector({0, 5}), {.method = Method::kKencarp4, .max_steps = 2000})
          .status[0],
      Status::kMaxSteps);
}

TEST(ExplicitPart, ChangesNothingToOtherMethods) {
  for (const Method method : {Method::kDopri5, Method::kRodas5p, Method::kKvaerno3}) {
    const HostArray times = HostArray::vector({0, 0.7, 2});
    const Solution marked = solve(in_parts(Parts::kBoth), start_of({1, 0.5}), times, {.method = method});
    const Solution plain = solve(in_parts(Parts::kImplicit), start_of({1, 0.5}), times, {.method = method});
    EXPECT_TRUE(marked.states.same_bits(plain.states)) << name(method);
  }
}

TEST(ExplicitPart, GradientsAreThoseOfTheSteps) {
  const SolveOptions options{.method = Method::kKencarp4, .steps_per_interval = 12};
  const Function loss = trace(
      [&](Array z0) {
        const Array states = solve(in_parts(Parts::kBoth), z0, constant(HostArray::vector({0, 1.5})), options);
        return states[1][0] * states[1][1];
      },
      {{"z0", {2}}});
  testing::check_execution(loss, {HostArray(Shape{3, 2}, std::vector<double>{1, .5, .3, -.2, .8, 2})}, 1e-9);
  const Program program = compile(loss);
  const RunResult found = compile(value_and_grad(loss)).run({start_of({1, 0.5})});
  for (std::int64_t i = 0; i < 2; ++i) {
    const auto at = [&](double step) {
      std::vector<double> z0 = {1, 0.5};
      z0[static_cast<std::size_t>(i)] += step;
      return program.run({start_of(z0)}).outputs[0].at(0);
    };
    const double h = 1e-3, truth = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    EXPECT_NEAR(found.outputs[1].at(i), truth, 1e-9);
  }
}

/// Robertson's reactions with their Jacobian times `scale`.
VectorField given_jacobian(double scale) {
  return vector_field_with_jacobian(
      {3},
      [](Array, Array y) {
        const Array a = 0.04 * y[0], b = 1e4 * y[1] * y[2], c = 3e7 * y[1] * y[1];
        return stack({b - a, a - b - c, c});
      },
      [=](Array, Array y) {
        const Array zero = constant(0.0), steep = 6e7 * y[1];
        const Array first = stack({constant(-0.04), 1e4 * y[2], 1e4 * y[1]});
        const Array second = stack({constant(0.04), -1e4 * y[2] - steep, -1e4 * y[1]});
        return scale * stack({first, second, stack({zero, steep, zero})});
      });
}

TEST(GivenJacobian, IsTakenByImplicitMethods) {
  const HostArray times = HostArray::vector({0, 40});
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5}) {
    const SolveOptions options{.method = method, .rtol = 1e-7, .atols = {1e-10, 1e-14, 1e-10}};
    const Solution right = solve(given_jacobian(1), start_of({1, 0, 0}), times, options);
    right.check();
    EXPECT_NEAR(right.states.at(3), 0.71582706872, 1e-6) << name(method);
    const Solution wrong = solve(given_jacobian(0.5), start_of({1, 0, 0}), times, options);
    EXPECT_GT(wrong.nfe[0], 2 * right.nfe[0]) << name(method);  // it is read, and it costs
  }
  const Solution wrong = solve(given_jacobian(0.9), start_of({1, 0, 0}), times,
                               {.method = Method::kKvaerno5, .rtol = 1e-7, .atols = {1e-10, 1e-14, 1e-10}});
  wrong.check();
  EXPECT_NEAR(wrong.states.at(3), 0.71582706872, 1e-6);  // Newton's method forgives it
}

TEST(GivenJacobian, LeavesTheDerivativesOfTheFieldAsTheyAre) {
  const VectorField field = given_jacobian(2);
  const std::size_t state[] = {1};
  const Function by_jvp = jvp(field.function(), state), by_vjp = vjp(field.function(), state);
  const std::vector<HostArray> at = {HostArray(Shape{}, std::vector<double>{0}), HostArray::vector({0.5, 1e-5, 0.5}),
                                     HostArray::vector({1, 0, 0})};
  const std::vector<HostArray> moved = interpret(by_jvp, at), pulled = interpret(by_vjp, at);
  EXPECT_NEAR(moved[1].at(0), -0.04, 1e-15);
  EXPECT_NEAR(moved[1].at(1), 0.04, 1e-15);
  EXPECT_NEAR(pulled[1].at(1), 1e4 * 0.5, 1e-9);
  EXPECT_ERROR(vector_field_with_jacobian(
                   {3}, [](Array, Array y) { return -y; }, [](Array, Array y) { return y; }),
               ShapeError,
               "the Jacobian must have the shape of the derivative and of the state behind each other, "
               "[3, 3]; got [3]");
}

TEST(Nonnegative, RejectsStepsThatLeaveTheDomain) {
  const VectorField field = vector_field({2}, [](Array, Array y) { return stack({-20.0 * y[0], -y[1]}); });
  for (const Method method : {Method::kBosh3, Method::kDopri5, Method::kKvaerno3, Method::kAuto, Method::kBdf}) {
    SolveOptions options{.method = method, .rtol = 0.1, .atol = 0.5, .first_step = 0.5};
    std::vector<double> times;
    for (int i = 0; i <= 60; ++i) times.push_back(0.05 * i);
    const auto smallest = [&](const SolveOptions& given) {
      const Solution solution = solve(field, start_of({1, 1}), HostArray::vector(times), given);
      solution.check();
      double least = 1;
      for (std::int64_t i = 0; i < solution.states.size(); i += 2) least = std::min(least, solution.states.at(i));
      return least;
    };
    const double free = smallest(options);
    options.nonnegative = {0};
    EXPECT_GE(smallest(options), method == Method::kBdf || free >= 0 ? 0 : free) << name(method);
    const VectorField away = vector_field({2}, [](Array, Array y) { return y; });
    const Solution below = solve(away, start_of({-1, 1}), HostArray::vector({0, 1}), options);
    EXPECT_EQ(below.status[0], Status::kStepTooSmall) << name(method);
    EXPECT_ERROR(below.check(), SolveFailed, "look at the numbers of nonnegative there");
  }
  EXPECT_ERROR(solve(field, start_of({1, 1}), HostArray::vector({0, 1}), {.nonnegative = {2}}), InvalidArgument,
               "nonnegative must hold indices of the state, 0 to 1; got 2");
  EXPECT_ERROR(solve(field, start_of({1, 1}), HostArray::vector({0, 1}), {.nonnegative = {0}, .step_size = 0.1}),
               InvalidArgument,
               "nonnegative is for steps chosen by the error; here they are fixed (dopri5). Leave it out, or");
}

TEST(Nonnegative, EndsOfStepsAreAtLeastZero) {
  // In steps of 0.1 and more bosh3 makes y(h) of y negative, and the tolerance allows it.
  const VectorField field = vector_field({1}, [](Array, Array y) { return -20.0 * y; });
  SolveOptions options{.method = Method::kBosh3, .rtol = 0.1, .atol = 100, .first_step = 0.11, .nonnegative = {0}};
  const std::vector<AcceptedStep> steps = accepted_steps(field, start_of({1}), HostArray::vector({0, 3}), options);
  options.nonnegative = {};
  const std::vector<AcceptedStep> free = accepted_steps(field, start_of({1}), HostArray::vector({0, 3}), options);
  EXPECT_GT(steps.size(), free.size());
  for (std::size_t i = 1; i < steps.size(); ++i) {
    const std::vector<double> times = {0, steps[i].t, 3};
    options.nonnegative = {0};
    EXPECT_GE(solve(field, start_of({1}), HostArray::vector({0, steps[i].t, 3}), options).states.at(1), 0);
  }
  const Function program = trace(
      [&](Array z0) {
        return solve(field, z0, constant(HostArray::vector({0, 3})), options);
      },
      {{"z0", {1}}});
  testing::check_execution(program, {HostArray(Shape{5, 1}, std::vector<double>{1, .5, 2, 3, 4})}, 1e-9);
}

}  // namespace
}  // namespace costate
