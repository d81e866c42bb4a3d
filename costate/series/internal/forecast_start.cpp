#include "costate/series/internal/forecast_start.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/delay_embedding.h"
#include "costate/series/internal/event_path.h"
#include "costate/series/internal/model_forecaster.h"
#include "costate/series/time_text.h"
#include "costate/series/windows.h"

namespace costate::internal {
namespace {

std::string hidden_text(std::size_t count) {
  return text::concat(count, count == 1 ? " hidden state" : " hidden states");
}

/// "the start of trajectory '3' at t = 29: y (last measured at 23) and 2 hidden states are the model's estimates from
/// the samples before"
std::string note_of(const SeriesModel& model, const std::string& id, double time, const std::vector<double>& seen) {
  std::vector<std::string> parts;
  for (std::size_t k = 0; k < num_columns(model) && k < seen.size(); ++k) {
    if (seen[k] == time) continue;
    const std::string last =
        std::isnan(seen[k]) ? "never measured" : "last measured at " + text_of_time(seen[k], model.time_scale());
    parts.push_back(text::concat("'", model.state_names()[k], "' (", last, ")"));
  }
  if (model.num_states() > model.num_measured())
    parts.push_back(hidden_text(model.num_states() - model.num_measured()));
  if (parts.empty()) return {};
  return text::concat("the start", of_trajectory(id), " at ", text_of_time(time, model.time_scale()), ": ",
                      text::join(parts), " estimated by the model from the samples before");
}

std::vector<ForecastStart> from_the_end(const SeriesModel& model) {
  std::vector<ForecastStart> starts;
  for (const LastState& last : model.last_states()) {
    ForecastStart& start = starts.emplace_back();
    start = {.id = last.trajectory,
             .time = last.time,
             .state = last.state,
             .covariates = last.covariates,
             .events = last.events};
    start.note = note_of(model, last.trajectory, last.time, last.seen);
    if (last.inputs.empty()) continue;
    start.input_times = {last.time};
    start.inputs = HostArray(Shape{1, static_cast<std::int64_t>(last.inputs.size())}, last.inputs);
  }
  return starts;
}

/// The last sample up to `at` at which something was measured; nothing if there is none.
std::optional<std::size_t> origin_of(const Trajectory& trajectory, const std::optional<double>& at,
                                     std::size_t columns) {
  for (std::size_t i = trajectory.times.size(); i-- > 0;)
    if ((!at || trajectory.times[i] <= *at) && is_measured(trajectory, i, columns)) return i;
  return std::nullopt;
}

std::vector<ForecastStart> from_data(const SeriesModel& model, const ForecastOptions& options) {
  const TimeSeries series = embed_delays(options.data, {.copies = model.options().delay, .lag = model.options().lag});
  std::vector<ForecastTask> tasks;
  for (const Trajectory& trajectory : series.trajectories)
    if (const auto origin = origin_of(trajectory, options.at, num_columns(model)))
      tasks.push_back(forecast_task(trajectory, *origin, 0, {InputsAhead::kKnown, 0}));
  if (tasks.empty())
    throw DataError("[forecast] nothing is measured",
                    options.at ? " up to " + text_of_time(*options.at, model.time_scale()) : std::string(),
                    ", so that there is no start.");
  std::vector<ModelForecaster::Path> paths = ModelForecaster(model).paths(tasks);
  std::vector<ForecastStart> starts;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const Trajectory& trajectory = *tasks[i].trajectory;
    const double time = trajectory.times[tasks[i].origin];
    starts.push_back(
        {.id = trajectory.id,
         .time = time,
         .state = std::move(paths[i].start),
         .covariates = trajectory.covariates,
         .events = events_from(trajectory.events, time),
         .input_times = trajectory.times,
         .inputs = trajectory.inputs,
         .ahead = {trajectory.times.begin() + static_cast<std::ptrdiff_t>(tasks[i].origin) + 1, trajectory.times.end()},
         .note = note_of(model, trajectory.id, time, times_seen(trajectory, tasks[i].origin))});
  }
  return starts;
}

/// One sample says nothing of what it lacks: the training does. A start that was learned stays NaN, as a prediction
/// takes it.
ForecastStart from_sample(const SeriesModel& model, const Trajectory& trajectory) {
  if (trajectory.times.size() != 1)
    throw DataError("[forecast] a start is one row; trajectory '", trajectory.id, "' has ", trajectory.times.size(),
                    "; to have the start estimated from several, give them as data.");
  ForecastStart start{
      .id = trajectory.id, .time = trajectory.times.front(), .state = {}, .covariates = trajectory.covariates};
  std::vector<std::string> means, learned;
  for (std::size_t k = 0; k < model.num_measured(); ++k) {
    const double cell = trajectory.states.at(static_cast<std::int64_t>(k));
    const bool is_learned = model.knows_unmeasured_starts() && model.may_be_unmeasured(k);
    start.state.push_back(std::isnan(cell) && !is_learned ? model.normalization().state_offset[k] : cell);
    if (std::isnan(cell)) (is_learned ? learned : means).push_back(text::concat("'", model.state_names()[k], "'"));
  }
  if (!means.empty() && means.size() + learned.size() == model.num_measured())
    throw DataError("[forecast] the start", of_trajectory(start.id), " holds no value of any state.");
  if (model.num_states() > model.num_measured())
    learned.push_back(hidden_text(model.num_states() - model.num_measured()));
  std::vector<std::string> parts;
  if (!means.empty()) parts.push_back(text::join(means) + " taken to be the mean of the training");
  if (!learned.empty()) parts.push_back(text::join(learned) + " as the model expects them where a trajectory starts");
  if (!parts.empty()) start.note = text::concat("the start", of_trajectory(start.id), ": ", text::join(parts));
  if (trajectory.inputs.size() > 0) {
    start.input_times = trajectory.times;
    start.inputs = trajectory.inputs;
  }
  return start;
}

}  // namespace

std::size_t num_columns(const SeriesModel& model) {
  return model.num_measured() / (static_cast<std::size_t>(model.options().delay) + 1);
}

std::vector<ForecastStart> forecast_starts(const SeriesModel& model, const ForecastOptions& options) {
  const bool has_data = !options.data.trajectories.empty(), has_starts = !options.starts.trajectories.empty();
  if (has_data && has_starts)
    throw InvalidArgument("[forecast] give either data, from which the start is estimated, or starts.");
  if (options.at && !has_data) throw InvalidArgument("[forecast] a start inside of data needs the data.");
  if (has_data) return from_data(model, options);
  if (!has_starts) return from_the_end(model);
  if (model.options().delay > 0)
    throw InvalidArgument("[forecast] a model with delayed states cannot start from one row; give ",
                          model.options().delay * model.options().lag + 2, " rows or more with --data.");
  std::vector<ForecastStart> starts;
  for (const Trajectory& trajectory : options.starts.trajectories) starts.push_back(from_sample(model, trajectory));
  return starts;
}

}  // namespace costate::internal
