// States along a stretch of a trajectory, as results and pictures hold them.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/series/ensemble.h"

namespace costate {

/// In the data's units.
struct StatePath {
  std::size_t trajectory = 0;
  std::vector<double> times;
  BandedPath states;  // at these times
};

}  // namespace costate
