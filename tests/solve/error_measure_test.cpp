// By what a solve judges its errors: norms, tolerances of each number, and numbers that are not controlled.
#include "costate/solve/internal/error_measure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "../support/expect_error.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// x' = v, v' = -x in one part, w' = -4 w in another: slopes without rounding, so that lanes and reference are equal to
/// the bit.
VectorField two_parts() {
  return vector_field({{"x", {2}}, {"w", {1}}}, [](Array, std::span<const Array> parts) {
    return std::vector<Array>{stack({parts[0][1], -parts[0][0]}), -4.0 * parts[1]};
  });
}

internal::ReferenceSolution reference_of_two_parts(std::span<const double> y0, std::span<const double> times,
                                                   const SolveOptions& options) {
  const auto rhs = [](double, std::span<const double> y, std::span<double> dy) {
    dy[0] = y[1];
    dy[1] = -y[0];
    dy[2] = -4 * y[2];
  };
  return internal::reference_solve(rhs, y0, times, options, {.part_offsets = {0, 2}});
}

std::vector<SolveOptions> every_measure() {
  return {{.error_norm = ErrorNorm::kMax},
          {.error_norm = ErrorNorm::kPartRms},
          {.rtols = {1e-4, 1e-7}},
          {.atols = {1e-3, 1e-9, 1e-6}},
          {.rtols = {1e-4, 1e-7, 1e-3}, .atols = {1e-9, 1e-6}, .error_norm = ErrorNorm::kMax},
          {.rtols = {1e-4, 1e-7, 1e-3}, .atols = {1e-9, 1e-6}, .error_norm = ErrorNorm::kPartRms},
          {.atols = {1e-8, kInfinity}, .error_norm = ErrorNorm::kPartRms},
          {.rtols = {kInfinity, 1e-5, 1e-5}},
          {.method = Method::kDop853, .error_norm = ErrorNorm::kPartRms},
          {.method = Method::kDop853, .rtols = {1e-4, 1e-9}}};
}

TEST(ErrorMeasure, LanesAreTheReferenceToTheBit) {
  const std::vector<double> times = {0, 0.7, 3};
  const std::int64_t batch = 33;
  HostArray z0(Shape{batch, 3});
  for (std::int64_t i = 0; i < 3 * batch; ++i) z0.set(i, std::sin(1.0 + static_cast<double>(i)));
  for (const SolveOptions& options : every_measure()) {
    const Solution solution = solve(two_parts(), z0, HostArray::vector(times), options);
    for (std::int64_t row = 0; row < batch; ++row) {
      const double y0[] = {z0.at(3 * row), z0.at(3 * row + 1), z0.at(3 * row + 2)};
      const auto expected = reference_of_two_parts(y0, times, options);
      ASSERT_EQ(solution.accepted[static_cast<std::size_t>(row)], expected.accepted) << row;
      for (std::int64_t i = 0; i < 9; ++i)
        EXPECT_EQ(solution.states.at(9 * row + i), expected.states[static_cast<std::size_t>(i / 3)][i % 3]) << row;
    }
    const HostArray one(Shape{1, 3}, std::vector<double>{z0.at(3), z0.at(4), z0.at(5)});
    const Solution alone = solve(two_parts(), one, HostArray::vector(times), options);
    for (std::int64_t i = 0; i < 9; ++i) EXPECT_EQ(alone.states.at(i), solution.states.at(9 + i));
  }
}

TEST(ErrorMeasure, EqualTolerancesAreOneTolerance) {
  const double y0[] = {1, 0.2, 3};
  const std::vector<double> times = {0, 5};
  const auto plain = reference_of_two_parts(y0, times, {.rtol = 1e-5, .atol = 1e-7});
  for (const SolveOptions& options : {SolveOptions{.rtols = {1e-5, 1e-5}, .atols = {1e-7, 1e-7, 1e-7}},
                                      SolveOptions{.atol = 1e-7, .rtols = {1e-5, 1e-5, 1e-5}}}) {
    const HostArray z0(Shape{1, 3}, std::vector<double>(y0, y0 + 3));
    const Solution solution = solve(two_parts(), z0, HostArray::vector(times), options);
    for (std::int64_t i = 0; i < 3; ++i)
      EXPECT_EQ(solution.states.at(3 + i), plain.states[1][static_cast<std::size_t>(i)]);
  }
}

