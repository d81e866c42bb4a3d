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
  std::vector<std::vector<double>> states;  // [time][state]
  /// Ends of the bands that hold nine of ten measurements, alike; empty without bands.
  std::vector<std::vector<double>> lower = {}, upper = {};
};

/// Of a trajectory, with the middles and the bands of an ensemble.
StatePath state_path(std::size_t trajectory, std::vector<double> times, const BandedPath& path);

}  // namespace costate
