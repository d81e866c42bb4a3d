// What the field of an SDE's steps reads: which step begins at a time, and what the Brownian paths do in it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "costate/graph/array.h"
#include "costate/operations/internal/brownian_tree.h"

namespace costate::internal {

/// The fixed steps of a solve and the seed of its paths, on the tree over all of its time.
struct SdeGrid {
  std::uint64_t seed = 0;
  double t0 = 0, t1 = 0;
  std::vector<double> times;          // [steps + 1]; those of no length are left out
  std::vector<BrownianPlace> places;  // of each time

  std::size_t num_steps() const { return times.size() - 1; }
  bool operator==(const SdeGrid&) const = default;
};

/// Steps from each of these times, which do not descend, to the next, none shorter than the tree's smallest piece.
SdeGrid sde_grid(std::uint64_t seed, const std::vector<double>& step_times);

/// The step that begins at t []: its number, from 0, its time and its length [3]. Of t at the last time: the last step.
Array sde_step(const std::shared_ptr<const SdeGrid>& grid, const Array& t);

/// What the paths `path` [2], stream and sample, do in a step, by its number []: the increments of `channels` paths,
/// and behind them, if wanted, the integrals of W - W(start) over the step [channels or 2 channels]. NaN for a path
/// that is not of whole numbers from 0 to kMostPaths - 1.
struct NoiseRequest {
  std::int64_t channels = 1;
  bool has_integrals = false;
};
Array sde_noise(const std::shared_ptr<const SdeGrid>& grid, const NoiseRequest& request, const Array& path,
                const Array& step);

/// Streams and samples are below: f32 tells whole numbers apart up to there.
inline constexpr double kMostPaths = 0x1p24;

/// Whether a number names a stream or a sample.
bool names_path(double number);

}  // namespace costate::internal
