// The spirals of Chen et al. 2018, section 5.1, by the formulas of the authors' latent_ode.py:
//
//   counter-clockwise   r = 0.3 t              (r cos t + 5, r sin t)
//   clockwise           r = 15 / s             (r cos s - 5, r sin s)     s = 6 pi + 1 - t
//
// on a grid of 500 points of [0, 6 pi]. A sample is a window of 100 points, observed with noise at n of them; the
// window's neighbours on both sides are what a model is asked to extrapolate to.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

constexpr std::int64_t kSpiralWindow = 100;  // grid points of a window, and of each side beyond it

/// On a grid of 500 points, where a window starts and what is seen of it.
struct SpiralOptions {
  std::int64_t count = 1000;                         // half of them clockwise, in turn
  std::int64_t observed = 100;                       // n
  std::int64_t first_start = 100, last_start = 299;  // windows start uniformly between, at grid points
  double noise = 0.3;                                // sd
  std::uint64_t seed = 0;
};

/// Times are those of the curve less those of the window's start.
struct Spirals {
  HostArray times;           // [count, n]
  HostArray observations;    // [count, n, 2], with noise
  HostArray truth;           // [count, 3 kSpiralWindow, 2] without noise: before, in and behind the window
  std::vector<double> grid;  // [3 kSpiralWindow]: the times of truth, 0 at the window's first point

  std::int64_t count() const { return times.shape()[0]; }
};

/// Sample i depends on the seed and i alone. InvalidArgument for counts below 1, more than kSpiralWindow observed, a
/// window or a side of it that leaves the grid, or a negative noise.
Spirals spirals(const SpiralOptions& options);

}  // namespace costate
