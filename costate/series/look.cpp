#include "costate/series/look.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <set>

#include "costate/base/text.h"
#include "costate/series/fit_config_options.h"
#include "costate/series/period.h"
#include "costate/series/rivals.h"

namespace costate {
namespace {

constexpr std::size_t kMostShown = 5;    // names of trajectories
constexpr std::size_t kMostUnused = 12;  // columns without a role

std::string plural(std::size_t count, const std::string& what) {
  return text::concat(count, " ", what, count == 1 ? "" : "s");
}

std::string duration(double time, const TimeSeries& series) { return duration_text(time, series.time_scale); }

std::string moment(double time, const TimeSeries& series) { return time_cells({time}, series.time_scale)[0]; }

bool names_column(const CsvTable& table, const std::string& role, const std::string& column) {
  return !role.empty() && std::ranges::count(table.columns_of(role), column) > 0;
}

std::string role_of(const CsvTable& table, const SeriesColumns& columns, const std::string& name) {
  const auto is_in = [&](const std::vector<std::string>& list) { return std::ranges::count(list, name) > 0; };
  if (names_column(table, columns.time, name)) return "time";
  if (names_column(table, columns.trajectory, name)) return "trajectory";
  if (name == columns.quantity) return "quantity";
  if (name == columns.value) return "value";
  if (is_in(columns.inputs)) return "input";
  if (is_in(columns.covariates)) return "covariate";
  for (const std::string& text : columns.events)
    if (event_column(text).has_column(name)) return "event";
  return is_in(columns.states) && columns.quantity.empty() ? "state" : "unused";
}

/// On one line, and not long.
std::string in_short(std::string text) {
  constexpr std::size_t kMost = 40;
  std::ranges::replace(text, '\n', ' ');
  if (text.size() <= kMost) return text;
  std::size_t end = kMost;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not within a letter
  return text.substr(0, end) + "…";
}

/// Whether the names of columns are numbers that grow, as where time runs along the first line.
bool is_turned(const CsvTable& table) {
  constexpr std::size_t kFewest = 5;
  double before = -INFINITY;
  std::size_t count = 0;
  for (const std::string& name : table.names()) {
    double number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    if (!(number > before)) return false;
    before = number;
    ++count;
  }
  return table.has_header() && count >= kFewest && count + 3 >= table.names().size();
}

/// "-0.2 … 1, 3 missing", or the first cells of a text.
std::string range_of(const CsvTable& table, const std::string& name) {
  const std::vector<std::string>& cells = table.text(name);
  const auto missing = static_cast<std::size_t>(
      std::ranges::count_if(cells, [&](const std::string& cell) { return table.is_missing(cell); }));
  std::string range;
  try {
    const Measurements found = table.measurements(name);
    double low = INFINITY, high = -INFINITY;
    std::size_t limited = 0;
    for (std::size_t row = 0; row < cells.size(); ++row) {
      low = std::fmin(low, found.values[row]);
      high = std::fmax(high, found.values[row]);
      limited += !std::isnan(found.below[row]) || !std::isnan(found.above[row]);
    }
    const bool is_apart = text::number(low) != text::number(high) || !(low < high);
    range = missing + limited == cells.size() ? ""
            : is_apart                        ? text::concat(text::number(low), " … ", text::number(high))
                                              : text::concat(text::shortest(low), " … ", text::shortest(high));
    if (limited > 0) range += text::concat(range.empty() ? "" : ", ", limited, " beyond a limit");
  } catch (const DataError&) {
    const std::set<std::string> different(cells.begin(), cells.end());
    range = text::concat(in_short(cells.front()), " … ", in_short(cells.back()), ", ", different.size(), " different");
  }
  if (missing > 0) range += text::concat(range.empty() ? "" : ", ", missing, " missing");
  const std::string doubt = table.doubt(name);
  return doubt.empty() ? range : text::concat(range, range.empty() ? "" : ", ", doubt);
}

struct Steps {
  double low = 0, middle = 0, high = 0;
  std::size_t count = 0, gaps = 0;  // steps of more than three usual ones
  double gap_after = 0;             // where the longest begins

