// Starts of pendulums, from small swings to nearly upright.
#pragma once

#include <cmath>
#include <cstdint>

#include "costate/array/host_array.h"

namespace costate {

/// [batch, 2].
inline HostArray pendulum_starts(std::int64_t batch) {
  HostArray z0(Shape{batch, 2});
  for (std::int64_t i = 0; i < batch; ++i) {
    z0.set(2 * i, 0.1 + 2.5 * static_cast<double>(i) / static_cast<double>(batch));
    z0.set(2 * i + 1, 0.3 * std::sin(static_cast<double>(i)));
  }
  return z0;
}

}  // namespace costate
