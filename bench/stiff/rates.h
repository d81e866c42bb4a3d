// The rates of system i: Robertson's, each times a factor from 0.5 to 1.5. bench/stiff/diffrax_side.py has the same.
#pragma once

#include <cstdint>

namespace bench {

inline double robertson_rate(std::int64_t i, std::int64_t j) {
  constexpr double kRates[] = {0.04, 1e4, 3e7};
  const double share = static_cast<double>((i * (2 * j + 3) * 7919 + 104729 * j) % 9973) / 9973;
  return kRates[j] * (0.5 + share);
}

}  // namespace bench
