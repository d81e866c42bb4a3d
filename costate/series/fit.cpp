#include "costate/series/fit.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "costate/base/error.h"
#include "costate/base/log.h"
#include "costate/series/delay_embedding.h"
#include "costate/series/internal/clock.h"
#include "costate/series/internal/ensemble_forecaster.h"
#include "costate/series/internal/event_path.h"
#include "costate/series/internal/hold_out.h"
#include "costate/series/internal/member_training.h"
#include "costate/series/internal/model_forecaster.h"
#include "costate/series/period.h"
#include "costate/series/rivals.h"

namespace costate {
namespace {

bool names_one(const std::vector<std::string>& clock, const std::string& name) {
  return clock.size() == 1 && clock.front() == name;
}

/// A gradient that is off says where the loss falls all the same, until the end of a training, which it misses.
void warn_of_gradients(double error, const FitConfig& config) {
  const SolveOptions& solve = config.model.solve;
  const double usual = 100 * solve.rtol;
  if (error > usual)
    log(LogLevel::kWarn, "[fit] the gradients that trained the ", kModelName, " are off by ",
        text::number(100 * error, 2), " %, where ", text::number(100 * usual, 2),
        " % is the most to be expected at rtol = ", solve.rtol, "; lower --rtol and --atol, or take another --method.");
}

/// States that some trajectory has no value of at its first sample.
std::vector<std::string> unmeasured_starts(const TimeSeries& series) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < series.state_names.size(); ++k)
    if (std::ranges::any_of(series.trajectories, [&](const Trajectory& trajectory) {
          return std::isnan(trajectory.states.at(static_cast<std::int64_t>(k)));
        }))
      names.push_back(series.state_names[k]);
  return names;
}

/// The config with what is left to the fit: epochs, as many as small data need, and fewer of large ones, patience, and
/// the states whose start is to be learned.
FitConfig with_choices(FitConfig config, const PreparedSeries& data) {
  constexpr std::int64_t kMostEpochs = 2000, kFewestEpochs = 500, kWork = 3'000'000;  // samples of all epochs
  constexpr double kPatience = 0.5;  // docs/fits.md has what it saves, and what it costs
  const auto samples = static_cast<std::int64_t>(count_samples(data.series));
  config.model.unmeasured_starts = unmeasured_starts(data.training);
  if (config.patience == FitConfig::kChosen) config.patience = config.epochs == 0 ? kPatience : 0;
  if (config.epochs == 0) config.epochs = std::clamp(kWork / (2 * samples), kFewestEpochs, kMostEpochs);
  return config;
}

/// What is trained on, and what is not.
Split split_of(const PreparedSeries& data, const FitConfig& config) {
  if (data.num_judged == 0)
    return config.hold_out_part.empty() ? split_series(data.series, config.hold_out)
                                        : hold_out_part(data.series, config.hold_out_part);
  std::vector<std::size_t> held(data.num_judged);
  std::iota(held.begin(), held.end(), data.series.trajectories.size() - data.num_judged);
  return hold_out_trajectories(data.series, held);
}

/// Whoever judges by a file of its own has its early samples to tell where the model stands, hidden states too.
void begin_after_context(const PreparedSeries& data, const SeriesModel& model, std::vector<Window>& held) {
  const auto context = static_cast<std::size_t>(model.options().context);
  for (Window& window : held) {
    const bool judges = window.trajectory + data.num_judged >= data.series.trajectories.size();
    if (judges && window.count > 2 * context) window = {window.trajectory, context, window.count - context};
  }
}

/// Where the ensemble's members stand at the ends of the first `count` trajectories.
void set_last_states(const TimeSeries& series, std::size_t count, const std::vector<EnsembleForecaster::Path>& paths,
                     std::size_t member, SeriesModel& model) {
  std::vector<LastState> last;
  for (std::size_t i = 0; i < count; ++i) {
    const Trajectory& trajectory = series.trajectories[i];
    const std::size_t end = trajectory.times.size() - 1;
    last.push_back({trajectory.id, trajectory.times.back(), paths[i].starts[member], trajectory.covariates,
                    times_seen(trajectory, end), trajectory.inputs.row(static_cast<std::int64_t>(end)),
                    events_from(trajectory.events, trajectory.times.back())});
  }
  model.set_last_states(std::move(last));
}

