// What a window costs, as a trace: the solve from its start, and its distance from the window's samples.
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/series/series_model.h"
#include "costate/series/windows.h"

namespace costate {

/// Of one window: start, times, targets, masks and, if the system has inputs, u.
std::vector<ArgumentSpec> window_arguments(const WindowArrays& arrays);

/// What a Program of these arguments is run on, with other starts [window, state].
std::vector<HostArray> window_inputs(WindowArrays arrays, HostArray starts);

struct WindowOutputs {
  Array loss;    // sum over the cells
  Array cells;   // how many were measured and reached
  Array states;  // [time, state], normalized
};

WindowOutputs solve_window(const SeriesModel& model, std::span<const Array> arguments);

}  // namespace costate
