// Numbers that are drawn for a test.
#pragma once

#include <cstdint>
#include <random>

#include "costate/array/host_array.h"

namespace costate::test {

/// From (low, high).
inline HostArray drawn(const Shape& shape, double low, double high, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> draw(low, high);
  HostArray array(shape);
  for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, draw(random));
  return array;
}

}  // namespace costate::test
