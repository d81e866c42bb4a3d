#include "costate/series/outliers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "costate/base/text.h"
#include "costate/series/internal/missing_codes.h"
#include "costate/series/time_text.h"

namespace costate {
namespace {

constexpr std::size_t kFewestCells = 10;  // cells of which percentiles tell
constexpr double kFar = 50;               // ranges between percentiles
constexpr double kVeryFar = 1000;
constexpr double kJump = 10;

using Values = HostArray Trajectory::*;

struct Column {
  Values values;
  std::size_t index, width;

  double& cell(TimeSeries& series, std::size_t trajectory, std::size_t sample) const {
    return (series.trajectories[trajectory].*values).data<double>()[sample * width + index];
  }
};

struct Percentiles {
  double low = 0, middle = 0, high = 0;

  double distance(double value) const { return std::abs(value - middle); }
  bool is_farther(double value, double ranges) const { return distance(value) > ranges * (high - low); }
};

std::vector<double> measured_cells(TimeSeries& series, const Column& column) {
  std::vector<double> cells;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i)
    for (std::size_t k = 0; k < series.trajectories[i].times.size(); ++k)
      if (const double cell = column.cell(series, i, k); !std::isnan(cell)) cells.push_back(cell);
  return cells;
}

std::optional<Percentiles> percentiles_of(TimeSeries& series, const Column& column) {
  std::vector<double> cells = measured_cells(series, column);
  if (cells.size() < kFewestCells) return {};
  const auto at = [&](std::size_t percent) {
    const auto place = cells.begin() + static_cast<std::ptrdiff_t>((cells.size() - 1) * percent / 100);
    std::nth_element(cells.begin(), place, cells.end());
    return *place;
  };
  const Percentiles found{at(10), at(50), at(90)};
  if (!(found.high > found.low)) return {};
  return found;
}

/// Far cells of a trajectory that follow one another, and whether they stand between two jumps.
struct Run {
  std::size_t trajectory;
  std::vector<std::size_t> samples;
  bool is_jump = true, is_at_edge = false;
};

std::vector<Run> runs_of(TimeSeries& series, const Column& column, const Percentiles& percentiles) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    std::optional<double> before;  // the last measured cell's distance
    bool was_far = false;
    for (std::size_t k = 0; k < series.trajectories[i].times.size(); ++k) {
      const double cell = column.cell(series, i, k);
      if (std::isnan(cell)) continue;
      const double distance = percentiles.distance(cell);
      const bool is_far = percentiles.is_farther(cell, kFar);
      if (is_far && !was_far)
        runs.push_back({i, {}, !before || distance >= kJump * *before, !before});
      else if (was_far && !is_far)
        runs.back().is_jump = runs.back().is_jump && *before >= kJump * distance;
      if (is_far) runs.back().samples.push_back(k);
      before = distance;
      was_far = is_far;
    }
    if (was_far) runs.back().is_at_edge = true;
  }
  return runs;
}

/// Whether a run at an edge is a code that fills it, or a lone slip too far away for a steep beginning or end.
bool is_code_or_slip(TimeSeries& series, const Column& column, const Percentiles& percentiles, const Run& run) {
  const double first = column.cell(series, run.trajectory, run.samples[0]);
  if (run.samples.size() == 1) return percentiles.is_farther(first, kVeryFar);
  return std::all_of(run.samples.begin(), run.samples.end(),
                     [&](std::size_t k) { return column.cell(series, run.trajectory, k) == first; });
}

void keep_outliers(TimeSeries& series, const Column& column, const Percentiles& percentiles, std::vector<Run>& runs) {
  std::erase_if(runs, [](const Run& run) { return !run.is_jump; });
  const auto at_edge = std::count_if(runs.begin(), runs.end(), [](const Run& run) { return run.is_at_edge; });
  if (static_cast<std::size_t>(at_edge) * 10 <= series.trajectories.size()) return;
  const bool is_common = static_cast<std::size_t>(at_edge) > 1;
  std::erase_if(runs, [&](const Run& run) {
    return run.is_at_edge && (is_common || !is_code_or_slip(series, column, percentiles, run));
  });
}

/// Missing cells of an input, on the line between their neighbours.
void interpolate(TimeSeries& series, const Column& column, std::size_t trajectory) {
  const std::vector<double>& times = series.trajectories[trajectory].times;
  std::optional<std::size_t> before;
  for (std::size_t k = 0; k < times.size(); ++k) {
    const double cell = column.cell(series, trajectory, k);
    if (std::isnan(cell)) continue;
    const double from = before ? column.cell(series, trajectory, *before) : cell;
    const std::size_t begin = before ? *before : 0;
    for (std::size_t j = before ? begin + 1 : 0; j < k; ++j)
      column.cell(series, trajectory, j) =
          from + (cell - from) * ((times[j] - times[begin]) / (times[k] - times[begin]));
    before = k;
  }
  for (std::size_t j = before ? *before + 1 : 0; j < times.size(); ++j)
    column.cell(series, trajectory, j) = before ? column.cell(series, trajectory, *before) : 0;
}

