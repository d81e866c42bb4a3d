#pragma once

#include <cstdint>

#include "costate/array/host_array.h"

namespace costate {

/// [n, n]: 1 where row and column are the same, 0 elsewhere.
inline HostArray identity_matrix(std::int64_t n) {
  HostArray matrix(Shape{n, n});
  for (std::int64_t i = 0; i < n; ++i) matrix.set(i * (n + 1), 1);
  return matrix;
}

}  // namespace costate
