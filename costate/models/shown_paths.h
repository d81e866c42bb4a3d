// What a report draws of a fit: stretches of trajectories, and the model's paths along them.
#pragma once

#include <vector>

#include "costate/models/held_forecasts.h"
#include "costate/models/series_objective.h"

namespace costate {

/// Of the trajectory of the first window and of the first one held out: all, or 2000 samples, around that window and
/// where what is held out begins. One stretch if the end of a single trajectory is held out.
std::vector<Window> shown_stretches(const TimeSeries& series, const Split& split, const std::vector<Window>& windows);

/// Whether some of a window's samples are in one of the stretches.
bool is_shown(const Window& window, const std::vector<Window>& shown);

/// From a state at the first sample of a window to its last, with points between.
StatePath dense_path(const SeriesModel& model, const TimeSeries& series, const Window& window,
                     std::vector<double> start);

/// As few windows as reach over all samples shown, each drawn from where the one before ended, so that one line shows
/// the fit.
std::vector<StatePath> fitted_paths(const SeriesModel& model, const TimeSeries& series,
                                    const SeriesObjective& objective, const std::vector<Window>& shown);

}  // namespace costate
