#include "costate/series/fit.h"

#include <cmath>

#include "costate/base/error.h"
#include "costate/base/log.h"
#include "costate/series/delay_embedding.h"
#include "costate/series/series_objective.h"

namespace costate {
namespace {

constexpr std::int64_t kDefaultBatch = 64;

TrainOptions train_options(const FitConfig& config, const FitOptions& options, const std::string& model) {
  const bool wants_all = config.optimizer == OptimizerKind::kLbfgs;
  const std::int64_t batch = wants_all ? 0 : config.batch == 0 ? kDefaultBatch : config.batch;
  TrainOptions train;
  train.epochs = config.epochs;
  train.polish = config.polish;
  train.batch = static_cast<std::size_t>(batch);
  train.seed = config.seed;
  train.optimizer = {.kind = config.optimizer, .clip_norm = wants_all ? 0.0 : 10.0};
  train.schedule = {.kind = wants_all ? ScheduleKind::kConstant : ScheduleKind::kCosine, .base = config.learning_rate};
  train.should_stop = options.should_stop;
  if (options.on_epoch)
    train.on_epoch = [&options, model, epochs = config.epochs + config.polish](const HistoryRow& row) {
      options.on_epoch({model, row, epochs});
    };
  return train;
}

class Errors {
 public:
  Errors(const TimeSeries& series, const Normalization& units, std::size_t states)
      : series_(series), units_(units), squares_(states, 0.0), counts_(states, 0.0) {}

  void add(std::size_t trajectory, std::size_t sample, const std::vector<double>& state) {
    const auto width = static_cast<std::int64_t>(series_.state_names.size());
    for (std::size_t k = 0; k < squares_.size(); ++k) {
      const double seen = series_.trajectories[trajectory].states.at(static_cast<std::int64_t>(sample) * width +
                                                                     static_cast<std::int64_t>(k));
      if (std::isnan(seen)) continue;
      squares_[k] += (state[k] - seen) * (state[k] - seen);
      counts_[k] += 1;
    }
  }

  ForecastError named(std::string model) const {
    ForecastError error{.model = std::move(model)};
    double sum = 0, count = 0;
    for (std::size_t k = 0; k < squares_.size(); ++k) {
      error.rmse.push_back(std::sqrt(squares_[k] / counts_[k]));
      sum += squares_[k] / (units_.state_scale[k] * units_.state_scale[k]);
      count += counts_[k];
    }
    error.relative = std::sqrt(sum / count);
    return error;
  }

