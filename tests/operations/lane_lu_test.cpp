// Small linear systems in lanes: the residual, the derivatives to two orders, and the same bits for any number of
// lanes.
#include "costate/operations/internal/lane_lu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/exec/kernels/lane_lu.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

/// A with large numbers off the diagonal, so that rows must be swapped.
HostArray shifted(std::int64_t n) {
  HostArray numbers(Shape{n, n});
  for (std::int64_t i = 0; i < n; ++i) numbers.set(i * n + (i + 1) % n, 4);
  return numbers;
}

Function solve_function(std::int64_t n) {
  return trace(
      [&](Array a, Array b) {
        const Array matrix = a + constant(shifted(n));
        const Array factors = internal::lu_factors(matrix);
        const Array x = internal::lu_solve(matrix, factors, b);
        return x + internal::lu_solve(matrix, factors, x * x);
      },
      {{"A", {n, n}}, {"b", {n}}});
}

TEST(LaneLu, AgreesWithTheInterpreterInAllLanesAndHasItsDerivatives) {
  for (const std::int64_t n : {1, 2, 3, 5}) testing::check_two_orders(solve_function(n), 1e-8);
  const Function large = solve_function(20);
  testing::check_execution(large, testing::draw_inputs(large, 21, -1, 1, 3), 1e-13);
}

std::vector<double> numbers(std::size_t count, double seed) {
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(std::sin(seed + 1.3 * static_cast<double>(i * i % 97)));
  return all;
}

TEST(LaneLu, SolvesBothSystemsOfEveryLaneWithTheBitsOfOne) {
  for (const std::size_t n : {1U, 3U, 6U, 17U})
    for (const std::size_t lanes : {2U, 5U, 8U, 15U, 64U}) {
      const std::vector<double> a = numbers(n * n * lanes, 0.3), b = numbers(n * lanes, 1.1);
      std::vector<double> factors(n * (n + 1) * lanes), x(n * lanes), y(n * lanes);
      internal::factor_lanes(a.data(), factors.data(), n, lanes);
      internal::solve_lanes(factors.data(), b.data(), x.data(), n, lanes);
      internal::solve_transposed_lanes(factors.data(), b.data(), y.data(), n, lanes);
      for (std::size_t lane = 0; lane < lanes; ++lane) {
        std::vector<double> own_a(n * n), own_b(n), own_factors(n * (n + 1)), own_x(n), own_y(n);
        for (std::size_t i = 0; i < n * n; ++i) own_a[i] = a[i * lanes + lane];
        for (std::size_t i = 0; i < n; ++i) own_b[i] = b[i * lanes + lane];
        internal::factor_lanes(own_a.data(), own_factors.data(), n, 1);
        internal::solve_lanes(own_factors.data(), own_b.data(), own_x.data(), n, 1);
        internal::solve_transposed_lanes(own_factors.data(), own_b.data(), own_y.data(), n, 1);
        double size = 0;
        for (const double value : own_x) size = std::max(size, std::abs(value));
        for (const double value : own_y) size = std::max(size, std::abs(value));
        for (std::size_t i = 0; i < n; ++i) {
          EXPECT_EQ(x[i * lanes + lane], own_x[i]) << n << ", " << lanes;
          EXPECT_EQ(y[i * lanes + lane], own_y[i]) << n << ", " << lanes;
          double left = -own_b[i], left_transposed = -own_b[i];
          for (std::size_t j = 0; j < n; ++j) {
            left += own_a[i * n + j] * own_x[j];
            left_transposed += own_a[j * n + i] * own_y[j];
          }
          // Partial pivoting is backward stable: a residual of some n eps times |A| |x|.
          EXPECT_NEAR(left, 0, 1e-14 * static_cast<double>(n) * (1 + size));
          EXPECT_NEAR(left_transposed, 0, 1e-14 * static_cast<double>(n) * (1 + size));
        }
      }
    }
}

TEST(LaneLu, RefusesWhatIsNoSystem) {
  EXPECT_ERROR(trace([](Array a) { return internal::lu_factors(a); }, {{"A", {2, 3}}}), ShapeError,
               "[lu_factors] A must be [n, n]; got [2, 3]");
  EXPECT_ERROR(trace([](Array a, Array b) { return internal::lu_solve(a, internal::lu_factors(a), b); },
                     {{"A", {2, 2}}, {"b", {3}}}),
               ShapeError, "[lu_solve] b must be [2]; got [3]");
}

}  // namespace
}  // namespace costate
