// Stretches of time series as arrays of one length, normalized, with times from each stretch's own start: what a
// program that solves a model along them is run on.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/time_series.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/series/series_model.h"
#include "costate/series/windows.h"

namespace costate {

/// Samples [first, first + count) of a trajectory. States are looked at in the first `known` of them only; inputs are
/// those of the trajectory, or behind the known samples rows of `inputs_ahead` [count - known, input], if given.
struct Stretch {
  const Trajectory* trajectory = nullptr;
  std::size_t first = 0, count = 0, known = 0;
  const HostArray* inputs_ahead = nullptr;
};

/// All samples of a window, known.
Stretch stretch_of(const TimeSeries& series, const Window& window);

/// What programs of windows are compiled for.
struct WindowShape {
  std::int64_t times = 0, event_times = 0;
  bool has_limits = false;

  friend auto operator<=>(const WindowShape& left, const WindowShape& right) = default;
};

struct WindowArrays {
  HostArray starts;      // [window, measured]: the first sample; a missing cell is the next known one, or the mean
  HostArray times;       // [window, time]; shorter stretches repeat their last time
  HostArray targets;     // [window, time, measured]; 0 where nothing is known
  HostArray masks;       // [window, time, measured]: 1 where something is
  HostArray inputs;      // [window, time, input]
  HostArray covariates;  // [window, covariate]
  HostArray phases;      // [window, period], of the clocks at each start
  HostArray unmeasured;  // [window, measured]: 1 where a start is unmeasured, which the model tells
  HostArray event_times, amounts,
      rates;         // [window, k], [window, k, event]: an EventPath; shorter ones repeat their last
  HostArray before;  // [window, time, event]: amounts before each time
  HostArray sides;   // [window, time, measured]: -1 or 1 where a target is only a limit, which the state lies below or
                     // above; empty if none is

  std::int64_t count() const { return starts.shape()[0]; }
  WindowShape shape() const { return {times.shape()[1], event_times.shape()[1], sides.size() > 0}; }
};

/// `length` times a window, which is as long as the longest.
WindowArrays window_arrays(const SeriesModel& model, std::span<const Stretch> stretches, std::size_t length);

/// The windows of these rows.
WindowArrays take_windows(const WindowArrays& arrays, std::span<const std::size_t> rows);

/// Arguments of a program that takes one window of the model: shifts [z], by which its start differs from what the
/// first sample tells, then a row of each of the arrays above that the model has a use for.
std::vector<ArgumentSpec> window_arguments(const SeriesModel& model, const WindowShape& shape);

/// The arguments by name, inside a trace.
struct WindowParts {
  Array shift, start, times, targets, masks;
  Array unmeasured, inputs, event_times, amounts, rates, before, covariates, phases,
      sides;  // empty where there are none
};
WindowParts window_parts(const SeriesModel& model, std::span<const Array> arguments);

/// What a Program of these arguments is run on; shifts [window, z].
std::vector<HostArray> window_inputs(const SeriesModel& model, const WindowArrays& arrays, HostArray shifts);

/// A program of windows, which is compiled for each shape of those that it is run on, and kept: a training runs on the
/// same ones again and again.
class WindowProgram {
 public:
  /// The model must outlive it; its weights are read at each run.
  WindowProgram(const SeriesModel& model, std::function<Function(const WindowShape&)> trace)
      : model_(model), trace_(std::move(trace)) {}

  RunResult run(const WindowArrays& arrays, HostArray shifts) const;

 private:
  Program program_for(const WindowShape& shape) const;

  const SeriesModel& model_;
  std::function<Function(const WindowShape&)> trace_;
  mutable std::mutex mutex_;
  mutable std::map<WindowShape, Program> programs_;
};

}  // namespace costate
