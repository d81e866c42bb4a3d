#include "costate/series/periodogram.h"

#include <cmath>
#include <numbers>
#include <numeric>

namespace costate {

std::vector<double> periodogram(std::span<const double> series, std::span<const double> frequencies) {
  const auto count = static_cast<double>(series.size());
  const double mean = std::accumulate(series.begin(), series.end(), 0.0) / count;
  std::vector<double> power;
  for (const double frequency : frequencies) {
    double cosine = 0, sine = 0, n = 0;
    for (const double value : series) {
      const double window = std::pow(std::sin(std::numbers::pi * n / count), 2);
      const double phase = 2 * std::numbers::pi * frequency * n++;
      cosine += window * (value - mean) * std::cos(phase);
      sine += window * (value - mean) * std::sin(phase);
    }
    power.push_back((cosine * cosine + sine * sine) / count);
  }
  return power;
}

}  // namespace costate
