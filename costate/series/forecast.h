// Forecasts of a fitted model beyond its data, or from any start.
#pragma once

#include <optional>
#include <string>

#include "costate/array/time_series.h"
#include "costate/series/series_model.h"

namespace costate {

struct ForecastOptions {
  std::optional<double> until = {};        // the last time, as a number on the data's axis
  std::optional<std::int64_t> steps = {};  // or this many samples, at the data's spacing
  TimeSeries starts = {};                  // each trajectory's first sample is a start; empty: where the data end
  TimeSeries drive = {};                   // inputs and events over time, if the model has any: one trajectory for all
};

/// One trajectory a start, the start included. A model with delayed states must start where its data end.
///
/// Throws: InvalidArgument unless exactly one of until and steps is given and lies ahead, or if the drive is missing or
/// ends too
///         early; SolveFailed if the model cannot be solved that far.
TimeSeries forecast(const SeriesModel& model, const ForecastOptions& options);

}  // namespace costate
