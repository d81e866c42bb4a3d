// Stretches of time series as arrays of one length, normalized, with times from each stretch's own start: what a
// program that solves a model along them is run on.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/time_series.h"
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

struct WindowArrays {
  HostArray starts;      // [window, measured]: the first sample; missing cells lie between known ones, or are the mean
  HostArray times;       // [window, time]; shorter stretches repeat their last time
  HostArray targets;     // [window, time, measured]; 0 where nothing is known
  HostArray masks;       // [window, time, measured]: 1 where something is
  HostArray inputs;      // [window, time, input]
  HostArray covariates;  // [window, covariate]
  HostArray phases;      // [window, period], of the clocks at each start

  std::int64_t count() const { return starts.shape()[0]; }
};

/// `length` times a window, which is as long as the longest.
WindowArrays window_arrays(const SeriesModel& model, std::span<const Stretch> stretches, std::size_t length);

/// The windows of these rows.
WindowArrays take_windows(const WindowArrays& arrays, std::span<const std::size_t> rows);

/// Arguments of a program that takes one window of the model, of `length` times: shifts [z], by which its start differs
/// from what the first sample tells, then a row of each of the arrays above that the model has a use for.
std::vector<ArgumentSpec> window_arguments(const SeriesModel& model, std::int64_t length);

/// What a Program of these arguments is run on; shifts [window, z].
std::vector<HostArray> window_inputs(const WindowArrays& arrays, HostArray shifts);

}  // namespace costate
