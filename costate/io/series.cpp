// Table → trajectories: choose columns, group rows by trajectory, check the times.
#include "costate/io/series.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "costate/base/error.h"
#include "costate/io/internal/shown.h"

namespace costate {
namespace {

using Rows = std::vector<std::size_t>;
using Columns = std::vector<std::vector<double>>;

std::string of_trajectory(const std::string& id) {
  return id.empty() ? "" : text::concat(" of trajectory '", internal::shown(id), "'");
}

void check_roles(const SeriesColumns& columns) {
  if (columns.states.empty())
    throw InvalidArgument("[read_series] at least one state column is needed; got none. Name one.");
  std::vector<std::string> all{columns.time};
  all.insert(all.end(), columns.states.begin(), columns.states.end());
  all.insert(all.end(), columns.inputs.begin(), columns.inputs.end());
  all.insert(all.end(), columns.covariates.begin(), columns.covariates.end());
  if (!columns.trajectory.empty()) all.push_back(columns.trajectory);
  std::set<std::string> seen;
  for (const std::string& name : all) {
    if (!internal::is_name(name))
      throw InvalidArgument("[read_series] a column's name must be UTF-8 on one line; got '", internal::shown(name),
                            "'. Rename it in the file.");
    if (!seen.insert(name).second)
      throw InvalidArgument("[read_series] a column can be only one of time, state, input, covariate and trajectory; '", name,
                            "' is named twice.");
  }
}

Columns read_states(const CsvTable& table, const std::vector<std::string>& names) {
  Columns columns;
  for (const std::string& name : names) {
    columns.push_back(table.numbers(name));
    if (std::all_of(columns.back().begin(), columns.back().end(), [](double value) { return std::isnan(value); }))
      throw DataError("[read_series] ", table.source(), ": state column '", name, "' has no number at all.");
  }
  return columns;
}

Columns read_inputs(const CsvTable& table, const std::vector<std::string>& names) {
  Columns columns;
  for (const std::string& name : names) {
    columns.push_back(table.numbers(name));
    for (std::size_t row = 0; row < table.num_rows(); ++row)
      if (std::isnan(columns.back()[row]))
        throw DataError("[read_series] ", table.where(row, name),
                        ": the input is missing, and must be known at every time. Fill it in or remove the line.");
  }
  return columns;
}

/// The one number that a trajectory's rows hold in a column.
double covariate_of(const CsvTable& table, const std::string& name, const std::vector<double>& cells, const Rows& rows,
                    const std::string& trajectory) {
  std::optional<std::size_t> first;
  for (const std::size_t row : rows) {
    if (std::isnan(cells[row])) continue;
    if (first && cells[row] != cells[*first])
      throw DataError("[read_series] ", table.where(row, name), ": a covariate is one number for a whole trajectory; got ",
                      cells[row], " after ", cells[*first], " on line ", table.line(*first),
                      ". Make it an input if it changes in time.");
    if (!first) first = row;
  }
  if (!first)
    throw DataError("[read_series] ", table.where(rows.front(), name), ": covariate '", name, "' has no number",
                    of_trajectory(trajectory), ". Fill it in, or leave the covariate out.");
  return cells[*first];
}

/// The rows of each trajectory, in the order in which the trajectories first appear.
std::vector<Rows> group_rows(const CsvTable& table, const std::string& id_column) {
  std::vector<Rows> groups;
  std::map<std::string, std::size_t> index;
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    const std::string id = id_column.empty() ? "" : table.text(id_column)[row];
    if (!id_column.empty() && id.empty())
      throw DataError("[read_series] ", table.where(row, id_column), ": the trajectory is missing. Fill it in.");
    if (!internal::is_name(id))
      throw DataError("[read_series] ", table.where(row, id_column),
                      ": the name of a trajectory must be UTF-8 on one line; got '", internal::shown(id), "'.");
    const auto [entry, is_new] = index.try_emplace(id, groups.size());
    if (is_new) groups.emplace_back();
    groups[entry->second].push_back(row);
  }
  return groups;
}

void check_times(const CsvTable& table, const SeriesColumns& columns, const Rows& rows, const Trajectory& trajectory) {
  if (rows.size() < columns.min_samples)
    throw DataError("[read_series] ", table.source(), ": at least ", columns.min_samples, " rows",
                    of_trajectory(trajectory.id), " are needed; got ", rows.size(), ".");
  const std::string& text_column = columns.time;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (!std::isfinite(trajectory.times[i] - trajectory.times.front()))
      throw DataError("[read_series] ", table.where(rows[i], text_column), ": times", of_trajectory(trajectory.id),
                      " lie too far apart to be subtracted; give them in another unit.");
    if (trajectory.times[i] > trajectory.times[i - 1]) continue;
    const std::vector<std::string>& cells = table.text(text_column);
    const bool is_repeated = trajectory.times[i] == trajectory.times[i - 1];
    throw DataError("[read_series] ", table.where(rows[i], text_column), ": times", of_trajectory(trajectory.id),
                    " must increase; got ", internal::shown(cells[rows[i]]), " after ",
                    internal::shown(cells[rows[i - 1]]), " on line ", table.line(rows[i - 1]), ". ",
                    is_repeated ? "Merge the two, or name the trajectory column if these are several runs."
                                : "Sort the rows, or name the trajectory column if these are several runs.");
  }
}

