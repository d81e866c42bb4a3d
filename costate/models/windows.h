// Time series cut into windows for multiple shooting: many short solves, each from its own start, train where one long
// solve would get lost. All numbers are normalized; times are measured from each window's start.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/time_series.h"
#include "costate/models/normalization.h"

namespace costate {

/// Samples [first, first + count) of a trajectory.
struct Window {
  std::size_t trajectory = 0;
  std::size_t first = 0;
  std::size_t count = 0;
};

/// Windows of at most `length` samples over the first `ends[i]` samples of trajectory i, each half over the next; the
/// last one of a trajectory reaches to its end.
std::vector<Window> cut_windows(std::span<const std::size_t> ends, std::size_t length);

/// Windows as arrays of one length; shorter ones repeat their last time, with masks 0.
struct WindowArrays {
  HostArray starts;   // [window, state]: the first sample, missing cells interpolated in time
  HostArray times;    // [window, time]
  HostArray targets;  // [window, time, state]; 0 where nothing was measured
  HostArray masks;    // [window, time, state]: 1 where something was
  HostArray inputs;   // [window, time, input]

  std::int64_t count() const { return starts.shape()[0]; }
};

WindowArrays window_arrays(const TimeSeries& series, const std::vector<Window>& windows,
                           const Normalization& normalization);

}  // namespace costate