/// The members, with what they have to know of the data to be used without them.
Ensemble complete(const PreparedSeries& data, Ensemble ensemble) {
  const std::size_t count = data.series.trajectories.size() - data.num_judged;
  std::vector<ForecastTask> tasks;
  for (const Trajectory& trajectory : std::span(data.series.trajectories).first(count))
    tasks.push_back(forecast_task(trajectory, trajectory.times.size() - 1, 0, {InputsAhead::kKnown, 0}));
  const std::vector<EnsembleForecaster::Path> paths = EnsembleForecaster(ensemble).paths(tasks);
  const TrainingRange range = range_of(data.training);
  std::vector<Member> members = ensemble.members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    SeriesModel& model = members[i].model;
    set_last_states(data.series, count, paths, i, model);
    model.set_range(range);
    model.set_period(data.period);
  }
  return Ensemble(std::move(members), ensemble.noise());
}

FitResult result_of(internal::TrainedMembers trained, const PreparedSeries& data) {
  return {.ensemble = complete(data, std::move(trained.ensemble)),
          .trials = std::move(trained.trials),
          .chosen = trained.chosen,
          .windows = trained.first.windows,
          .training = std::move(trained.first.training),
          .gradient_error = trained.first.gradient_error,
          .fits = std::move(trained.first.fits),
          .was_stopped = trained.was_stopped};
}

/// Of each held window, from the sample before it, or from the first one of a whole trajectory.
void forecast_held(const EnsembleForecaster& forecaster, FitResult& result) {
  std::vector<ForecastTask> tasks;
  for (const Window& held : result.split.held) {
    const Trajectory& trajectory = result.series.trajectories[held.trajectory];
    const std::size_t origin = origin_before(held);
    tasks.push_back(forecast_task(trajectory, origin, trajectory.times.size() - 1 - origin, {InputsAhead::kKnown, 0}));
  }
  if (tasks.empty()) return;
  std::vector<EnsembleForecaster::Path> paths = forecaster.paths(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const ForecastTask& task = tasks[i];
    const std::size_t trajectory = result.split.held[i].trajectory;
    result.forecasts.push_back({{trajectory, task.origin, task.ahead + 1}, std::move(paths[i].starts)});
    const auto first = task.trajectory->times.begin() + static_cast<std::ptrdiff_t>(task.origin) + 1;
    result.forecast_samples.push_back({trajectory, {first, task.trajectory->times.end()}, std::move(paths[i].ahead)});
  }
  if (result.ensemble.has_bands()) result.coverage = coverage_of(result.series, result.forecast_samples);
}

/// What the model had, or the validation did without.
std::vector<Remedy> remedies_in_use(const FitConfig& config) {
  std::vector<Remedy> in_use;
  if (config.model.memory.states != 0) in_use.push_back(Remedy::kMemory);
  if (!names_one(config.clock, "none")) in_use.push_back(Remedy::kClock);
  if (std::ranges::find(config.clock, "time") != config.clock.end()) in_use.push_back(Remedy::kTimeAsClock);
  const std::vector<std::int64_t>& hidden = config.model.hidden;  // none, or chosen with none among the choices
  if (hidden.empty() || hidden == std::vector<std::int64_t>{0}) in_use.push_back(Remedy::kLinearField);
  return in_use;
}

