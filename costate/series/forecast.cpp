#include "costate/series/forecast.h"

#include <cmath>

#include "costate/base/error.h"
#include "costate/base/log.h"

namespace costate {
namespace {

constexpr std::int64_t kMostSteps = 10'000'000;

std::int64_t num_steps(const SeriesModel& model, const ForecastOptions& options, double start) {
  if (options.until.has_value() == options.steps.has_value())
    throw InvalidArgument("[forecast] give either --until or --steps.");
  if (options.steps) {
    if (*options.steps < 1 || *options.steps > kMostSteps)
      throw InvalidArgument("[forecast] steps must be between 1 and ", kMostSteps, "; got ", *options.steps, ".");
    return *options.steps;
  }
  if (!std::isfinite(*options.until) || !(*options.until > start))
    throw InvalidArgument("[forecast] until must lie after the start at ", start, "; got ", *options.until, ".");
  const double steps = std::ceil((*options.until - start) / model.spacing() * (1 - 1e-12));
  if (steps > static_cast<double>(kMostSteps))
    throw InvalidArgument("[forecast] until = ", *options.until, " is ", steps, " samples ahead; at most ", kMostSteps,
                          " can be made.");
  return static_cast<std::int64_t>(steps);
}

std::vector<LastState> starts_of(const SeriesModel& model, const ForecastOptions& options) {
  if (options.starts.trajectories.empty()) return model.last_states();
  if (model.options().delay > 0)
    throw InvalidArgument(
        "[forecast] a model with delayed states starts where its data end; it cannot start from a file.");
  std::vector<LastState> starts;
  for (const Trajectory& trajectory : options.starts.trajectories) {
    LastState start{trajectory.id, trajectory.times.front(), {}, trajectory.covariates};
    for (std::size_t k = 0; k < model.state_names().size(); ++k) {
      start.state.push_back(trajectory.states.at(static_cast<std::int64_t>(k)));
      if (std::isnan(start.state.back()))
        throw DataError("[forecast] the start lacks a value of '", model.state_names()[k], "'.");
    }
    starts.push_back(std::move(start));
  }
  return starts;
}

void set_drive(const SeriesModel& model, const ForecastOptions& options, SeriesModel::Query& query) {
  if (model.has_events() && options.drive.trajectories.size() == 1) {
    const std::vector<Event>& ahead = options.drive.trajectories[0].events;
    query.events.insert(query.events.end(), ahead.begin(), ahead.end());
  }
  if (model.input_names().empty()) return;
  if (options.drive.trajectories.size() != 1)
    throw InvalidArgument("[forecast] the model is driven by ", text::join(model.input_names()),
                          "; give their values over time with --input FILE, as one trajectory.");
  const Trajectory& drive = options.drive.trajectories[0];
  if (drive.times.front() > query.times.front() || drive.times.back() < query.times.back())
    throw DataError("[forecast] the inputs cover t = ", drive.times.front(), " … ", drive.times.back(),
                    "; the forecast needs ", query.times.front(), " … ", query.times.back(), ".");
  query.input_times = drive.times;
  query.inputs = drive.inputs;
}

}  // namespace

TimeSeries forecast(const SeriesModel& model, const ForecastOptions& options) {
  TimeSeries series{model.options().columns.time, model.time_scale(), model.state_names(), {}, {}};
  const auto d = static_cast<std::int64_t>(model.state_names().size());
  if (model.has_events() && options.drive.trajectories.empty())
    log(LogLevel::kWarn, "[forecast] no ", text::join(model.event_names()),
        " is taken to come in; give amounts and times with --input FILE if some does.");
  for (const LastState& start : starts_of(model, options)) {
    SeriesModel::Query query{
        .start = start.state, .times = {start.time}, .covariates = start.covariates, .events = start.events};
    const std::int64_t steps = num_steps(model, options, start.time);
    for (std::int64_t i = 1; i <= steps; ++i) {
      const bool is_last = i == steps && options.until.has_value();
      query.times.push_back(is_last ? *options.until : start.time + static_cast<double>(i) * model.spacing());
    }
    set_drive(model, options, query);
    const std::vector<std::vector<double>> states = model.predict(query);
    Trajectory trajectory{.id = start.trajectory,
                          .times = query.times,
                          .states = HostArray(Shape{steps + 1, d}),
                          .inputs = HostArray(Shape{steps + 1, 0})};
    for (std::int64_t i = 0; i < trajectory.states.size(); ++i) {
      const double value = states[static_cast<std::size_t>(i / d)][static_cast<std::size_t>(i % d)];
      if (!std::isfinite(value))
        throw SolveFailed("[forecast] the model blows up before t = ", query.times[static_cast<std::size_t>(i / d)],
                          "; forecast less far.");
      trajectory.states.set(i, value);
    }
    series.trajectories.push_back(std::move(trajectory));
  }
  return series;
}

}  // namespace costate
