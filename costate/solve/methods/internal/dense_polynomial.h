// The polynomials w(theta) = sum_p row[p] theta^(p + 1) of a dense output.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>

namespace costate::internal {

inline double dense_weight(std::span<const double> row, double theta) {
  double value = row.back();
  for (std::size_t p = row.size() - 1; p-- > 0;) value = std::fma(value, theta, row[p]);
  return value * theta;
}

/// dw/dtheta.
inline double dense_weight_slope(std::span<const double> row, double theta) {
  double value = 0;
  for (std::size_t p = row.size(); p-- > 0;) value = std::fma(value, theta, static_cast<double>(p + 1) * row[p]);
  return value;
}

}  // namespace costate::internal
