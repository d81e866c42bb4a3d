// The CVODES wrapper against closed forms and differences: an oracle has to be tested before it judges.
#include "tests/support/cvode.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/problems.h"

namespace costate::test {
namespace {

// See problems_test.cpp.
constexpr double kCvodeTol = 1e-10;
// A central difference of two such solutions at distance 2e-4, and its own h^2 error (third derivatives up to some
// hundred).
constexpr double kDifferenceTol = 1e-5;

TEST(Cvode, SensitivitiesOfTheExponential) {
  // y = y0 exp(p t): dy/dp = t y, dy/dy0 = exp(p t).
  const CvodeField field = make_cvode_field([](double, const auto& y, const auto& p, auto dy) { dy[0] = p[0] * y[0]; });
  const double y0[] = {2}, p[] = {-0.5}, times[] = {0, 1, 3};
  const CvodeSolution solution = cvode_sensitivities(field, y0, p, times);
  for (std::size_t i = 0; i < 3; ++i) {
    const double decay = std::exp(-0.5 * times[i]);
    EXPECT_NEAR(solution.states[i][0], 2 * decay, kCvodeTol);
    EXPECT_NEAR(solution.by_p[i][0][0], times[i] * 2 * decay, kCvodeTol);
    EXPECT_NEAR(solution.by_y0[i][0][0], decay, kCvodeTol);
  }
}

TEST(Cvode, RunsBackwardInTime) {
  const CvodeField field = make_cvode_field([](double, const auto& y, const auto&, auto dy) { dy[0] = -y[0]; });
  const double y0[] = {1}, times[] = {1, 0.5, -1};
  const CvodeSolution solution = cvode_solve(field, y0, {}, times);
  EXPECT_NEAR(solution.states[1][0], std::exp(0.5), kCvodeTol);
  EXPECT_NEAR(solution.states[2][0], std::exp(2.0), 10 * kCvodeTol);
}

TEST(Cvode, SensitivitiesOfLotkaVolterraMatchDifferences) {
  const CvodeField field = lotka_volterra_field();
  const std::vector<double> y0{1, 1}, p{1.5, 1, 3, 1}, times{0, 2};
  const CvodeSolution solution = cvode_sensitivities(field, y0, p, times);
  const double step = 1e-4;
  for (std::size_t i = 0; i < 6; ++i) {
    auto moved = [&](double amount) {
      std::vector<double> moved_p = p, moved_y0 = y0;
      (i < 4 ? moved_p[i] : moved_y0[i - 4]) += amount;
      return cvode_solve(field, moved_y0, moved_p, times).states.back();
    };
    const std::vector<double> above = moved(step), below = moved(-step);
    const std::vector<double>& exact = i < 4 ? solution.by_p[1][i] : solution.by_y0[1][i - 4];
    for (std::size_t j = 0; j < 2; ++j) {
      EXPECT_NEAR(exact[j], (above[j] - below[j]) / (2 * step), kDifferenceTol) << "direction " << i;
    }
  }
}

}  // namespace
}  // namespace costate::test
