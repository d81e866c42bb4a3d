// What a forecast starts from and is driven by, from tables of the columns that a model was fitted to.
#pragma once

#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/io/table.h"
#include "costate/series/forecaster.h"
#include "costate/series/series_model.h"

namespace costate {

/// Samples for ForecastOptions::data. A table without the model's trajectory column is one trajectory. Throws as
/// series_from_table, as all of these do.
TimeSeries data_from_table(const CsvTable& table, const SeriesModel& model);

/// For ForecastOptions::starts: each row a trajectory, if no column says otherwise.
TimeSeries starts_from_table(const CsvTable& table, const SeriesModel& model);

/// For ForecastOptions::drive: inputs and events over time. InvalidArgument if the model has neither.
TimeSeries drive_from_table(const CsvTable& table, const SeriesModel& model);

/// Removes outliers and codes from samples as the fit did, and says which, one line a column.
std::vector<std::string> remove_outliers_of(TimeSeries& data, const SeriesModel& model);

/// "hold", "repeat", or "" for inputs that are known. InvalidArgument for another text.
InputsAhead inputs_ahead_from_name(const std::string& name);

}  // namespace costate
