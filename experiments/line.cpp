#include "experiments/line.h"

#include <cstddef>

namespace costate::experiments {

Line line_through(std::span<const double> x, std::span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) mean_x += x[i] / n, mean_y += y[i] / n;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double dx = x[i] - mean_x, dy = y[i] - mean_y;
    xx += dx * dx, xy += dx * dy, yy += dy * dy;
  }
  const double slope = xy / xx;
  return {.slope = slope, .offset = mean_y - slope * mean_x, .r2 = xy * xy / (xx * yy)};
}

}  // namespace costate::experiments
