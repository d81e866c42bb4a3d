#include "costate/series/forecast_tables.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/outliers.h"

namespace costate {
namespace {

bool has_columns(const CsvTable& table, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) { return table.has_column(name); });
}

bool is_given(const Trajectory& rows, std::size_t column) {
  const std::vector<double> cells = rows.states.column(static_cast<std::int64_t>(column));
  return std::ranges::any_of(cells, [](double cell) { return !std::isnan(cell); });
}

/// The model's columns as a further table has them, which may be of one trajectory.
SeriesColumns columns_in(const CsvTable& table, const SeriesModel& model) {
  SeriesColumns columns = model.options().columns;
  columns.time_scale = model.time_scale();
  columns.min_samples = 1;
  if (!has_columns(table, table.columns_of(columns.trajectory))) columns.trajectory.clear();
  return columns;
}

}  // namespace

TimeSeries data_from_table(const CsvTable& table, const SeriesModel& model) {
  return series_from_table(table, columns_in(table, model));
}

TimeSeries starts_from_table(const CsvTable& table, const SeriesModel& model) {
  SeriesColumns columns = columns_in(table, model);
  if (!has_columns(table, columns.inputs)) columns.inputs.clear();
  columns.events.clear();
  if (!columns.trajectory.empty()) return series_from_table(table, columns);
  // Before a column is added, which the message on a missing one would list.
  std::vector<std::vector<std::string>> needed = {columns.covariates};
  if (columns.quantity.empty()) needed.insert(needed.end(), {columns.states, columns.inputs});
  if (!columns.time.empty()) needed.push_back(table.columns_of(columns.time));
  for (const std::vector<std::string>& names : needed)
    for (const std::string& name : names) table.text(name);
  columns.trajectory = "start";
  while (table.has_column(columns.trajectory)) columns.trajectory += "_row";
  std::vector<std::string> rows;
  for (std::size_t row = 0; row < table.num_rows(); ++row) rows.push_back(std::to_string(row + 1));
  TimeSeries series = series_from_table(table.with_column(columns.trajectory, std::move(rows)), columns);
  if (series.trajectories.size() == 1) series.trajectories[0].id.clear();
  return series;
}

/// The reader wants a state; the inputs are read as such, so that none may be missing in between unnoticed.
TimeSeries drive_from_table(const CsvTable& table, const SeriesModel& model) {
  if (model.input_names().empty() && !model.has_events())
    throw InvalidArgument("[forecast] the model was fitted without inputs and events, so that it takes none ahead.");
  SeriesColumns columns = columns_in(table, model);
  columns.states = columns.inputs;
  columns.inputs.clear();
  columns.covariates.clear();
  TimeSeries drive = series_from_table(table, columns);
  for (std::size_t k = 0; k < columns.states.size(); ++k)
    if (std::ranges::none_of(drive.trajectories, [k](const Trajectory& rows) { return is_given(rows, k); }))
      throw DataError("[forecast] ", table.source(), ": the input '", columns.states[k], "' has no number at all.");
  for (Trajectory& trajectory : drive.trajectories) trajectory.inputs = trajectory.states;
  return drive;
}

std::vector<std::string> remove_outliers_of(TimeSeries& data, const SeriesModel& model) {
  std::vector<std::string> notes;
  for (const Outliers& found : remove_outliers(data, missing_codes_of(model.options().columns.layout)))
    notes.push_back(found.note());
  return notes;
}

InputsAhead inputs_ahead_from_name(const std::string& name) {
  if (name.empty()) return InputsAhead::kKnown;
  if (name == "hold") return InputsAhead::kHold;
  if (name == "repeat") return InputsAhead::kRepeat;
  throw InvalidArgument("[forecast] --inputs-ahead takes hold or repeat; got '", name, "'.");
}

}  // namespace costate