void judge_model(const Forecaster& forecaster, const PreparedSeries& data, FitResult& result) {
  const std::optional<double> period = data.period > 0 ? std::optional(data.period) : std::nullopt;
  const auto rivals = fit_rivals(data.training, period);
  std::vector<const Forecaster*> list;
  for (const std::unique_ptr<Forecaster>& rival : rivals) list.push_back(rival.get());
  JudgeOptions options{.period = period, .in_use = remedies_in_use(result.config)};
  result.verdict = judge(result.series, result.split.held, data.units, &forecaster, list, options);
  if (!result.series.input_names.empty()) {
    options.inputs = {period ? InputsAhead::kRepeat : InputsAhead::kHold, period.value_or(0)};
    result.verdict_unknown = judge(result.series, result.split.held, data.units, &forecaster, list, options);
  }
  const std::size_t whole = result.verdict->horizons.size() - 1;
  for (std::size_t i = 0; i < result.verdict->forecasters.size(); ++i) {
    const HorizonError& error = result.verdict->errors[i][whole];
    result.errors.push_back({result.verdict->forecasters[i], error.rmse, error.relative});
  }
}

}  // namespace

std::string PartSizes::text() const {
  return text::concat(training, " samples to train on, ", validation, " to choose by, ", test, " to judge by");
}

PartSizes parts_of(const PreparedSeries& prepared) {
  PartSizes parts{.validation = count_samples(prepared.validation.held), .test = count_samples(prepared.split.held)};
  parts.training = count_samples(prepared.series) - parts.validation - parts.test;
  return parts;
}

PreparedSeries prepare_fit(TimeSeries series, const FitConfig& config, TimeSeries judge) {
  config.check();
  PreparedSeries data;
  data.num_judged = judge.trajectories.size();
  for (Trajectory& trajectory : judge.trajectories) series.trajectories.push_back(std::move(trajectory));
  check(series);
  data.outliers = remove_outliers(series, missing_codes_of(config.model.columns.layout));
  data.series = embed_delays(series, {.copies = config.model.delay, .lag = config.model.lag});
  data.split = split_of(data, config);
  data.training = training_part(data.series, data.split);
  data.units = measure(data.training);
  if (!data.split.held.empty() && !is_measured(data.series, data.split))
    throw DataError("[fit] what is held out has no measured value to judge a forecast by; change --hold-out.");
  const bool ends_are_held = std::ranges::any_of(data.split.held, [](const Window& held) { return held.first > 0; });
  data.validation = split_for_validation(data.training, config.validation, ends_are_held ? Cut::kEnds : Cut::kLastOnes);
  if (names_one(config.clock, "auto"))
    data.period = find_period(data.training).value_or(0);
  else if (!names_one(config.clock, "none"))
    data.periods = periods_of(config.clock, data.training);
  if (config.seeds > 1 && data.validation.held.empty())
    throw InvalidArgument("[fit] the bands of ", config.seeds,
                          " seeds are measured on a validation part, and there is none: raise --validation, give more "
                          "data, or fit one seed.");
  return data;
}

FitResult fit(PreparedSeries data, const FitConfig& given, const FitOptions& options) {
  const FitConfig config = with_choices(given, data);
  for (const Outliers& outliers : data.outliers) log(LogLevel::kWarn, "[fit] ", outliers.note(), ".");
  internal::TrainedMembers trained = internal::train_members(data, config, options);
  if (trained.first.training.best_epoch < 0)
    throw SolveFailed(
        "[fit] no epoch had a finite loss: every solve of some step failed, or the forecast of what is held out did. "
        "Lower the learning rate, shorten the window, or scale the data.");
  FitResult result = result_of(std::move(trained), data);
  warn_of_gradients(result.gradient_error, config);
  result.config = config;
  result.parts = parts_of(data);
  begin_after_context(data, result.model(), data.split.held);
  result.series = std::move(data.series);
  result.split = std::move(data.split);
  result.outliers = std::move(data.outliers);
  const EnsembleForecaster forecaster(result.ensemble);
  forecast_held(forecaster, result);
  if (!result.split.held.empty()) judge_model(forecaster, data, result);
  return result;
}

FitResult fit(TimeSeries series, const FitConfig& config, const FitOptions& options) {
  return fit(prepare_fit(std::move(series), config), config, options);
}

}  // namespace costate
