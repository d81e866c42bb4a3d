// Forecasts of a fitted model beyond its data, or from any start.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/csv.h"
#include "costate/series/ensemble.h"
#include "costate/series/forecaster.h"

namespace costate {

/// Where forecasts start, one a trajectory: where the data of the fit end, or from `data`, or from `starts`.
struct ForecastOptions {
  std::optional<double> until = {};        // the last time, as a number on the data's axis
  std::optional<std::int64_t> steps = {};  // or this many samples, at the data's spacing; neither: the times of `data`
  /// Samples, as recorded, from which the start is estimated: at the last measured one, or the last one up to `at`.
  TimeSeries data = {};
  std::optional<double> at = {};
  /// Each trajectory's one sample is a start.
  TimeSeries starts = {};
  /// Inputs and events over time, if the model has any: one trajectory for all, or one of the same id for each. They
  /// follow upon those of `data`, or of the last sample of the fit, up to the start.
  TimeSeries drive = {};
  InputsAhead inputs_ahead = InputsAhead::kKnown;  // what is taken for inputs behind the last one; kKnown: nothing
};

struct Forecast {
  TimeSeries series;  // the start included; the measured states alone
  /// [trajectory][sample]: 1 where a state or an input is out of the range of the training; empty if the model does not
  /// know its range.
  std::vector<std::vector<double>> outside = {};
  /// [trajectory]: ends of the bands that hold nine of ten measurements, [sample, state]; empty without bands.
  std::vector<HostArray> lower = {}, upper = {};
  /// For people: what of the starts was estimated, what was taken for inputs, where the range of the training is left.
  std::vector<std::string> notes = {};
};

/// The middle of what the members say, and bands if they have any; a member that cannot be solved so far is left out.
///
/// Throws: InvalidArgument unless one of until and steps is given, or data with samples behind the start, and lies
///         ahead, if both data and starts are given, if a model with delayed states is to start from one sample, or if
///         inputs are missing; DataError if inputs end too early, or nothing is measured to start from; SolveFailed if
///         half of the members or more cannot be solved that far.
Forecast forecast(const Ensemble& ensemble, const ForecastOptions& options);
/// Of one model.
Forecast forecast(const SeriesModel& model, const ForecastOptions& options);

/// The columns of a forecast in a file: those of its series, NAME_lower and NAME_upper of each state if there are
/// bands, and "outside", the marks; "_band" or "_training" follows a name that a state has.
std::vector<CsvColumn> forecast_columns(const Forecast& forecast);

}  // namespace costate
