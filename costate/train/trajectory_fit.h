// Fits any vector field to stretches of trajectories that start at known states: the least-squares loss over z(t0),
// z(t1), z(t2), …. For noisy starts, units and hold-outs see series/fit.h.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/io/mapped_array.h"
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

/// The same windows of trajectories that stay in their file: what a batch needs is read when it is trained on. Epochs
/// go through the file by shards, stretches of some megabytes. Where ranks share a training, each reads its
/// own windows of a batch alone.
class MappedWindows {
 public:
  /// `states`: [trajectory, time, state], or [time, state]. Throws as cut_windows.
  MappedWindows(MappedArray states, double spacing, const WindowOptions& options);

  std::size_t count() const { return trajectories_ * each_; }
  std::int64_t num_states() const { return state_; }
  /// [time] of each window.
  const HostArray& times() const { return times_; }
  /// Windows of a shard.
  std::size_t shard() const;

  /// [windows.size(), time, state] in the array's dtype, of which only windows begin … end - 1 are read; the others are
  /// 0.
  HostArray take(std::span<const std::size_t> windows, const BatchRange& read) const;

 private:
  MappedArray states_;
  std::size_t trajectories_ = 1, each_ = 0;
  std::int64_t samples_ = 0, state_ = 0, length_ = 0, stride_ = 0;
  HostArray times_;
};

struct TrajectoryFitOptions {
  SolveOptions solve = {};
  TrainOptions train = {};
  Dtype dtype = Dtype::kF64;
  Device device = Device::kCpu;
};

/// Trains the Parameters on the mean square difference over all states after the first. A window whose solve fails
/// makes its step's loss NaN, and the step is skipped. Throws as solve, train and, for a device, compile.
TrainResult fit_trajectories(const VectorField& field, const std::vector<Parameter>& parameters,
                             const TrajectoryWindows& windows, const TrajectoryFitOptions& options);
/// The field takes no arguments.
TrainResult fit_trajectories(const VectorField& field, const std::vector<Parameter>& parameters,
                             const MappedWindows& windows, const TrajectoryFitOptions& options);

}  // namespace costate