/// Whether most cells of a value are where trajectories start, which experiments do with the same number again.
bool is_where_they_start(TimeSeries& series, const Column& column, const MissingCode& code) {
  std::size_t starts = 0;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) starts += column.cell(series, i, 0) == code.value;
  return 2 * starts > code.count;
}

/// Makes the cells of codes missing.
void remove_codes(TimeSeries& series, const Column& column, const std::string& name, std::vector<Outliers>& all) {
  for (const MissingCode& code : find_missing_codes(measured_cells(series, column))) {
    if (is_where_they_start(series, column, code)) continue;
    all.push_back({.column = name,
                   .count = code.count,
                   .trajectory = {},
                   .value = code.value,
                   .when = {},
                   .low = code.low,
                   .high = code.high,
                   .is_code = true});
    for (std::size_t i = 0; i < series.trajectories.size(); ++i)
      for (std::size_t k = 0; k < series.trajectories[i].times.size(); ++k)
        if (double& cell = column.cell(series, i, k); cell == code.value)
          cell = std::numeric_limits<double>::quiet_NaN();
  }
}

/// Takes out the runs with a number that comes again, as codes for missing do: a user who says that there are no codes
/// has measured it.
void keep_repeated(TimeSeries& series, const Column& column, std::vector<Run>& runs) {
  const std::vector<double> cells = measured_cells(series, column);
  std::erase_if(runs, [&](const Run& run) {
    return std::ranges::any_of(run.samples, [&](std::size_t k) {
      return std::ranges::count(cells, column.cell(series, run.trajectory, k)) > 1;
    });
  });
}

/// Makes them missing, and says what they were.
std::optional<Outliers> remove_from(TimeSeries& series, const Column& column, const std::string& name,
                                    MissingCodes codes) {
  const std::optional<Percentiles> percentiles = percentiles_of(series, column);
  if (!percentiles) return {};
  std::vector<Run> runs = runs_of(series, column, *percentiles);
  keep_outliers(series, column, *percentiles, runs);
  if (codes == MissingCodes::kKeep) keep_repeated(series, column, runs);
  if (runs.empty()) return {};
  const Trajectory& first = series.trajectories[runs[0].trajectory];
  const std::size_t sample = runs[0].samples[0];
  Outliers found{.column = name,
                 .trajectory = first.id,
                 .time = first.times[sample],
                 .value = column.cell(series, runs[0].trajectory, sample),
                 .when = text_of_time(first.times[sample], series.time_scale),
                 .low = percentiles->low,
                 .high = percentiles->high};
  for (const Run& run : runs) {
    found.count += run.samples.size();
    for (const std::size_t k : run.samples)
      column.cell(series, run.trajectory, k) = std::numeric_limits<double>::quiet_NaN();
  }
  return found;
}

}  // namespace

MissingCodes missing_codes_of(const TableLayout& layout) {
  return layout.missing == std::vector<std::string>{"none"} ? MissingCodes::kKeep : MissingCodes::kFind;
}

std::string Outliers::text() const {
  if (is_code)
    return text::concat("'", column, "': ", count, " cells hold ", value,
                        ", a code for missing, it seems, since all others lie in ", text::number(low), " … ",
                        text::number(high), " (--missing none keeps them)");
  return text::concat("'", column, "': ", count, count == 1 ? " cell lies" : " cells lie", " far outside all others (",
                      count == 1 ? "" : "first ", value, " at t = ", when,
                      trajectory.empty() ? "" : text::concat(" of trajectory '", trajectory, "'"), ", where 80 % are ",
                      text::number(low), " … ", text::number(high), ")");
}

std::vector<Outliers> remove_outliers(TimeSeries& series, MissingCodes codes) {
  std::vector<Outliers> all;
  const auto remove = [&](const Column& column, const std::string& name) {
    const std::size_t before = all.size();
    if (codes == MissingCodes::kFind) remove_codes(series, column, name, all);
    if (auto found = remove_from(series, column, name, codes)) all.push_back(*std::move(found));
    return all.size() > before;
  };
  const std::size_t states = series.state_names.size(), inputs = series.input_names.size();
  for (std::size_t k = 0; k < states; ++k) remove({&Trajectory::states, k, states}, series.state_names[k]);
  for (std::size_t k = 0; k < inputs; ++k) {
    const Column column{&Trajectory::inputs, k, inputs};
    if (!remove(column, series.input_names[k])) continue;
    for (std::size_t i = 0; i < series.trajectories.size(); ++i) interpolate(series, column, i);
  }
  return all;
}

}  // namespace costate
