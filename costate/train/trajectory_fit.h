// Fits any vector field to stretches of trajectories that start at known states: the least-squares loss over z(t0),
// z(t1), z(t2), …. For noisy starts, units and hold-outs see fit.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/solve/solve.h"
#include "costate/train/loop.h"

namespace costate {

/// What a fit sees: one row of each array a stretch.
struct TrajectoryWindows {
  HostArray times;                        // [time]: the same for all, or [window, time]
  HostArray states;                       // [window, time, state]; the first ones are the starts
  std::vector<HostArray> arguments = {};  // [window, …]: of the field, one a window
};

struct WindowOptions {
  std::int64_t length = 20;  // samples of a window
  std::int64_t stride = 0;   // samples from one window's start to the next; 0: length - 1, so that ends meet
};

/// Windows of states [trajectory, time, state] that were sampled `spacing` apart; their times begin at 0.
/// InvalidArgument if a trajectory is shorter than a window or an option is out of range.
TrajectoryWindows cut_windows(const HostArray& states, double spacing, const WindowOptions& options);

struct TrajectoryFitOptions {
  SolveOptions solve = {};
  TrainOptions train = {};
  Dtype dtype = Dtype::kF64;
};

/// Trains the Parameters on the mean square difference over all states after the first. A window whose solve fails
/// makes its step's loss NaN, and the step is skipped. Throws as solve and train.
TrainResult fit_trajectories(const VectorField& field, const std::vector<Parameter>& parameters,
                             const TrajectoryWindows& windows, const TrajectoryFitOptions& options);

}  // namespace costate
