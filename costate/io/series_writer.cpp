// Trajectories → columns → CSV.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "costate/io/files.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/series.h"

namespace costate {
namespace {

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

/// "<0.01" where a state is known by a limit alone.
std::string state_cell(const Trajectory& trajectory, std::int64_t place) {
  const auto number = [&](const HostArray& array) { return array.size() > 0 ? array.at(place) : std::nan(""); };
  const double state = trajectory.states.at(place), below = number(trajectory.below), above = number(trajectory.above);
  if (!std::isnan(state)) return internal::format_double(state);
  if (!std::isnan(below)) return "<" + internal::format_double(below);
  return std::isnan(above) ? "" : ">" + internal::format_double(above);
}

void append_states(std::vector<CsvColumn>& columns, const TimeSeries& series) {
  const bool has_limits = std::ranges::any_of(series.trajectories, [](const Trajectory& trajectory) {
    return trajectory.below.size() + trajectory.above.size() > 0;
  });
  if (!has_limits) return append_columns(columns, series.state_names, series.trajectories, &Trajectory::states);
  for (std::size_t k = 0; k < series.state_names.size(); ++k) {
    std::vector<std::string> cells;
    for (const Trajectory& trajectory : series.trajectories)
      for (std::size_t i = 0; i < trajectory.times.size(); ++i)
        cells.push_back(state_cell(trajectory, static_cast<std::int64_t>(i * series.state_names.size() + k)));
    columns.push_back({series.state_names[k], std::move(cells)});
  }
}

std::vector<std::string> split(const std::string& text, char delimiter) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == delimiter)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

/// The column, or the columns that its name and its cells are made of: "site,visit" with "A,1".
void append_parts(std::vector<CsvColumn>& columns, const std::string& name,
                  const std::vector<std::vector<std::string>>& cells, const std::vector<std::string>& joined) {
  const std::vector<std::string> names = split(name, ',');
  const bool is_split = names.size() > 1 && std::ranges::all_of(cells, [&](const std::vector<std::string>& parts) {
                          return parts.size() == names.size();
                        });
  if (!is_split) {
    columns.push_back({name, joined});
    return;
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::vector<std::string> column;
    for (const std::vector<std::string>& parts : cells) column.push_back(parts[i]);
    columns.push_back({names[i], std::move(column)});
  }
}

/// The parts of a date in as many columns: at each blank, or of two columns where the time of day begins.
std::vector<std::string> date_parts(const std::string& cell, std::size_t columns, const std::string& format) {
  std::vector<std::string> parts = split(cell, ' ');
  if (columns != 2 || parts.size() == 2) return parts;
  const std::size_t clock = std::min(format.find("%H"), format.find("%I"));
  if (clock == std::string::npos) return parts;
  auto blanks = std::count(format.begin(), format.begin() + static_cast<std::ptrdiff_t>(clock), ' ');
  const auto end = std::find_if(cell.begin(), cell.end(), [&](char c) { return c == ' ' && --blanks == 0; });
  return end == cell.end() ? parts : std::vector<std::string>{{cell.begin(), end}, {end + 1, cell.end()}};
}

void append_times(std::vector<CsvColumn>& columns, const TimeSeries& series, const std::vector<double>& times) {
  const std::string name = series.time_name.empty() ? "time" : series.time_name;
  if (series.time_scale.unit.empty()) {
    columns.push_back({name, times});
    return;
  }
  const std::vector<std::string> joined = time_cells(times, series.time_scale);
  const auto count = static_cast<std::size_t>(std::count(name.begin(), name.end(), ',')) + 1;
  std::vector<std::vector<std::string>> parts;
  for (const std::string& cell : joined) parts.push_back(date_parts(cell, count, series.time_scale.format));
  append_parts(columns, name, parts, joined);
}

}  // namespace

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
  if (has_ids) {
    std::vector<std::vector<std::string>> parts;
    for (const std::string& id : ids) parts.push_back(split(id, ','));
    append_parts(columns, series.trajectory_name.empty() ? "trajectory" : series.trajectory_name, parts, ids);
  }
  append_times(columns, series, times);
  append_states(columns, series);
  append_columns(columns, series.input_names, series.trajectories, &Trajectory::inputs);
  return columns;
}

void write_series(const std::filesystem::path& path, const TimeSeries& series, const std::string& provenance) {
  write_csv(path, series_columns(series));
  std::error_code ignored;
  if (!provenance.empty() && std::filesystem::is_regular_file(path, ignored))
    write_atomically(path.string() + ".txt", provenance + "\n");
}

}  // namespace costate
