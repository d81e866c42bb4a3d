#include "costate/series/internal/forecast_inputs.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/internal/event_path.h"
#include "costate/series/internal/rival.h"
#include "costate/series/period.h"
#include "costate/series/time_text.h"

namespace costate::internal {
namespace {

/// Rows of inputs, as a trajectory that past_input reads.
struct Rows {
  std::vector<double> times, numbers;

  void add(double time, const std::vector<double>& row) {
    times.push_back(time);
    numbers.insert(numbers.end(), row.begin(), row.end());
  }
  Trajectory trajectory() const {
    const auto n = static_cast<std::int64_t>(times.size());
    Trajectory rows;
    rows.times = times;
    rows.inputs = HostArray(Shape{n, n == 0 ? 0 : static_cast<std::int64_t>(numbers.size()) / n}, numbers);
    return rows;
  }
};

/// Nothing where the drive has none for this trajectory.
const Trajectory* drive_of(const TimeSeries& drive, const std::string& id) {
  if (drive.trajectories.empty()) return nullptr;
  const bool is_for_all = drive.trajectories.size() == 1 && (drive.trajectories[0].id.empty() || id.empty());
  if (is_for_all) return &drive.trajectories[0];
  for (const Trajectory& trajectory : drive.trajectories)
    if (trajectory.id == id) return &trajectory;
  return nullptr;
}

/// Up to the start those known there, then those of the drive; the drive alone if it covers the start.
Rows known_rows(const SeriesModel& model, const ForecastStart& start, const Trajectory* drive) {
  Rows rows;
  const bool is_covered = drive != nullptr && drive->times.front() <= start.time;
  for (std::size_t i = 0; i < start.input_times.size() && !is_covered; ++i)
    if (drive == nullptr || start.input_times[i] <= start.time)
      rows.add(start.input_times[i], start.inputs.row(static_cast<std::int64_t>(i)));
  if (drive != nullptr && drive->inputs.shape()[1] != static_cast<std::int64_t>(model.input_names().size()))
    throw ShapeError("[forecast] the drive must have a column for each of ", text::join(model.input_names()), ".");
  for (std::size_t i = 0; drive != nullptr && i < drive->times.size(); ++i)
    rows.add(drive->times[i], drive->inputs.row(static_cast<std::int64_t>(i)));
  return rows;
}

double period_of(const SeriesModel& model, const ForecastOptions& options) {
  if (model.period() > 0) return model.period();
  const std::vector<double>& clocks = model.options().periods;
  if (!clocks.empty()) return *std::ranges::max_element(clocks);
  const double found = options.data.trajectories.empty() ? 0 : find_period(options.data).value_or(0);
  if (found > 0) return found;
  throw InvalidArgument(
      "[forecast] no period is known by which the inputs could be repeated; take --inputs-ahead hold.");
}

void repeat(const std::vector<double>& times, double period, const ForecastStart& start, Rows& rows) {
  const Trajectory known = rows.trajectory();
  const double end = known.times.back();
  if (end - period < known.times.front())
    throw DataError("[forecast] the inputs", of_trajectory(start.id), " are known over ", end - known.times.front(),
                    ", which is less than the period of ", period,
                    " by which they are to be repeated; give more of them, or hold them.");
  const std::size_t width = static_cast<std::size_t>(known.inputs.shape()[1]);
  for (const double time : times) {
    if (time <= end) continue;
    const double before = time - period * std::ceil((time - end) / period * (1 - 1e-12));
    std::vector<double> row;
    for (std::size_t k = 0; k < width; ++k) row.push_back(past_input(known, known.times.size() - 1, before, k));
    rows.add(time, row);
  }
}

/// Those of the drive from the start on. A list of all that was ever given may repeat what the data have.
void add_events(const SeriesModel& model, const ForecastStart& start, const Trajectory& drive, ForecastInputs& inputs) {
  std::vector<Event> ahead = events_from(drive.events, start.time);
  if (const std::size_t before = drive.events.size() - ahead.size(); before > 0)
    inputs.note = text::concat(before, " of ", drive.events.size(), " events (", text::join(model.event_names()),
                               ") lie before the start", of_trajectory(start.id), " at ",
                               text_of_time(start.time, model.time_scale()), " and are left out");
  std::erase_if(ahead, [&](const Event& event) { return std::ranges::count(start.events, event) > 0; });
  inputs.rows.events = std::move(ahead);
}

}  // namespace

ForecastInputs forecast_inputs(const SeriesModel& model, const ForecastOptions& options, const ForecastStart& start,
                               const std::vector<double>& times) {
  ForecastInputs inputs;
  const Trajectory* drive = drive_of(options.drive, start.id);
  if (model.has_events() && drive == nullptr)
    inputs.note = text::concat("no ", text::join(model.event_names()), " is taken to come in", of_trajectory(start.id),
                               "; give amounts and times with --input FILE if some does");
  if (model.has_events() && drive != nullptr) add_events(model, start, *drive, inputs);
  if (model.input_names().empty()) return inputs;
  const TimeScale& scale = model.time_scale();
  Rows rows = known_rows(model, start, drive);
  const bool is_refused = options.inputs_ahead == InputsAhead::kKnown;
  if (rows.times.empty() || (is_refused && rows.times.back() <= start.time))
    throw InvalidArgument("[forecast] the model is driven by ", text::join(model.input_names()), "; give their values",
                          of_trajectory(start.id),
                          " over time with --input FILE, or say what to take for them with "
                          "--inputs-ahead hold or repeat.");
  const double end = rows.times.back();
  const std::string reach = text::concat(text_of_time(rows.times.front(), scale), " … ", text_of_time(end, scale));
  if (rows.times.front() > start.time || (is_refused && end < times.back()))
    throw DataError("[forecast] the inputs", of_trajectory(start.id), " cover ", reach, "; the forecast needs ",
                    text_of_time(start.time, scale), " … ", text_of_time(times.back(), scale),
                    "; give the others, or say what to take for them with --inputs-ahead hold or repeat.");
  const std::string about_events = inputs.note.empty() ? "" : inputs.note + "; ";
  if (end < times.back()) {
    const std::string after = text::concat("inputs", of_trajectory(start.id), " after ", text_of_time(end, scale));
    if (options.inputs_ahead == InputsAhead::kHold) {
      inputs.note = about_events + after + " are not known: held at their last value";  // as interpolate does
    } else {
      const double period = period_of(model, options);
      repeat(times, period, start, rows);
      inputs.note = text::concat(about_events, after, " are not known: repeated after ", duration_text(period, scale));
    }
  }
  std::vector<Event> events = std::move(inputs.rows.events);
  inputs.rows = rows.trajectory();
  inputs.rows.events = std::move(events);
  return inputs;
}

std::vector<double> inputs_at(const SeriesModel& model, const ForecastInputs& inputs, double time) {
  const Trajectory& rows = inputs.rows;
  const auto after = std::ranges::upper_bound(rows.times, time) - rows.times.begin();
  if (model.options().interpolation == Interpolation::kHold && !rows.times.empty())
    return rows.inputs.row(std::max<std::int64_t>(after, 1) - 1);
  std::vector<double> values;
  for (std::size_t k = 0; k < model.input_names().size(); ++k)
    values.push_back(past_input(rows, rows.times.size() - 1, time, k));
  return values;
}

}  // namespace costate::internal
