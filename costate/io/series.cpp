// Table → trajectories: choose columns, group rows by trajectory, gather those of one time.
#include "costate/io/series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "costate/base/error.h"
#include "costate/io/internal/event_cells.h"
#include "costate/io/internal/long_table.h"
#include "costate/io/internal/series_checks.h"
#include "costate/io/internal/shown.h"
#include "costate/io/table.h"

namespace costate {
namespace {

using Rows = std::vector<std::size_t>;
using Columns = std::vector<std::vector<double>>;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// Of one sample, where a model starts, not every state needs to be known: at least one must be.
bool may_lack_states(const SeriesColumns& columns) { return columns.min_samples == 1; }

Measurements read_state(const CsvTable& table, const SeriesColumns& columns, const std::string& name) {
  if (columns.quantity.empty()) return table.measurements(name);
  if (internal::is_quantity(table, columns, name) || !may_lack_states(columns))
    return internal::read_quantity(table, columns, name);
  const std::vector<double> none(table.num_rows(), kNone);
  return {.values = none, .below = none, .above = none};
}

std::vector<Measurements> read_states(const CsvTable& table, const SeriesColumns& columns) {
  std::vector<Measurements> states;
  std::vector<std::string> unknown;
  for (const std::string& name : columns.states) {
    states.push_back(read_state(table, columns, name));
    if (std::ranges::all_of(states.back().values, [](double value) { return std::isnan(value); }))
      unknown.push_back(name);
  }
  const bool is_enough = unknown.empty() || (may_lack_states(columns) && unknown.size() < states.size());
  if (!is_enough)
    throw DataError("[read_series] ", table.source(), ": state column '", unknown.front(), "' has no number at all.");
  return states;
}

/// Of an input, which nothing can be known of by limits alone.
std::vector<double> read_input_quantity(const CsvTable& table, const SeriesColumns& columns, const std::string& name) {
  Measurements found = internal::read_quantity(table, columns, name);
  for (std::size_t row = 0; row < found.values.size(); ++row)
    if (!std::isnan(found.below[row]) || !std::isnan(found.above[row]))
      throw DataError("[read_series] ", table.where(row, columns.value), ": the input '", internal::shown(name),
                      "' is beyond a limit of detection, as only a state may be. Write a number.");
  return std::move(found.values);
}

Columns read_inputs(const CsvTable& table, const SeriesColumns& columns) {
  Columns inputs;
  for (const std::string& name : columns.inputs)
    inputs.push_back(internal::is_quantity(table, columns, name) ? read_input_quantity(table, columns, name)
                                                                 : table.numbers(name));
  return inputs;
}

/// The one number that a trajectory's rows hold in a column.
double covariate_of(const CsvTable& table, const std::string& name, const std::vector<double>& cells, const Rows& rows,
                    const std::string& trajectory) {
  std::optional<std::size_t> first;
  for (const std::size_t row : rows) {
    if (std::isnan(cells[row])) continue;
    if (first && cells[row] != cells[*first])
      throw DataError("[read_series] ", table.where(row, name),
                      ": a covariate is one number for a whole trajectory; got ", cells[row], " after ", cells[*first],
                      " on line ", table.line(*first), ". Make it an input if it changes in time.");
    if (!first) first = row;
  }
  if (!first)
    throw DataError("[read_series] ", table.where(rows.front(), name), ": covariate '", name, "' has no number",
                    of_trajectory(internal::shown(trajectory)), ". Fill it in, or leave the covariate out.");
  return cells[*first];
}

/// The rows of each trajectory, in the order in which the trajectories first appear.
std::vector<Rows> group_rows(const CsvTable& table, const std::string& id_column, const std::vector<std::string>& ids) {
  std::vector<Rows> groups;
  std::map<std::string, std::size_t> index;
  for (std::size_t row = 0; row < table.num_rows(); ++row) {
    const std::string id = ids.empty() ? "" : ids[row];
    if (!ids.empty() && (id.empty() || id.front() == ',' || id.back() == ','))
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

/// Rows of one trajectory at one time.
struct Sample {
  double time = 0;
  Rows rows;
};

/// A trajectory's rows by their time. Those of a long table may be in any order, quantity after quantity; those of
/// another that turn back are several runs, or a mistake.
std::vector<Sample> samples_of(const CsvTable& table, const SeriesColumns& columns, const std::vector<double>& times,
                               Rows rows, const std::string& trajectory) {
  if (!columns.quantity.empty())
    std::ranges::stable_sort(rows, [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  std::vector<Sample> samples;
  for (const std::size_t row : rows) {
    if (!samples.empty() && times[row] < samples.back().time)
      internal::reject_order(table, columns, trajectory, samples.back().rows.back(), row);
    if (samples.empty() || times[row] > samples.back().time) samples.push_back({times[row], {}});
    samples.back().rows.push_back(row);
    if (!std::isfinite(times[row] - samples.front().time))
      throw DataError("[read_series] ", table.where(row, columns.time), ": times",
                      of_trajectory(internal::shown(trajectory)),
                      " lie too far apart to be subtracted; give them in another unit.");
  }
  if (samples.size() < columns.min_samples)
    throw DataError("[read_series] ", table.source(), ": at least ", columns.min_samples, " rows",
                    of_trajectory(internal::shown(trajectory)),
                    rows.size() > samples.size() ? " at different times" : "", " are needed; got ", samples.size(),
                    trajectory.empty() ? "." : ". Leave it out: nothing follows on what it measured.");
  return samples;
}

/// What is known of a state at a time.
struct StateCell {
  double mean = kNone, count = 0, below = kNone, above = kNone;
};

/// Limits tell nothing more where something was measured at the same time.
StateCell cell_of(const Measurements& column, const Rows& rows) {
  StateCell cell;
  double sum = 0;
  for (const std::size_t row : rows) {
    cell.below = std::fmin(cell.below, column.below[row]);
    cell.above = std::fmax(cell.above, column.above[row]);
    if (std::isnan(column.values[row])) continue;
    sum = cell.count == 0 ? column.values[row] : sum + column.values[row];
    ++cell.count;
  }
  if (cell.count == 0) return cell;
  return {.mean = sum / cell.count, .count = cell.count};
}

/// Means of what was measured at a time; of how many measurements, and limits, only if there are several or any.
void gather_states(const std::vector<Measurements>& columns, const std::vector<Sample>& samples,
                   Trajectory& trajectory) {
  const Shape shape{static_cast<std::int64_t>(samples.size()), static_cast<std::int64_t>(columns.size())};
  trajectory.states = HostArray(shape);
  HostArray repeats(shape), below(shape), above(shape);
  bool has_repeats = false, has_below = false, has_above = false;
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::size_t k = 0; k < columns.size(); ++k) {
      const StateCell cell = cell_of(columns[k], samples[i].rows);
      const auto place = static_cast<std::int64_t>(i * columns.size() + k);
      trajectory.states.set(place, cell.mean);
      repeats.set(place, cell.count);
      below.set(place, cell.below);
      above.set(place, cell.above);
      has_repeats = has_repeats || cell.count > 1;
      has_below = has_below || !std::isnan(cell.below);
      has_above = has_above || !std::isnan(cell.above);
    }
  if (has_repeats) trajectory.repeats = std::move(repeats);
  if (has_below) trajectory.below = std::move(below);
  if (has_above) trajectory.above = std::move(above);
}

/// The one value that each input has at each time.
HostArray gather_inputs(const CsvTable& table, const SeriesColumns& names, const Columns& columns,
                        const std::vector<Sample>& samples) {
  HostArray out(Shape{static_cast<std::int64_t>(samples.size()), static_cast<std::int64_t>(columns.size())});
  for (std::size_t i = 0; i < samples.size(); ++i)
    for (std::size_t k = 0; k < columns.size(); ++k) {
      std::optional<std::size_t> first;
      for (const std::size_t row : samples[i].rows) {
        if (std::isnan(columns[k][row])) continue;
        if (first && columns[k][row] != columns[k][*first])
          throw DataError("[read_series] ", table.where(row, names.inputs[k]), ": the input is ", columns[k][row],
                          ", but ", columns[k][*first], " at the same time on line ", table.line(*first),
                          ". Give one value for each time.");
        if (!first) first = row;
      }
      if (!first)
        throw DataError("[read_series] ", table.where(samples[i].rows[0], names.inputs[k]),
                        ": the input is missing, and must be known at every time. Fill it in or remove the line.");
      out.set(static_cast<std::int64_t>(i * columns.size() + k), columns[k][*first]);
    }
  return out;
}

/// Times of the column, or made from the place of a row in its trajectory.
TimeColumn read_times(const CsvTable& table, const SeriesColumns& columns, const std::vector<Rows>& groups) {
  if (!columns.time.empty()) return table.times(columns.time, columns.time_scale, columns.time_format);
  TimeColumn made{.values = std::vector<double>(table.num_rows()), .scale = {}};
  for (const Rows& rows : groups)
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto place = static_cast<double>(i);
      made.values[rows[i]] = columns.rate > 0 ? place / columns.rate : place * columns.step;
    }
  return made;
}

/// Of a long table only the rows of quantities that are states or inputs, and those of events.
Rows rows_with_roles(const CsvTable& table, const SeriesColumns& columns, const internal::EventCells& events,
                     const Rows& rows) {
  if (columns.quantity.empty()) return rows;
  const std::vector<std::string>& quantities = table.text(columns.quantity);
  const auto names = [](const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end();
  };
  Rows kept;
  for (const std::size_t row : rows)
    if (names(columns.states, quantities[row]) || names(columns.inputs, quantities[row]) || events.has(row))
      kept.push_back(row);
  return kept;
}

}  // namespace

TimeSeries series_from_table(const CsvTable& table, const SeriesColumns& columns) {
  internal::check_roles(columns);
  const std::vector<std::string> ids =
      columns.trajectory.empty() ? std::vector<std::string>{} : table.joined(columns.trajectory, ",");
  const std::vector<Rows> groups = group_rows(table, columns.trajectory, ids);
  const TimeColumn times = read_times(table, columns, groups);
  const std::vector<Measurements> states = read_states(table, columns);
  const Columns inputs = read_inputs(table, columns);
  Columns covariates;
  for (const std::string& name : columns.covariates) covariates.push_back(table.numbers(name));
  TimeSeries series{.time_name = columns.time.empty() ? "time" : columns.time,
                    .time_scale = times.scale,
                    .state_names = columns.states,
                    .input_names = columns.inputs,
                    .trajectories = {},
                    .covariate_names = columns.covariates,
                    .trajectory_name = columns.trajectory};
  const internal::EventCells events(table, columns);
  series.event_names = events.names();
  bool has_repeats = false;
  for (const Rows& rows : groups) {
    Trajectory trajectory;
    if (!ids.empty()) trajectory.id = ids[rows.front()];
    const std::vector<Sample> samples =
        samples_of(table, columns, times.values, rows_with_roles(table, columns, events, rows), trajectory.id);
    for (const Sample& sample : samples) trajectory.times.push_back(sample.time);
    gather_states(states, samples, trajectory);
    has_repeats = has_repeats || trajectory.repeats.size() > 0;
    trajectory.inputs = gather_inputs(table, columns, inputs, samples);
    for (std::size_t k = 0; k < covariates.size(); ++k)
      trajectory.covariates.push_back(covariate_of(table, columns.covariates[k], covariates[k], rows, trajectory.id));
    trajectory.events = events.of(rows, times.values);
    series.trajectories.push_back(std::move(trajectory));
  }
  if (has_repeats) internal::check_repeats(table, columns, ids);
  return series;
}

TimeSeries read_series(const std::filesystem::path& path, const SeriesColumns& columns) {
  return series_from_table(read_table(path, columns.layout), columns);
}

}  // namespace costate