TEST(ErrorMeasure, APartHasItsToleranceForEachOfItsNumbers) {
  const double y0[] = {1, 0.2, 3}, times[] = {0, 5};
  const auto by_parts = reference_of_two_parts(y0, times, {.rtols = {1e-4, 1e-8}});
  const auto by_numbers = reference_of_two_parts(y0, times, {.rtols = {1e-4, 1e-4, 1e-8}});
  EXPECT_EQ(by_parts.states, by_numbers.states);
  EXPECT_GT(by_parts.accepted, reference_of_two_parts(y0, times, {.rtol = 1e-4}).accepted);
}

/// x' = -x^2, with numbers beside it that rest.
internal::ReferenceSolution beside_resting(std::size_t resting, const SolveOptions& options) {
  const auto rhs = [](double, std::span<const double> y, std::span<double> dy) {
    for (double& slope : dy) slope = 0;
    dy[0] = -y[0] * y[0];
  };
  std::vector<double> y0(1 + resting, 1.0);
  y0[0] = 2;
  const double times[] = {0, 5};
  std::vector<std::size_t> offsets = {0};
  if (resting > 0) offsets.push_back(1);
  return internal::reference_solve(rhs, y0, times, options, {.part_offsets = offsets});
}

TEST(ErrorMeasure, NumbersThatRestDiluteTheMeanAlone) {
  const auto steps_of = [](std::size_t resting, ErrorNorm norm) {
    std::vector<double> sizes;
    for (const auto& step : beside_resting(resting, {.error_norm = norm, .first_step = 0.01}).steps)
      sizes.push_back(step.h);
    return sizes;
  };
  const std::vector<double> alone = steps_of(0, ErrorNorm::kRms);
  EXPECT_EQ(steps_of(0, ErrorNorm::kMax), alone);
  EXPECT_EQ(steps_of(0, ErrorNorm::kPartRms), alone);
  EXPECT_EQ(steps_of(8, ErrorNorm::kMax), alone);
  EXPECT_EQ(steps_of(8, ErrorNorm::kPartRms), alone);
  EXPECT_LT(steps_of(8, ErrorNorm::kRms).size(), alone.size());
}

TEST(ErrorMeasure, AnErrorThatIsNoNumberIsTheLargest) {
  const auto rhs = [](double t, std::span<const double> y, std::span<double> dy) {
    dy[0] = -y[0];
    dy[1] = t > 0.5 ? std::nan("") : 0;
  };
  const double y0[] = {1, 0}, times[] = {0, 1};
  for (const ErrorNorm norm : {ErrorNorm::kRms, ErrorNorm::kPartRms, ErrorNorm::kMax})
    for (const std::vector<double>& atols : {std::vector<double>{}, std::vector<double>{1e-8, kInfinity}}) {
      const auto solution =
          internal::reference_solve(rhs, y0, times, {.atols = atols, .error_norm = norm}, {.part_offsets = {0, 1}});
      EXPECT_EQ(solution.status, Status::kNonFinite);
      EXPECT_NEAR(solution.t, 0.5, 1e-6);
    }
}

/// The pendulum, and beside it the integral of x^2 and 100 v over time.
VectorField with_integrals() {
  return vector_field({{"z", {2}}, {"q", {2}}}, [](Array t, std::span<const Array> parts) {
    const Array z = parts[0];
    return std::vector<Array>{stack({z[1], -sin(z[0]) + 0.1 * cos(t)}), stack({square(z[0]), 100.0 * z[1]})};
  });
}

