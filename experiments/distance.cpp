#include "experiments/distance.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace costate::experiments {

double relative_distance(std::span<const double> found, std::span<const double> truth) {
  double differences = 0, squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    differences += (found[i] - truth[i]) * (found[i] - truth[i]);
    squares += truth[i] * truth[i];
  }
  return std::sqrt(differences / squares);
}

double largest_relative_difference(std::span<const double> found, std::span<const double> truth) {
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::isfinite(found[i]) ? std::abs(found[i] - truth[i]) : HUGE_VAL);
    scale = std::max(scale, std::abs(truth[i]));
  }
  return largest / scale;
}

}  // namespace costate::experiments
