// A fit as Python has it, and what fits and forecasts read.
#pragma once

#include <string>

#include "costate/array/time_series.h"
#include "costate/io/table.h"
#include "costate/series/fit.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// A fitted model and what is said of it, which files and pickles keep in parts: a model file the model alone, a pickle
/// all but `result.series` and what belongs to it, and `data`.
struct Fit {
  FitResult result;
  TimeSeries data = {};  // as recorded, for forecasts that start within
  std::string summary = {}, verdict = {}, chosen = {};

  bool has_data() const { return !data.trajectories.empty(); }
  /// What plots and reports draw, which no file keeps.
  bool has_paths() const { return !result.series.trajectories.empty(); }
};

/// NumPy arrays or pandas objects as a series: a run is a trajectory, times may be dates. ShapeError, DtypeError and
/// DataError, "[fit] …", for what does not fit.
TimeSeries series_of_arrays(const nb::object& times, const nb::object& states, const nb::object& inputs,
                            const nb::object& covariates);

/// A DataFrame, a dict of columns or a path as a table of the core's reader. `index` is the column that may be the
/// times where nobody names one: a frame's index, or "".
struct NamedTable {
  CsvTable table;
  std::string index;
};
NamedTable to_table(nb::handle data, const SeriesColumns& columns, const std::string& what = "[fit_table] data");

/// A number, or a date in any form of Python's, on the axis of a model's times; nothing of None.
std::optional<double> to_time(const char* name, nb::handle value, const TimeScale& scale);

/// Times as numbers on the axis of a model: numbers as they are, and dates.
std::vector<double> to_times(nb::handle times, const TimeScale& scale);

/// What Fit.forecast takes; None where nothing is given.
struct ForecastArguments {
  nb::object until, at, data, starts, inputs;
  std::optional<std::int64_t> steps;
  std::optional<std::string> inputs_ahead;
};
/// A costate.Forecast.
nb::object forecast_of(const Fit& fit, const ForecastArguments& given);

/// Fit.export.
void bind_export(nb::class_<Fit>& type);

/// What a fit says after each epoch, for `progress`: None, True or a callable of a dict.
std::function<void(const FitProgress&)> to_epoch_listener(const nb::object& progress);

/// What a fit gave, and its data as recorded; or its models alone.
Fit to_fit(FitResult result, TimeSeries data);
Fit to_fit(Ensemble ensemble);

}  // namespace costate::python
