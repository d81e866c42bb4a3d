#include "costate/solve/control/gradient_guard.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "costate/base/random.h"
#include "costate/solve/methods/implicit.h"

namespace costate::internal::guard {
namespace {

/// c in: an estimate e of the error of one step for v' = z v, h = 1, is c z^k + …; k is its order. c = e · A^(k-1) 1.
double linear_error_constant(const Tableau& tableau, std::span<const double> e, int order) {
  std::vector<double> powers(static_cast<std::size_t>(tableau.num_stages), 1.0);  // A^p 1
  for (int p = 1; p < order; ++p) {
    std::vector<double> next(powers.size(), 0.0);
    for (std::size_t i = 0; i < powers.size(); ++i) {
      const std::span<const double> row = tableau.a_row(static_cast<int>(i));
      for (std::size_t j = 0; j < row.size(); ++j) next[i] += row[j] * powers[j];
    }
    powers = next;
  }
  double sum = 0;
  for (std::size_t i = 0; i < powers.size(); ++i) sum += e[i] * powers[i];
  return std::abs(sum);
}

/// The error of a step for v' = z v, h = 1, that control would go by.
class LinearError {
 public:
  explicit LinearError(const Tableau& tableau)
      : order_(tableau.embedded_order + 1), constant_(linear_error_constant(tableau, tableau.e, order_)) {
    if (!tableau.has_second_companion()) return;
    order_low_ = tableau.low_order + 1;
    constant_low_ = linear_error_constant(tableau, tableau.e_low, order_low_);
  }

  double at(double z) const {
    const double error = constant_ * std::pow(z, order_);
    if (order_low_ == 0) return error;
    const double low = constant_low_ * std::pow(z, order_low_);
    return std::sqrt(companion_square(error * error, low * low));
  }

 private:
  int order_, order_low_ = 0;
  double constant_, constant_low_ = 0;
};

/// The z at which the error is allowed exp(-z), by bisection; at most 2, which is well within the stability of all
/// methods.
double find_threshold(const LinearError& error, double allowed) {
  double low = 0, high = 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (error.at(middle) <= allowed * std::exp(-middle) ? low : high) = middle;
  }
  return low;
}

/// The signs of end and error estimate of v' = z v, h = 1, v(0) = 1, multiplied, at the limit of stability.
double sign_of_error_at_limit(const Tableau& tableau) {
  constexpr double kStep = 0.05, kFarthest = 100;
  std::vector<double> slopes(static_cast<std::size_t>(tableau.num_stages));
  for (double z = -kStep; z > -kFarthest; z -= kStep) {
    double end = 1, error = 0;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      const std::span<const double> row = tableau.a_row(static_cast<int>(i));
      end = 1;
      for (std::size_t j = 0; j < i; ++j) end += row[j] * slopes[j];
      slopes[i] = z * end;
    }
    for (std::size_t j = 0; j < tableau.e.size(); ++j) error += tableau.e[j] * slopes[j];
    if (std::abs(end) >= 1) return end * error < 0 ? -1 : 1;
  }
  return 1;
}

}  // namespace

double disturbance_rtol(double rtol, double atol, double rounding) {
  return std::max(rtol > 0 ? rtol : std::min(atol, 1e-3), 4 * rounding);
}

Limits::Limits(const Tableau& tableau, double solve_rtol, double atol, double rounding)
    : rtol(disturbance_rtol(solve_rtol, atol, rounding)),
      silent_below(std::min(1e-4, 0.1 * std::pow(10.0, -tableau.error_order()))),
      rounding_below(4 * rounding / rtol),
      straight_until(100 * 4 * rounding / rtol),
      floor_of_start(std::clamp(atol, 1e-12, std::max(rtol, 1e-12))),
      floor_of_largest(4 * rounding / rtol) {
  estimate_over_error = std::max(1.0, std::pow(1e-3 / rtol, 1.0 / (tableau.error_order() + 1)));
  if (&tableau == &costate::tableau(Method::kAuto))
    sign_of_error = sign_of_error_at_limit(costate::tableau(kAutoExplicit));
  if (tableau.is_implicit()) return;  // disturbances are carried from the start
  sign_of_error = sign_of_error_at_limit(tableau);
  const LinearError error(tableau);
  for (std::size_t i = 0; i < std::size(kShares); ++i) thresholds[i] = find_threshold(error, tried(kShares[i]) * rtol);
}

Leeway leeway(Method method) {
  if (!tableau(method).is_implicit()) return {};
  const ImplicitMethod data = implicit_method(method);
  if (data.collocation != nullptr) return {.of_step = 30, .of_solve = 30};
  if (data.rosenbrock != nullptr) return {.of_step = 5, .of_solve = 30};
  return {.of_step = 1, .of_solve = 5};
}

std::vector<double> bend_weights(const Tableau& tableau) {
  std::size_t last = tableau.e.size() - 1;
  while (tableau.e[last] == 0) --last;
  std::vector<double> weights(last + 1);
  weights.front() = -1;
  weights.back() = 1;
  return weights;
}

double pattern(std::uint64_t stream, std::size_t index) {
  constexpr std::uint64_t kSeed = 0x6c6f6f6b;
  const double number = Random(kSeed).uniform(stream, index, -1, 1);
  return number < 0 ? number - 0.5 : number + 0.5;
}

}  // namespace costate::internal::guard
