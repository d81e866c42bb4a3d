// Arrays, DataFrames and files → series and tables. costate/_tables.py and _runs.py give what Python has in a form of
// few kinds.
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/time_text.h"
#include "python/bindings/fit.h"

namespace costate::python {
namespace {

nb::module_ tables() { return nb::module_::import_("costate._tables"); }
nb::module_ runs_module() { return nb::module_::import_("costate._runs"); }

/// [samples, columns] in f64.
HostArray columns_of(nb::handle value, std::size_t samples, const char* what) {
  const HostArray array = to_host(value);
  if (array.shape().rank() != 2 || array.shape()[0] != static_cast<std::int64_t>(samples))
    throw ShapeError("[fit] ", what, " must have shape [", samples, "] or [", samples, ", …] like their times; got ",
                     array.shape(), ".");
  return array.astype(Dtype::kF64);
}

/// Given names, or "z0", "z1", ….
std::vector<std::string> names(nb::handle given, const char* stem, std::int64_t count) {
  if (!given.is_none()) return nb::cast<std::vector<std::string>>(given);
  std::vector<std::string> out;
  for (std::int64_t i = 0; i < count; ++i) out.push_back(text::concat(stem, i));
  return out;
}

/// Dates of all runs as numbers on one axis, by the rule of the core's reader.
void read_dates(const std::vector<std::vector<std::string>>& texts, TimeSeries& series) {
  std::vector<std::string> all;
  for (const std::vector<std::string>& some : texts) all.insert(all.end(), some.begin(), some.end());
  const CsvTable table({series.time_name}, {all}, "times");
  const TimeColumn column = table.times(series.time_name);
  series.time_scale = column.scale;
  auto next = column.values.begin();
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto end = next + std::ssize(texts[i]);
    series.trajectories[i].times.assign(next, end);
    next = end;
  }
}

void add_covariates(const nb::object& covariates, TimeSeries& series) {
  const auto made = nb::cast<nb::tuple>(runs_module().attr("covariates_of")(covariates));
  const auto count = static_cast<std::int64_t>(series.trajectories.size());
  const HostArray numbers = to_host(made[0]).astype(Dtype::kF64);
  if (numbers.shape().rank() != 2 || numbers.shape()[0] != count)
    throw ShapeError("[fit] covariates must have shape [", count, "] or [", count,
                     ", …], a row for each trajectory; got ", numbers.shape(), ".");
  series.covariate_names = names(made[1], "c", numbers.shape()[1]);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto row = numbers.row(i);
    series.trajectories[static_cast<std::size_t>(i)].covariates.assign(row.begin(), row.end());
  }
}

}  // namespace

TimeSeries series_of_arrays(const nb::object& times, const nb::object& states, const nb::object& inputs,
                            const nb::object& covariates) {
  const auto made = nb::cast<nb::tuple>(runs_module().attr("runs_of")(times, states, inputs));
  const nb::list runs(made[0]);
  TimeSeries series{.time_name = nb::cast<std::string>(made[1])};
  std::vector<std::vector<std::string>> dates;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const nb::object run_times = runs[i][0];
    Trajectory& trajectory = series.trajectories.emplace_back();
    if (runs.size() > 1) trajectory.id = std::to_string(i);
    const bool is_dated = nb::cast<bool>(runs[i][1]);
    if (is_dated)
      dates.push_back(nb::cast<std::vector<std::string>>(run_times));
    else
      trajectory.times = to_host(run_times).numbers();
    const std::size_t samples = is_dated ? dates.back().size() : trajectory.times.size();
    trajectory.states = columns_of(runs[i][2], samples, "states");
    trajectory.inputs = HostArray(Shape{static_cast<std::int64_t>(samples), 0});
    if (!nb::object(runs[i][3]).is_none()) trajectory.inputs = columns_of(runs[i][3], samples, "inputs");
  }
  if (!dates.empty() && dates.size() != runs.size())
    throw DataError("[fit] the times of some runs are dates and those of others numbers; give all alike.");
  if (!dates.empty()) read_dates(dates, series);
  if (runs.size() > 1) series.trajectory_name = "run";
  series.state_names = names(made[2], "z", series.trajectories[0].states.shape()[1]);
  series.input_names = names(made[3], "u", series.trajectories[0].inputs.shape()[1]);
  if (!covariates.is_none()) add_covariates(covariates, series);
  return series;
}

NamedTable to_table(nb::handle data, const SeriesColumns& columns, const std::string& what) {
  const auto made = nb::cast<nb::tuple>(tables().attr("table_of")(data, columns.time, what));
  const auto kind = nb::cast<std::string>(made[0]);
  if (kind == "path") return {read_table(nb::cast<std::string>(made[1]), columns.layout), ""};
  if (kind == "text")
    return {parse_table(nb::cast<std::string>(made[1]), nb::cast<std::string>(made[2]), columns.layout), ""};
  if (columns.layout.skip != 0)
    throw InvalidArgument(
        "[fit_table] skip is for lines of a file of text or a sheet; cut rows off the table instead.");
  return {
      CsvTable(nb::cast<std::vector<std::string>>(made[1]), nb::cast<std::vector<std::vector<std::string>>>(made[2]),
               nb::cast<std::string>(made[4]), columns.layout),
      nb::cast<std::string>(made[3])};
}

std::optional<double> to_time(const char* name, nb::handle value, const TimeScale& scale) {
  if (value.is_none()) return std::nullopt;
  if (double number = 0; nb::try_cast(value, number) && !std::isfinite(number)) return number;  // forecast() refuses it
  const auto text = nb::cast<std::string>(tables().attr("time_text")(value));
  const std::optional<double> time = time_of_text(text, scale);
  if (!time)
    throw InvalidArgument("[forecast] ", name, " must be ", scale.unit.empty() ? "a number" : "a date as in the data",
                          "; got '", text, "'.");
  return time;
}

std::vector<double> to_times(nb::handle times, const TimeScale& scale) {
  if (!nb::cast<bool>(runs_module().attr("is_dates")(times)))
    return to_host(nb::object(tables().attr("durations_as_seconds")(times))).numbers();
  if (scale.unit.empty()) throw InvalidArgument("[predict] the times of the fit are numbers; got dates. Give numbers.");
  const CsvTable table({"times"}, {nb::cast<std::vector<std::string>>(tables().attr("cells")(times))}, "times");
  return table.times("times", scale).values;
}

}  // namespace costate::python
