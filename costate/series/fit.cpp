#include "costate/series/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <numeric>

#include "costate/base/error.h"
#include "costate/base/log.h"
#include "costate/series/clock.h"
#include "costate/series/delay_embedding.h"
#include "costate/series/event_path.h"
#include "costate/series/hold_out.h"
#include "costate/series/model_forecaster.h"
#include "costate/series/period.h"
#include "costate/series/rivals.h"

namespace costate {
namespace {

const std::string kModel = "neural ODE";

std::size_t count_samples(const TimeSeries& series) {
  std::size_t count = 0;
  for (const Trajectory& trajectory : series.trajectories) count += trajectory.times.size();
  return count;
}

bool names_one(const std::vector<std::string>& clock, const std::string& name) {
  return clock.size() == 1 && clock.front() == name;
}

/// A gradient that is off says where the loss falls all the same, until the end of a training, which it misses.
void warn_of_gradients(double error, const FitConfig& config) {
  const SolveOptions& solve = config.model.solve;
  const double usual = 100 * solve.rtol;
  if (error > usual)
    log(LogLevel::kWarn, "[fit] the gradients that trained the ", kModel, " are off by ", text::number(100 * error, 2),
        " %, where ", text::number(100 * usual, 2), " % is the most to be expected at rtol = ", solve.rtol,
        "; lower --rtol and --atol, or take another --method.");
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

/// The config with what is left to the fit: epochs, as many as small data need, and fewer of large ones, and the states
/// whose start is to be learned.
FitConfig with_choices(FitConfig config, const PreparedSeries& data) {
  constexpr std::int64_t kMostEpochs = 2000, kFewestEpochs = 500, kWork = 3'000'000;  // samples of all epochs
  const auto samples = static_cast<std::int64_t>(count_samples(data.series));
  config.model.unmeasured_starts = unmeasured_starts(training_part(data.series, data.split));
  if (config.epochs == 0) config.epochs = std::clamp(kWork / (2 * samples), kFewestEpochs, kMostEpochs);
  return config;
}

/// Going on with the validation part, too, tells something new only where samples are few.
bool is_worth_going_on(const TimeSeries& training) {
  constexpr std::size_t kMost = 5000;
  return count_samples(training) <= kMost;
}

/// Epochs of the last training, a fifth of all: from the chosen weights, on the validation part, too.
std::int64_t last_epochs(const FitConfig& config) { return std::max<std::int64_t>(1, config.epochs / 5); }

TrainingPlan last_plan(const FitConfig& config, const Candidate& form, const SeriesModel& chosen,
                       const FitOptions& options) {
  TrainingPlan plan{.epochs = last_epochs(config),
                    .max_windows = most_windows(config, form),
                    .measures_gradients = true,
                    .from = &chosen,
                    .checkpoint = options.checkpoint,
                    .fingerprint = options.fingerprint,
                    .resume = options.resume,
                    .should_stop = options.should_stop};
  if (options.on_epoch)
    plan.on_epoch = [&options, epochs = plan.epochs](const HistoryRow& row) {
      options.on_epoch({kModel, row, epochs});
    };
  return plan;
}

/// The trials' config: the last training's epochs are left to that.
FitConfig before_last(FitConfig config) {
  const std::int64_t all = config.epochs, epochs = std::max<std::int64_t>(1, all - last_epochs(config));
  config.polish = config.polish_epochs() * epochs / all;
  config.epochs = epochs;
  return config;
}

/// Of both trainings, one after the other.
TrainResult joined(TrainResult first, const TrainResult& then) {
  const auto epochs = static_cast<std::int64_t>(first.history.size());
  const double seconds = first.history.empty() ? 0 : first.history.back().seconds;
  for (HistoryRow row : then.history) {
    row.epoch += static_cast<double>(epochs);
    row.seconds += seconds;
    first.history.push_back(row);
  }
  first.best_epoch = epochs + then.best_epoch;
  first.best_loss = then.best_loss;
  first.reason = then.reason;
  return first;
}

SelectionOptions selection_options(const FitOptions& options) {
  SelectionOptions selection{
      .fingerprint = options.fingerprint, .resume = options.resume, .should_stop = options.should_stop};
  if (!options.checkpoint.empty()) {
    selection.folder = options.checkpoint.parent_path() / "trials";
    std::filesystem::create_directories(selection.folder);
  }
  if (options.on_epoch)
    selection.on_epoch = [&options](const std::string& model, const HistoryRow& row, std::int64_t epochs) {
      options.on_epoch({model, row, epochs, true});
    };
  return selection;
}

FitResult result_of(TrainedModel trained) {
  return {.model = std::move(trained.model),
          .windows = trained.windows,
          .training = std::move(trained.training),
          .gradient_error = trained.gradient_error,
          .fits = std::move(trained.fits)};
}

/// Chooses, and goes on with what was chosen on all that may be trained on.
FitResult train_best(const PreparedSeries& data, const FitConfig& config, const FitOptions& options) {
  const TimeSeries training = training_part(data.series, data.split);
  const TimeSeries fitted = training_part(training, data.validation);
  const TrainingData parts{fitted, training, data.validation.held, data.units};
  const bool goes_on = !data.validation.held.empty() && is_worth_going_on(training);
  Selection selection = select_model(parts, goes_on ? before_last(config) : config, data.periods, data.period,
                                     selection_options(options));
  const Trial& chosen = selection.trials[selection.chosen];
  TrainedModel& best = selection.best;
  const bool is_over = options.should_stop && options.should_stop();
  if (goes_on && !is_over && chosen.best_epoch >= 0) {
    const std::vector<Window> none;
    TrainedModel longer = train_model({training, training, none, data.units}, config, chosen.candidate,
                                      last_plan(config, chosen.candidate, best.model, options));
    longer.training = joined(best.training, longer.training);
    if (ValidationError(parts).of(ModelForecaster(longer.model)) <= chosen.error) best = std::move(longer);
  }
  best.model.set_correction(best_correction(best.model, parts));
  FitResult result = result_of(std::move(best));
  result.chosen = chosen;
  result.trials = std::move(selection.trials);
  return result;
}

/// The options, stopped after so many minutes, too.
FitOptions with_deadline(FitOptions options, double minutes) {
  if (minutes == 0) return options;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                          std::chrono::duration<double>(60 * minutes));
  options.should_stop = [end, asked = options.should_stop] {
    return std::chrono::steady_clock::now() > end || (asked && asked());
  };
  return options;
}

/// What is trained on, and what is not.
Split split_of(const PreparedSeries& data, const FitConfig& config) {
  if (data.judges == 0)
    return config.hold_out_part.empty() ? split_series(data.series, config.hold_out)
                                        : hold_out_part(data.series, config.hold_out_part);
  std::vector<std::size_t> held(data.judges);
  std::iota(held.begin(), held.end(), data.series.trajectories.size() - data.judges);
  return hold_out_trajectories(data.series, held);
}

/// Whoever judges by a file of its own has its early samples to tell where the model stands, hidden states too.
void begin_after_context(const PreparedSeries& data, const SeriesModel& model, std::vector<Window>& held) {
  const auto context = static_cast<std::size_t>(model.options().context);
  for (Window& window : held) {
    const bool judges = window.trajectory + data.judges >= data.series.trajectories.size();
    if (judges && window.count > 2 * context) window = {window.trajectory, context, window.count - context};
  }
}

/// Of the first `count` trajectories.
std::vector<LastState> last_states(const TimeSeries& series, std::size_t count, const ModelForecaster& forecaster) {
  std::vector<ForecastTask> tasks;
  for (const Trajectory& trajectory : std::span(series.trajectories).first(count))
    tasks.push_back(forecast_task(trajectory, trajectory.times.size() - 1, 0, {InputsAhead::kKnown, 0}));
  std::vector<ModelForecaster::Path> paths = forecaster.paths(tasks);
  std::vector<LastState> last;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Trajectory& trajectory = series.trajectories[i];
    const std::size_t end = trajectory.times.size() - 1;
    last.push_back({trajectory.id, trajectory.times.back(), std::move(paths[i].start), trajectory.covariates,
                    times_seen(trajectory, end), trajectory.inputs.row(static_cast<std::int64_t>(end)),
                    events_from(trajectory.events, trajectory.times.back())});
  }
  return last;
}

/// Of each held window, from the sample before it, or from the first one of a whole trajectory.
void forecast_held(const ModelForecaster& forecaster, FitResult& result) {
  std::vector<ForecastTask> tasks;
  for (const Window& held : result.split.held) {
    const Trajectory& trajectory = result.series.trajectories[held.trajectory];
    const std::size_t origin = origin_before(held);
    tasks.push_back(forecast_task(trajectory, origin, trajectory.times.size() - 1 - origin, {InputsAhead::kKnown, 0}));
  }
  if (tasks.empty()) return;
  std::vector<ModelForecaster::Path> paths = forecaster.paths(tasks);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const ForecastTask& task = tasks[i];
    const std::size_t trajectory = result.split.held[i].trajectory;
    result.forecasts.push_back({{trajectory, task.origin, task.ahead + 1}, std::move(paths[i].start)});
    StatePath& path = result.forecast_samples.emplace_back();
    path.trajectory = trajectory;
    for (std::size_t k = 0; k < task.ahead; ++k) {
      path.times.push_back(task.trajectory->times[task.origin + 1 + k]);
      path.states.push_back(paths[i].ahead.row(static_cast<std::int64_t>(k)));
    }
  }
}