  /// Times are written with few digits.
  bool is_even() const { return middle - low <= 0.01 * middle; }
};

Steps steps_of(const TimeSeries& series) {
  std::vector<double> all;
  Steps steps;
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i) {
      all.push_back(trajectory.times[i] - trajectory.times[i - 1]);
      if (all.back() <= steps.high) continue;
      steps.high = all.back();
      steps.gap_after = trajectory.times[i - 1];
    }
  std::ranges::sort(all);
  steps.count = all.size();
  steps.low = all.front();
  steps.middle = all[all.size() / 2];
  steps.gaps = static_cast<std::size_t>(std::ranges::count_if(all, [&](double s) { return s > 3 * steps.middle; }));
  return steps;
}

std::string describe_times(const TimeSeries& series) {
  const Steps steps = steps_of(series);
  const auto [first, last] = time_range(series);
  const std::string span = text::concat("times: ", moment(first, series), " … ", moment(last, series), ", ");
  if (!steps.is_even())
    return text::concat(span, "at uneven steps of ", duration(steps.low, series), " … ", duration(steps.high, series),
                        ", half of them below ", duration(steps.middle, series), "\n");
  if (steps.high <= 1.01 * steps.middle) return text::concat(span, "every ", duration(steps.middle, series), "\n");
  return text::concat(span, "every ", duration(steps.middle, series), " or more, ", plural(steps.gaps, "gap"),
                      " of more than three steps, the longest of ", duration(steps.high, series), " after ",
                      moment(steps.gap_after, series), "\n");
}

std::string describe_trajectories(const TimeSeries& series) {
  std::size_t samples = 0, fewest = series.trajectories[0].times.size(), most = 0;
  std::vector<std::string> ids;
  for (const Trajectory& trajectory : series.trajectories) {
    samples += trajectory.times.size();
    fewest = std::min(fewest, trajectory.times.size());
    most = std::max(most, trajectory.times.size());
    if (ids.size() < kMostShown) ids.push_back(trajectory.id);
  }
  if (series.trajectories.size() == 1) return text::concat("1 trajectory of ", plural(samples, "sample"), "\n");
  return text::concat(series.trajectories.size(), " trajectories (", text::join(ids),
                      ids.size() < series.trajectories.size() ? ", …" : "", ") of ",
                      fewest == most ? plural(most, "sample") : text::concat(fewest, " … ", plural(most, "sample")),
                      ", ", samples, " in all\n");
}

/// Of each state what is missing, and where several measurements are one sample.
std::string describe_cells(const TimeSeries& series) {
  std::string lines;
  const std::size_t width = series.state_names.size();
  for (std::size_t k = 0; k < width; ++k) {
    std::size_t missing = 0, cells = 0, repeated = 0, measurements = 0;
    for (const Trajectory& trajectory : series.trajectories)
      for (std::size_t i = 0; i < trajectory.times.size(); ++i) {
        const auto place = static_cast<std::int64_t>(i * width + k);
        ++cells;
        missing += std::isnan(trajectory.states.at(place));
        const double count = trajectory.repeats.size() > 0 ? trajectory.repeats.at(place) : 1;
        repeated += count > 1;
        measurements += count > 1 ? static_cast<std::size_t>(count) : 0;
      }
    const std::size_t limited = count_beyond_limits(series, k);
    if (missing > limited)
      lines += text::concat("'", series.state_names[k], "' is not measured at ", missing - limited, " of ", cells,
                            " samples\n");
    if (limited > 0)
      lines +=
          text::concat("'", series.state_names[k], "' is only known to be beyond a limit at ", limited, " of ", cells,
                       " samples: they train the model where it lies on the wrong side, and count in no error\n");
    if (repeated > 0)
      lines += text::concat("'", series.state_names[k], "' is measured ", measurements, " times at ",
                            plural(repeated, "sample"), ": the mean counts as so many measurements\n");
  }
  return lines;
}

/// How often what comes in does so.
std::string describe_events(const TimeSeries& series) {
  std::string lines;
  for (std::size_t k = 0; k < series.event_names.size(); ++k) {
    std::size_t all = 0, infusions = 0;
    for (const Trajectory& trajectory : series.trajectories)
      for (const Event& event : trajectory.events) {
        all += event.column == k;
        infusions += event.column == k && event.duration > 0;
      }
    lines += text::concat("'", series.event_names[k], "' comes in ", plural(all, "time"),
                          infusions == 0 ? "" : text::concat(", ", infusions, " of them over a duration"), "\n");
  }
  return lines;
}

std::string shell_quoted(const std::string& text) {
  const bool is_plain =
      text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_,./:=+-") ==
      std::string::npos;
  if (is_plain && !text.empty()) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

std::string describe(const CsvTable& table, const SeriesColumns& columns) {
  std::string lines =
      text::concat(table.source(), ": ", plural(table.num_rows(), "row"), " from line ", table.line(0), " on, ",
                   plural(table.names().size(), "column"), table.has_header() ? "" : " without names", "\n");
  if (!table.units().empty()) lines += text::concat("below the header stands: ", text::join(table.units()), "\n");
  std::size_t longest = 0;
  for (const std::string& name : table.names()) longest = std::max(longest, name.size());
  std::set<std::string> seen;
  std::size_t unused = 0;
  for (std::size_t i = 0; i < table.names().size(); ++i) {
    const std::string& name = table.names()[i];
    if (name.empty() || !seen.insert(name).second) continue;
    const std::string role = role_of(table, columns, name), unit = table.units().empty() ? "" : table.units()[i];
    if (role == "unused" && ++unused > kMostUnused) continue;
    lines += text::concat("  ", name, std::string(longest - name.size() + 2, ' '), role,
                          std::string(12 - std::min<std::size_t>(role.size(), 11), ' '), range_of(table, name),
                          unit.empty() ? "" : " " + unit, "\n");
  }
  if (unused > kMostUnused) lines += text::concat("  and ", unused - kMostUnused, " more that are not used\n");
  if (!columns.time.empty() && columns.time_format.empty() && columns.time_scale.unit.empty())
    if (const std::string doubt = table.doubt_of_times(columns.time); !doubt.empty()) lines += doubt + "\n";
  if (is_turned(table))
    lines += "the columns' names grow like times; if they are, turn the table, since a row is one time\n";
  for (const auto& [name, reason] : table.not_columns()) lines += text::concat("  ", name, " ", reason, "\n");
  if (columns.quantity.empty() && is_called_quantity(columns.trajectory))
    lines += text::concat("'", columns.trajectory,
                          "' seems to name what a row measured; a long table is read with --quantity ",
                          columns.trajectory, " --value ", columns.states.empty() ? "COLUMN" : columns.states[0],
                          " and the names of quantities for --state\n");
  return lines;
}

std::string describe(const PreparedSeries& prepared) {
  const TimeSeries& series = prepared.series;
  std::string lines =
      describe_trajectories(series) + describe_times(series) + describe_cells(series) + describe_events(series);
  if (prepared.period > 0)
    lines += text::concat("it seems to come back every ", duration(prepared.period, series), "\n");
  return lines + parts_of(prepared).text() + "\n";
}

std::string describe_outliers(const PreparedSeries& prepared) {
  std::string lines;
  for (const Outliers& outliers : prepared.outliers) lines += outliers.note() + "\n";
  return lines;
}

std::string describe_rivals(const PreparedSeries& prepared) {
  if (prepared.split.held.empty()) return "";
  const std::optional<double> period = prepared.period > 0 ? std::optional(prepared.period) : std::nullopt;
  const auto rivals = fit_rivals(training_part(prepared.series, prepared.split), period);
  std::vector<const Forecaster*> list;
  for (const std::unique_ptr<Forecaster>& rival : rivals) list.push_back(rival.get());
  const Verdict verdict =
      judge(prepared.series, prepared.split.held, prepared.units, nullptr, list, {.period = period});
  return format_table(verdict);
}

std::string fit_command(const FitConfig& config) {
  std::string command = "costate fit " + shell_quoted(config.data);
  const FitConfig usual;
  for (const FitConfigOption& option : fit_config_options()) {
    const OptionValue value = option.access.get(config);
    if (!option.flag.empty() && value != option.access.get(usual))
      command += " " + option.flag + " " + shell_quoted(typed(value));
  }
  return command;
}

}  // namespace costate
