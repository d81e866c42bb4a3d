// How rivals choose between their own forms: free runs over the last quarter of the training part.
#pragma once

#include <vector>

#include "costate/array/time_series.h"
#include "costate/series/internal/rival.h"
#include "costate/series/windows.h"

namespace costate::internal {

/// The training part, cut once more.
struct ValidationSplit {
  TimeSeries fitted;            // what a rival is fitted to while it is tried
  std::vector<Window> windows;  // of the training part, that are forecast: first is the origin
};

/// The last quarter of the trajectories if there are four or more, else of each trajectory.
ValidationSplit validation_split(const TimeSeries& training);

/// How far forecasts go that choose a form, and how many of them: up to `samples`, half of a window at most.
struct ForecastReach {
  std::size_t samples = 200;
  std::size_t forecasts = 20;
};

/// Root mean square, in deviations, of forecasts over the windows from a few origins each; infinite if nothing is
/// measured there.
double validation_error(const Rival& rival, const TimeSeries& training, const std::vector<Window>& windows,
                        const ForecastReach& reach = {});

}  // namespace costate::internal
