#include "costate/solve/control/gradient_guard.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "costate/base/random.h"

namespace costate::internal::guard {
namespace {

/// c in: error estimate of one step for v' = z v, h = 1, is c z^k + …; k is error_order(). c = e · A^(k-1) 1.
double linear_error_constant(const Tableau& tableau) {
  std::vector<double> powers(static_cast<std::size_t>(tableau.num_stages), 1.0);  // A^p 1
  for (int p = 1; p < tableau.error_order(); ++p) {
    std::vector<double> next(powers.size(), 0.0);
    for (std::size_t i = 0; i < powers.size(); ++i) {
      const std::span<const double> row = tableau.a_row(static_cast<int>(i));
      for (std::size_t j = 0; j < row.size(); ++j) next[i] += row[j] * powers[j];
    }
    powers = next;
  }
  double sum = 0;
  for (std::size_t i = 0; i < powers.size(); ++i) sum += tableau.e[i] * powers[i];
  return std::abs(sum);
}

/// constant z^k = allowed exp(-z), by bisection; at most 2, which is well within the stability of all methods.
double find_threshold(const Tableau& tableau, double allowed) {
  const double constant = linear_error_constant(tableau), order = tableau.error_order();
  double low = 0, high = 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (constant * std::pow(middle, order) <= allowed * std::exp(-middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace

Limits::Limits(const Tableau& tableau, double solve_rtol, double atol, double rounding)
    : rtol(std::max(solve_rtol > 0 ? solve_rtol : std::min(atol, 1e-3), 4 * rounding)),
      slack_below(std::min(1e-4, std::max(0.1 * std::pow(10.0, -tableau.error_order()), 4 * rounding / rtol))),
      floor_of_start(std::clamp(atol, 1e-12, std::max(rtol, 1e-12))),
      floor_of_largest(4 * rounding / rtol) {
  const double estimate_over_error = std::max(1.0, std::pow(1e-3 / rtol, 1.0 / (tableau.error_order() + 1)));
  for (std::size_t i = 0; i < std::size(kShares); ++i) {
    most_tried[i] = std::max(10.0, estimate_over_error * std::min(200 * kShares[i], 100.0));
    thresholds[i] = find_threshold(tableau, most_tried[i] * rtol);
  }
}

double pattern(std::uint64_t stream, std::size_t index) {
  constexpr std::uint64_t kSeed = 0x6c6f6f6b;
  const double number = Random(kSeed).uniform(stream, index, -1, 1);
  return number < 0 ? number - 0.5 : number + 0.5;
}

}  // namespace costate::internal::guard