 private:
  const TimeSeries& series_;
  const Normalization& units_;
  std::vector<double> squares_, counts_;
};

/// Forecasts of what was held out, and their error.
ForecastError judge(const TimeSeries& series, const SeriesObjective& objective, const std::string& name,
                    FitResult& result) {
  Errors errors(series, result.model.normalization(), result.model.config().columns.states.size());
  const std::vector<HeldForecast>& held = objective.held()->all();
  result.forecast_samples = objective.predict_held();
  for (std::size_t i = 0; i < held.size(); ++i) {
    StatePath& path = result.forecast_samples[i];
    const Window window{path.trajectory, held[i].joint(), path.times.size()};
    result.forecasts.push_back({window, path.states.front()});
    path.times.erase(path.times.begin());
    path.states.erase(path.states.begin());
    for (std::size_t k = 0; k < path.times.size(); ++k)
      errors.add(path.trajectory, window.first + 1 + k, path.states[k]);
  }
  return errors.named(name);
}

/// A gradient that is off says where the loss falls all the same, until the end of a training, which it misses.
void warn_of_gradients(double error, const FitConfig& config, const std::string& model) {
  const double usual = 100 * config.rtol;
  if (error > usual)
    log(LogLevel::kWarn, "[fit] the gradients that trained the ", model, " are off by ", text::number(100 * error, 2),
        " %, where ", text::number(100 * usual, 2), " % is the most to be expected at rtol = ", config.rtol,
        "; lower --rtol and --atol, or take another --method.");
}

/// All but the series, its split and its outliers, which the caller keeps: a series may be large.
FitResult train_model(const PreparedSeries& data, const FitConfig& config, const TrainOptions& options,
                      const std::string& name) {
  FitResult result{.model = SeriesModel(config, data.series, data.units)};
  const SeriesObjective objective(result.model, data.series, data.split);
  const std::vector<Window>& windows = objective.windows();
  result.windows = {windows.size(), objective.num_windows(), longest(windows)};
  result.training = train(objective.objective(), options);
  result.gradient_error = objective.gradient_error();
  warn_of_gradients(result.gradient_error, config, name);
  for (std::size_t i = 0; i < windows.size(); ++i) result.fits.push_back({windows[i], objective.start_of(i)});
  if (objective.held()) result.errors = {judge(data.series, objective, name, result)};
  return result;
}

/// A score of nothing would be NaN in every epoch, and no weights the best.
void check_held(const TimeSeries& series, const Split& split) {
  const auto width = static_cast<std::int64_t>(series.state_names.size());
  for (const Window& held : split.held) {
    // A whole trajectory gives its first sample as the start.
    const std::size_t first = held.first == 0 ? 1 : held.first;
    const HostArray& states = series.trajectories[held.trajectory].states;
    for (auto i = static_cast<std::int64_t>(first) * width; i < states.size(); ++i)
      if (!std::isnan(states.at(i))) return;
  }
  if (!split.held.empty())
    throw DataError("[fit] what is held out has no measured value to judge a forecast by; change --hold-out.");
}

/// Each forecast's last sample that is not judged, held.
ForecastError last_value_error(const TimeSeries& series, const FitResult& result) {
  const Normalization& units = result.model.normalization();
  Errors errors(series, units, result.model.config().columns.states.size());
  for (const auto& [window, start] : result.forecasts) {
    const std::vector<double> state =
        filled_state(series.trajectories[window.trajectory], window.first, units.state_offset);
    for (std::size_t i = 1; i < window.count; ++i) errors.add(window.trajectory, window.first + i, state);
  }
  return errors.named("last value");
}

}  // namespace

std::string WindowCount::text() const {
  return text::concat("trained on ", trained, " of ", all, " windows of ", samples, " samples");
}

PreparedSeries prepare_fit(TimeSeries series, const FitConfig& config) {
  config.check();
  check(series);
  std::vector<Outliers> outliers = remove_outliers(series);
  series = embed_delays(series, config.delay);
  Split split = split_series(series, config.hold_out);
  Normalization units = measure(training_part(series, split));
  check_held(series, split);
  return {std::move(series), std::move(split), std::move(units), std::move(outliers)};
}

FitResult fit(PreparedSeries data, const FitConfig& config, const FitOptions& options) {
  for (const Outliers& outliers : data.outliers)
    log(LogLevel::kWarn, "[fit] ", outliers.text(), ": taken as not measured.");
  TrainOptions neural = train_options(config, options, "neural ODE");
  neural.checkpoint = options.checkpoint;
  neural.fingerprint = options.fingerprint;
  neural.resume = options.resume;
  FitResult result = train_model(data, config, neural, "neural ODE");
  if (result.training.best_epoch < 0)
    throw SolveFailed(
        "[fit] no epoch had a finite loss: every solve of some step failed, or the forecast of what is held out did. "
        "Lower the learning rate, shorten the window, or scale the data.");
  if (!data.split.held.empty()) {
    result.errors.push_back(last_value_error(data.series, result));
    FitConfig linear = config;
    linear.hidden.clear();
    const FitResult baseline = train_model(data, linear, train_options(linear, options, "linear ODE"), "linear ODE");
    result.errors.push_back(baseline.errors.front());
  }
  result.series = std::move(data.series);
  result.split = std::move(data.split);
  result.outliers = std::move(data.outliers);
  return result;
}

FitResult fit(TimeSeries series, const FitConfig& config, const FitOptions& options) {
  return fit(prepare_fit(std::move(series), config), config, options);
}

}  // namespace costate