/// What the model had, or the validation did without.
std::vector<std::string> options_in_use(const FitConfig& config) {
  std::vector<std::string> in_use;
  if (config.model.memory.states != 0) in_use.push_back("--memory");
  if (!names_one(config.clock, "none")) in_use.push_back("--clock");
  if (config.model.hidden == std::vector<std::int64_t>{0}) in_use.push_back("--hidden");
  return in_use;
}

void judge_model(const ModelForecaster& forecaster, const PreparedSeries& data, FitResult& result) {
  const std::optional<double> period = data.period > 0 ? std::optional(data.period) : std::nullopt;
  const auto rivals = fit_rivals(training_part(result.series, result.split), period);
  std::vector<const Forecaster*> list;
  for (const std::unique_ptr<Forecaster>& rival : rivals) list.push_back(rival.get());
  JudgeOptions options{.period = period, .in_use = options_in_use(result.config)};
  result.verdict = judge(result.series, result.split.held, data.units, &forecaster, list, options);
  if (!result.series.input_names.empty()) {
    options.inputs = {period ? InputsAhead::kRepeated : InputsAhead::kHeld, period.value_or(0)};
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
  data.judges = judge.trajectories.size();
  for (Trajectory& trajectory : judge.trajectories) series.trajectories.push_back(std::move(trajectory));
  check(series);
  const bool keeps_codes = names_one(config.model.columns.layout.missing, "none");
  data.outliers = remove_outliers(series, keeps_codes ? MissingCodes::kKeep : MissingCodes::kFind);
  data.series = embed_delays(series, {.copies = config.model.delay, .lag = config.model.lag});
  data.split = split_of(data, config);
  const TimeSeries training = training_part(data.series, data.split);
  data.units = measure(training);
  if (!data.split.held.empty() && !is_measured(data.series, data.split))
    throw DataError("[fit] what is held out has no measured value to judge a forecast by; change --hold-out.");
  const bool ends_are_held = std::ranges::any_of(data.split.held, [](const Window& held) { return held.first > 0; });
  data.validation = split_for_validation(training, config.validation, ends_are_held ? Cut::kEnds : Cut::kLastOnes);
  if (names_one(config.clock, "auto"))
    data.period = find_period(training).value_or(0);
  else if (!names_one(config.clock, "none"))
    data.periods = periods_of(config.clock, data.series.time_scale);
  return data;
}

FitResult fit(PreparedSeries data, const FitConfig& given, const FitOptions& asked) {
  const FitConfig config = with_choices(given, data);
  const FitOptions options = with_deadline(asked, config.minutes);
  for (const Outliers& outliers : data.outliers)
    log(LogLevel::kWarn, "[fit] ", outliers.text(), ": taken as not measured.");
  FitResult result = train_best(data, config, options);
  if (result.training.best_epoch < 0)
    throw SolveFailed(
        "[fit] no epoch had a finite loss: every solve of some step failed, or the forecast of what is held out did. "
        "Lower the learning rate, shorten the window, or scale the data.");
  warn_of_gradients(result.gradient_error, config);
  result.config = config;
  result.parts = parts_of(data);
  begin_after_context(data, result.model, data.split.held);
  result.series = std::move(data.series);
  result.split = std::move(data.split);
  result.outliers = std::move(data.outliers);
  const ModelForecaster forecaster(result.model);
  result.model.set_last_states(last_states(result.series, result.series.trajectories.size() - data.judges, forecaster));
  result.model.set_range(range_of(training_part(result.series, result.split)));
  result.model.set_period(data.period);
  forecast_held(forecaster, result);
  if (!result.split.held.empty()) judge_model(forecaster, data, result);
  return result;
}

FitResult fit(TimeSeries series, const FitConfig& config, const FitOptions& options) {
  return fit(prepare_fit(std::move(series), config), config, options);
}

}  // namespace costate
