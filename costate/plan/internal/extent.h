// How many numbers an operand takes up.
#pragma once

#include <cstddef>

#include "costate/plan/plan.h"

namespace costate::internal {

/// From its first number to one past its last.
inline std::size_t extent(const Source& source, std::size_t lanes) {
  switch (source.motion) {
    case Motion::kFull:
      return source.rows * lanes;
    case Motion::kLane:
      return lanes;
    case Motion::kRow:
      return source.rows;
    case Motion::kScalar:
      return 1;
  }
  return 0;
}

}  // namespace costate::internal