VectorField without_integrals() {
  return vector_field({2}, [](Array t, Array z) { return stack({z[1], -sin(z[0]) + 0.1 * cos(t)}); });
}

TEST(ErrorMeasure, AnIntegralThatIsNotControlledMovesNoStep) {
  for (const GradientSteps guard : {GradientSteps::kOff, GradientSteps::kOn})
    for (const Method method : {Method::kDopri5, Method::kDop853, Method::kBosh3})
      for (const ErrorNorm norm : {ErrorNorm::kRms, ErrorNorm::kPartRms, ErrorNorm::kMax}) {
        const SolveOptions plain{.method = method, .error_norm = norm, .gradient_steps = guard};
        SolveOptions chosen = plain;
        chosen.atols = {plain.atol, kInfinity};
        const HostArray times = HostArray::vector({0, 1, 7});
        const HostArray z0(Shape{1, 2}, std::vector<double>{2.0, 0.3});
        const HostArray z0_q(Shape{1, 4}, std::vector<double>{2.0, 0.3, 0, 5});
        const auto steps = accepted_steps(without_integrals(), z0, times, plain),
                   steps_q = accepted_steps(with_integrals(), z0_q, times, chosen);
        ASSERT_EQ(steps.size(), steps_q.size());
        for (std::size_t i = 0; i < steps.size(); ++i) {
          EXPECT_EQ(steps[i].t, steps_q[i].t);
          EXPECT_EQ(steps[i].size, steps_q[i].size);
        }
        // It would, if it were controlled.
        EXPECT_NE(accepted_steps(with_integrals(), z0_q, times, plain).size(), steps.size());
      }
}

TEST(ErrorMeasure, AnIntegralThatIsNotControlledMovesNoJointStep) {
  SolveOptions options{.control = Control::kJoint};
  HostArray z0(Shape{5, 2}), z0_q(Shape{5, 4});
  for (std::int64_t b = 0; b < 5; ++b)
    for (std::int64_t k = 0; k < 2; ++k) {
      z0.set(2 * b + k, std::cos(static_cast<double>(2 * b + k)));
      z0_q.set(4 * b + k, z0.at(2 * b + k));
    }
  const Solution plain = solve(without_integrals(), z0, HostArray::vector({0, 4}), options);
  options.atols = {options.atol, kInfinity};
  const Solution with = solve(with_integrals(), z0_q, HostArray::vector({0, 4}), options);
  for (std::int64_t b = 0; b < 5; ++b)
    for (std::int64_t k = 0; k < 2; ++k) EXPECT_EQ(with.states.at(8 * b + 4 + k), plain.states.at(4 * b + 2 + k));
}

TEST(ErrorMeasure, BadTolerancesAreNamed) {
  const auto solve_with = [](const SolveOptions& options) {
    solve(two_parts(), HostArray(Shape{2, 3}), HostArray::vector({0, 1}), options);
  };
  EXPECT_ERROR(solve_with({.rtols = {1e-3, 1e-3, 1e-3, 1e-3}}), InvalidArgument,
               "rtols must hold one tolerance for each of the state's 3 numbers or 2 parts; got 4");
  EXPECT_ERROR(solve_with({.atols = {1e-3, -1}}), InvalidArgument, "atols[1] is -1");
  EXPECT_ERROR(solve_with({.atols = {1e-3, NAN}}), InvalidArgument, "atols[1] is nan");
  EXPECT_ERROR(solve_with({.rtols = {1, 0}, .atols = {0, 0}}), InvalidArgument,
               "rtol and atol of number 2 of the state are both 0");
  EXPECT_ERROR(solve_with({.atols = {kInfinity, kInfinity}}), InvalidArgument,
               "at least one number of the state must be controlled");
  EXPECT_ERROR(error_norm_from_name("rns"), InvalidArgument, "unknown error_norm 'rns'; did you mean 'rms'?");
  EXPECT_EQ(name(ErrorNorm::kPartRms), "part_rms");
}

}  // namespace
}  // namespace costate
