// The known solutions of tests/support/problems.h against CVODES and published numbers, so that they can be trusted
// elsewhere.
#include "tests/support/problems.h"

#include <gtest/gtest.h>

#include <cmath>

namespace costate::test {
namespace {

// CVODES controls the local error at rtol 1e-13; over some hundred steps the global error stays below a thousand times
// that.
constexpr double kTruthTol = 1e-10;

class ClosedForms : public ::testing::TestWithParam<Problem> {};

INSTANTIATE_TEST_SUITE_P(Problems, ClosedForms,
                         ::testing::Values(exponential(), linear_2x2(), quadratic_decay(), cosine_growth(), logistic(),
                                           kepler(0.3), kepler(0.6), pendulum(1), pendulum(3)),
                         [](const auto& info) { return info.param.name + std::to_string(info.index); });

TEST_P(ClosedForms, AgreesWithCvodes) {
  const Problem& problem = GetParam();
  CvodeField field;
  field.rhs = [&](double t, std::span<const double> y, std::span<const double>, std::span<double> dy) {
    problem.rhs(t, y, dy);
  };
  const double times[] = {problem.t0, 0.3 * problem.t1, problem.t1};
  const CvodeSolution truth = cvode_solve(field, problem.y0, {}, times);
  EXPECT_LE(relative_error(problem.solution(times[0]), problem.y0), 1e-15);
  for (std::size_t i = 1; i < 3; ++i) {
    EXPECT_LE(relative_error(problem.solution(times[i]), truth.states[i]), kTruthTol) << "t = " << times[i];
  }
}

TEST(Pendulum, PeriodsAreTheKnownOnes) {
  // 4 K(sin(angle / 2)) in units of sqrt(l / g), computed with mpmath 1.3 to 20 digits.
  const double radian = std::acos(-1.0) / 180;
  EXPECT_NEAR(4 * complete_elliptic_k(std::sin(0.5)), 6.6999756644, 1e-10);
  EXPECT_NEAR(4 * complete_elliptic_k(std::sin(45 * radian)), 7.4162987092, 1e-10);
  EXPECT_NEAR(4 * complete_elliptic_k(std::sin(85 * radian)), 15.3269679991, 1e-10);
}

TEST(Pendulum, ReturnsAfterAPeriod) {
  const Problem problem = pendulum(2);
  const double period = 4 * complete_elliptic_k(std::sin(1.0));
  // The phase is 2^8 times amplified before it is halved back: some hundred eps.
  EXPECT_LE(relative_error(problem.solution(period), problem.y0), 1e-13);
}

TEST(JacobiElliptic, ModulusZeroIsTrigonometric) {
  const JacobiElliptic value = jacobi_elliptic(0.7, 0);
  EXPECT_NEAR(value.sn, std::sin(0.7), 1e-15);
  EXPECT_NEAR(value.cn, std::cos(0.7), 1e-15);
  EXPECT_EQ(value.dn, 1);
}

}  // namespace
}  // namespace costate::test
