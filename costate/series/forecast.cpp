#include "costate/series/forecast.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/base/error.h"
#include "costate/io/csv.h"
#include "costate/io/series.h"
#include "costate/series/internal/forecast_inputs.h"
#include "costate/series/internal/forecast_start.h"
#include "costate/series/time_text.h"

namespace costate {
namespace {

using internal::ForecastInputs;
using internal::ForecastStart;

constexpr std::int64_t kMostSteps = 10'000'000;

void check_reach(const SeriesModel& model, const ForecastOptions& options, double start) {
  if (options.until.has_value() == options.steps.has_value())
    throw InvalidArgument("[forecast] give either --until or --steps.");
  if (options.steps) {
    if (*options.steps < 1 || *options.steps > kMostSteps)
      throw InvalidArgument("[forecast] steps must be between 1 and ", kMostSteps, "; got ", *options.steps, ".");
    return;
  }
  if (!(*options.until > start))
    throw InvalidArgument("[forecast] until must lie after the start at ", text_of_time(start, model.time_scale()),
                          "; got ", text_of_time(*options.until, model.time_scale()), ".");
  const double steps = std::ceil((*options.until - start) / model.spacing());
  if (steps > static_cast<double>(kMostSteps))
    throw InvalidArgument("[forecast] until = ", text_of_time(*options.until, model.time_scale()), " is ", steps,
                          " samples ahead; at most ", kMostSteps, " can be made.");
}

/// From the start on.
std::vector<double> times_of(const SeriesModel& model, const ForecastOptions& options, const ForecastStart& start) {
  std::vector<double> times = {start.time};
  if (!options.until && !options.steps && !start.ahead.empty()) {
    times.insert(times.end(), start.ahead.begin(), start.ahead.end());
    return times;
  }
  check_reach(model, options, start.time);
  const auto step = [&](std::int64_t i) { return time_after(start.time, i, model.spacing(), model.time_scale()); };
  if (options.steps) {
    for (std::int64_t i = 1; i <= *options.steps; ++i) times.push_back(step(i));
    return times;
  }
  const double nearly = *options.until - 1e-12 * (*options.until - start.time);
  for (std::int64_t i = 1; step(i) < nearly; ++i) times.push_back(step(i));
  times.push_back(*options.until);
  return times;
}

/// [time, state]; NaN from where the solve fails.
HostArray solve_from(const SeriesModel& model, const ForecastStart& start, const std::vector<double>& times,
                     const ForecastInputs& inputs) {
  std::vector<Event> events = start.events;
  events.insert(events.end(), inputs.rows.events.begin(), inputs.rows.events.end());
  const std::vector<std::vector<double>> states = model.predict({.start = start.state,
                                                                 .times = times,
                                                                 .input_times = inputs.rows.times,
                                                                 .inputs = inputs.rows.inputs,
                                                                 .covariates = start.covariates,
                                                                 .events = std::move(events)});
  const auto n = static_cast<std::int64_t>(times.size()), d = static_cast<std::int64_t>(internal::num_columns(model));
  HostArray path(Shape{n, d});
  for (std::int64_t i = 0; i < path.size(); ++i)
    path.set(i, states[static_cast<std::size_t>(i / d)][static_cast<std::size_t>(i % d)]);
  return path;
}

void check_finite(const Trajectory& trajectory, const SeriesModel& model) {
  const std::int64_t d = trajectory.states.shape()[1];
  for (std::int64_t i = 0; i < trajectory.states.size(); ++i)
    if (!std::isfinite(trajectory.states.at(i)))
      throw SolveFailed("[forecast] the model", of_trajectory(trajectory.id), " blows up before t = ",
                        text_of_time(trajectory.times[static_cast<std::size_t>(i / d)], model.time_scale()),
                        "; forecast less far.");
}

/// The first column whose number is out of the range, to within rounding; "" if none is.
std::string outside_of(const std::vector<double>& numbers, const std::vector<double>& low,
                       const std::vector<double>& high, const std::vector<std::string>& names) {
  constexpr double kRounding = 1e-9;
  for (std::size_t k = 0; k < std::min(numbers.size(), low.size()); ++k) {
    const double slack = kRounding * (std::abs(low[k]) + std::abs(high[k]));
    if (numbers[k] < low[k] - slack || numbers[k] > high[k] + slack) return names[k];
  }
  return {};
}

/// Marks a trajectory's samples, and notes the first one outside.
std::vector<double> mark_outside(const SeriesModel& model, const Trajectory& trajectory, const ForecastInputs& inputs,
                                 std::vector<std::string>& notes) {
  const TrainingRange& range = model.range();
  std::vector<double> marks;
  bool is_noted = false;
  for (std::size_t i = 0; i < trajectory.times.size(); ++i) {
    std::string column = outside_of(trajectory.states.row(static_cast<std::int64_t>(i)), range.state_low,
                                    range.state_high, model.state_names());
    if (column.empty())
      column = outside_of(internal::inputs_at(model, inputs, trajectory.times[i]), range.input_low, range.input_high,
                          model.input_names());
    marks.push_back(column.empty() ? 0 : 1);
    if (column.empty() || is_noted) continue;
    notes.push_back(text::concat("the forecast", of_trajectory(trajectory.id), " leaves the range of the training at ",
                                 text_of_time(trajectory.times[i], model.time_scale()), ": '", column, "'"));
    is_noted = true;
  }
  return marks;
}

void check_times(const ForecastOptions& options) {
  for (const auto& [name, time] : {std::pair("until", options.until), std::pair("at", options.at)})
    if (time && !std::isfinite(*time))
      throw InvalidArgument("[forecast] ", name, " must be a finite time; got ", *time, ".");
}

/// A trajectory may have no rows in a file of inputs: no dose comes in, or the last inputs are held. But some must.
void check_drive_fits(const TimeSeries& drive, const std::vector<ForecastStart>& starts) {
  std::vector<std::string> has;
  for (const Trajectory& rows : drive.trajectories) {
    const bool is_for_all = drive.trajectories.size() == 1 && rows.id.empty();
    for (const ForecastStart& start : starts)
      if (is_for_all || start.id.empty() || start.id == rows.id) return;
    has.push_back(rows.id);
  }
  if (!has.empty())
    throw DataError("[forecast] the file of inputs is of trajectory ", text::join(has), ", and the forecast of ",
                    starts.front().id, starts.size() > 1 ? ", …" : "",
                    "; name trajectories alike, or leave their column out if the inputs are for all.");
}

}  // namespace

Forecast forecast(const Ensemble& ensemble, const ForecastOptions& options) {
  check_times(options);
  const SeriesModel& model = ensemble.first();
  Forecast forecast{.series = {model.options().columns.time, model.time_scale(), model.state_names(), {}, {}}};
  forecast.series.state_names.resize(internal::num_columns(model));
  std::vector<std::vector<ForecastStart>> starts;  // [member][trajectory]
  for (const Member& member : ensemble.members()) starts.push_back(internal::forecast_starts(member.model, options));
  check_drive_fits(options.drive, starts.front());
  for (std::size_t i = 0; i < starts.front().size(); ++i) {
    const ForecastStart& start = starts.front()[i];
    const std::vector<double> times = times_of(model, options, start);
    const ForecastInputs inputs = internal::forecast_inputs(model, options, start, times);
    std::vector<HostArray> paths;
    for (std::size_t member = 0; member < starts.size(); ++member)
      paths.push_back(solve_from(ensemble.members()[member].model, starts[member][i], times, inputs));
    BandedPath path = ensemble.banded(paths, times, times.front());
    const auto count = static_cast<std::int64_t>(times.size());
    const Trajectory& made = forecast.series.trajectories.emplace_back(
        Trajectory{.id = start.id, .times = times, .states = path.middle, .inputs = HostArray(Shape{count, 0})});
    check_finite(made, model);
    if (ensemble.has_bands()) {
      forecast.lower.push_back(std::move(path.lower));
      forecast.upper.push_back(std::move(path.upper));
    }
    for (const std::string& note : {start.note, inputs.note})
      if (!note.empty()) forecast.notes.push_back(note);
    if (!model.range().state_low.empty()) forecast.outside.push_back(mark_outside(model, made, inputs, forecast.notes));
  }
  return forecast;
}

Forecast forecast(const SeriesModel& model, const ForecastOptions& options) {
  return forecast(Ensemble({{model}}), options);
}

std::vector<CsvColumn> forecast_columns(const Forecast& forecast) {
  std::vector<CsvColumn> columns = series_columns(forecast.series);
  const auto add = [&](std::string name, const char* if_taken, std::vector<double> numbers) {
    while (std::ranges::find(columns, name, &CsvColumn::name) != columns.end()) name += if_taken;
    columns.push_back({std::move(name), std::move(numbers)});
  };
  const auto joined = [](const std::vector<HostArray>& all, std::size_t state) {
    std::vector<double> numbers;
    for (const HostArray& one : all) {
      const std::vector<double> column = one.column(static_cast<std::int64_t>(state));
      numbers.insert(numbers.end(), column.begin(), column.end());
    }
    return numbers;
  };
  for (std::size_t k = 0; k < forecast.series.state_names.size() && !forecast.lower.empty(); ++k) {
    add(forecast.series.state_names[k] + "_lower", "_band", joined(forecast.lower, k));
    add(forecast.series.state_names[k] + "_upper", "_band", joined(forecast.upper, k));
  }
  if (forecast.outside.empty()) return columns;
  std::vector<double> marks;
  for (const std::vector<double>& some : forecast.outside) marks.insert(marks.end(), some.begin(), some.end());
  add("outside", "_training", std::move(marks));
  return columns;
}

}  // namespace costate