HostArray gather(const Columns& columns, const Rows& rows) {
  HostArray out(Shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(columns.size())});
  const std::span<double> values = out.data<double>();
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < columns.size(); ++j) values[i * columns.size() + j] = columns[j][rows[i]];
  return out;
}

void append_columns(std::vector<CsvColumn>& columns, const std::vector<std::string>& names,
                    const std::vector<Trajectory>& trajectories, HostArray Trajectory::*values) {
  for (std::size_t j = 0; j < names.size(); ++j) {
    std::vector<double> cells;
    for (const Trajectory& trajectory : trajectories) {
      const HostArray& array = trajectory.*values;
      for (std::size_t i = 0; i < trajectory.times.size(); ++i)
        cells.push_back(array.at(static_cast<std::int64_t>(i * names.size() + j)));
    }
    columns.push_back({names[j], std::move(cells)});
  }
}

}  // namespace

TimeSeries series_from_table(const CsvTable& table, const SeriesColumns& columns) {
  check_roles(columns);
  const TimeColumn times = table.times(columns.time, columns.time_scale);
  const Columns states = read_states(table, columns.states);
  const Columns inputs = read_inputs(table, columns.inputs);
  Columns covariates;
  for (const std::string& name : columns.covariates) covariates.push_back(table.numbers(name));
  TimeSeries series{columns.time, times.scale, columns.states, columns.inputs, {}, columns.covariates};
  for (const Rows& rows : group_rows(table, columns.trajectory)) {
    Trajectory trajectory;
    if (!columns.trajectory.empty()) trajectory.id = table.text(columns.trajectory)[rows.front()];
    for (const std::size_t row : rows) trajectory.times.push_back(times.values[row]);
    check_times(table, columns, rows, trajectory);
    trajectory.states = gather(states, rows);
    trajectory.inputs = gather(inputs, rows);
    for (std::size_t k = 0; k < covariates.size(); ++k)
      trajectory.covariates.push_back(covariate_of(table, columns.covariates[k], covariates[k], rows, trajectory.id));
    series.trajectories.push_back(std::move(trajectory));
  }
  return series;
}

TimeSeries read_series(const std::filesystem::path& path, const SeriesColumns& columns) {
  return series_from_table(read_csv(path), columns);
}

std::vector<CsvColumn> series_columns(const TimeSeries& series) {
  std::vector<std::string> ids;
  std::vector<double> times;
  bool has_ids = false;
  for (const Trajectory& trajectory : series.trajectories) {
    has_ids = has_ids || !trajectory.id.empty();
    ids.insert(ids.end(), trajectory.times.size(), trajectory.id);
    times.insert(times.end(), trajectory.times.begin(), trajectory.times.end());
  }
  std::vector<CsvColumn> columns;
  if (has_ids) columns.push_back({"trajectory", std::move(ids)});
  columns.push_back({series.time_name, std::move(times)});
  append_columns(columns, series.state_names, series.trajectories, &Trajectory::states);
  append_columns(columns, series.input_names, series.trajectories, &Trajectory::inputs);
  return columns;
}

void write_series(const std::filesystem::path& path, const TimeSeries& series, std::vector<std::string> comments) {
  if (!series.time_scale.unit.empty())
    comments.push_back(text::concat("times are ", series.time_scale.unit, " since ", series.time_scale.origin));
  write_csv(path, series_columns(series), comments);
}

}  // namespace costate
