#include "costate/operations/internal/taylor_exponential.h"

#include <algorithm>
#include <limits>

namespace costate::internal {

/// A polynomial of degree m is exact to 2^-53, in the sense of a backward error, up to the norm theta_m (Table 3.1
/// there).
TaylorScheme choose_scheme(double norm, double t) {
  constexpr struct {
    int degree;
    double theta;
  } kRows[] = {{5, 2.4e-3}, {10, 1.4e-1}, {15, 6.4e-1}, {20, 1.4}, {25, 2.4}, {30, 3.5},
               {35, 4.7},   {40, 6.0},    {45, 7.2},    {50, 8.5}, {55, 9.9}};
  TaylorScheme best;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& row : kRows) {
    const double steps = std::max(1.0, std::ceil(std::abs(t) * norm / row.theta));
    if (steps * row.degree >= least) continue;
    least = steps * row.degree;
    best = {row.degree, steps, t / steps};
  }
  return best;
}

}  // namespace costate::internal
