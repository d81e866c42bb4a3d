// Samples of the two-dimensional toy densities of the FFJORD paper (Grathwohl et al. 2019), with its parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

/// Which samples of the endless sequence that a seed stands for.
struct SampleRange {
  std::uint64_t seed = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// Samples [count, 2], f64. Row i depends on the seed and `first + i` alone. Names: density_names(). InvalidArgument
/// for an unknown name (with the nearest) or a negative range.
HostArray sample_density(const std::string& name, const SampleRange& range);

/// swissroll, circles, rings, moons, 8gaussians, pinwheel, 2spirals, checkerboard.
std::vector<std::string> density_names();

}  // namespace costate
