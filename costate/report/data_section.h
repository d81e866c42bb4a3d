// The part of a fit's report that shows data, fit and forecasts.
#pragma once

#include <vector>

#include "costate/report/html.h"
#include "costate/report/shown_paths.h"

namespace costate {

/// Pictures over time of what is shown, the hold-out shaded, with the inputs below; trajectories that were held out
/// side by side where there are several; the phase portrait with the learned field.
Section data_section(const FitResult& result, const ShownPaths& shown);

/// Names the x axis of a figure over a series' times; dates where they are dates.
void set_time_axis(const TimeSeries& series, Figure& figure);

std::vector<double> times_of(const TimeSeries& series, const Window& stretch);

}  // namespace costate
