#include "costate/models/fit.h"

#include <cmath>

#include "costate/base/log.h"
#include "costate/models/delay_embedding.h"
#include "costate/models/series_objective.h"
#include "costate/models/shown_paths.h"

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

/// A model trained on a split series, and its forecasts of what was held out.
struct Trained {
  SeriesModel model;
  WindowCount windows = {};
  TrainResult training = {};
  double gradient_error = 0;
  std::vector<HeldForecast> held = {};
  std::vector<StatePath> forecast_samples = {};  // one each
  ForecastError error = {};
  std::vector<Window> shown = {};
  std::vector<StatePath> fitted = {}, forecasts = {};
};

/// Forecasts, at the samples and densely where they are shown, and their error.
void judge(const TimeSeries& series, const SeriesObjective& objective, const std::string& name, Trained& trained) {
  Errors errors(series, trained.model.normalization(), trained.model.config().columns.states.size());
  trained.held = objective.held()->all();
  trained.forecast_samples = objective.predict_held();
  for (std::size_t i = 0; i < trained.held.size(); ++i) {
    StatePath& path = trained.forecast_samples[i];
    const Window window{path.trajectory, trained.held[i].joint(), path.times.size()};
    if (is_shown(window, trained.shown))
      trained.forecasts.push_back(dense_path(trained.model, series, window, path.states.front()));
    path.times.erase(path.times.begin());
    path.states.erase(path.states.begin());
    for (std::size_t k = 0; k < path.times.size(); ++k)
      errors.add(path.trajectory, window.first + 1 + k, path.states[k]);
  }
  trained.error = errors.named(name);
}

/// What is fitted, checked.
struct Prepared {
  TimeSeries series;  // with delayed states
  Split split;
  Normalization units;
  std::vector<Outliers> outliers;
};

/// A gradient that is off says where the loss falls all the same, until the end of a training, which it misses.
void warn_of_gradients(double error, const FitConfig& config, const std::string& model) {
  const double usual = 100 * config.rtol;
  if (error > usual)
    log(LogLevel::kWarn, "[fit] the gradients that trained the ", model, " are off by ", text::number(100 * error, 2),
        " %, where ", text::number(100 * usual, 2), " % is the most to be expected at rtol = ", config.rtol,
        "; lower --rtol and --atol, or take another --method.");
}

Trained train_model(const Prepared& data, const FitConfig& config, const TrainOptions& options,
                    const std::string& name) {
  Trained trained{.model = SeriesModel(config, data.series, data.units)};
  const SeriesObjective objective(trained.model, data.series, data.split);
  trained.windows = {objective.windows().size(), objective.num_windows(), longest(objective.windows())};
  trained.training = train(objective.objective(), options);
  trained.gradient_error = objective.gradient_error();
  warn_of_gradients(trained.gradient_error, config, name);
  trained.shown = shown_stretches(data.series, data.split, objective.windows());
  trained.fitted = fitted_paths(trained.model, data.series, objective, trained.shown);
  if (objective.held()) judge(data.series, objective, name, trained);
  return trained;
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
ForecastError last_value_error(const TimeSeries& series, const std::vector<HeldForecast>& forecasts,
                               const Normalization& units, std::size_t states) {
  Errors errors(series, units, states);
  for (const HeldForecast& forecast : forecasts) {
    const std::size_t trajectory = forecast.samples.trajectory;
    const std::vector<double> state =
        filled_state(series.trajectories[trajectory], forecast.joint(), units.state_offset);
    for (std::size_t i = 1; i <= forecast.held; ++i) errors.add(trajectory, forecast.joint() + i, state);
  }
  return errors.named("last value");
}

Prepared prepare(TimeSeries series, const FitConfig& config) {
  config.check();
  std::vector<Outliers> outliers = remove_outliers(series);
  series = embed_delays(series, config.delay);
  Split split = split_series(series, config.hold_out);
  Normalization units = measure(training_part(series, split));
  check_held(series, split);
  return {std::move(series), std::move(split), std::move(units), std::move(outliers)};
}

}  // namespace

std::string WindowCount::text() const {
  return text::concat("trained on ", trained, " of ", all, " windows of ", samples, " samples");
}

void check_fit(const TimeSeries& data, const FitConfig& config) { prepare(data, config); }

FitResult fit(const TimeSeries& series, const FitConfig& config, const FitOptions& options) {
  Prepared data = prepare(series, config);
  for (const Outliers& outliers : data.outliers)
    log(LogLevel::kWarn, "[fit] ", outliers.text(), ": taken as not measured.");
  TrainOptions neural = train_options(config, options, "neural ODE");
  neural.checkpoint = options.checkpoint;
  neural.fingerprint = options.fingerprint;
  neural.resume = options.resume;
  Trained trained = train_model(data, config, neural, "neural ODE");
  std::vector<ForecastError> errors;
  if (!data.split.held.empty()) {
    FitConfig linear = config;
    linear.hidden.clear();
    errors = {std::move(trained.error),
              last_value_error(data.series, trained.held, data.units, config.columns.states.size()),
              train_model(data, linear, train_options(linear, options, "linear ODE"), "linear ODE").error};
  }
  return {.model = std::move(trained.model),
          .series = std::move(data.series),
          .split = std::move(data.split),
          .outliers = std::move(data.outliers),
          .windows = trained.windows,
          .training = std::move(trained.training),
          .gradient_error = trained.gradient_error,
          .errors = std::move(errors),
          .forecast_samples = std::move(trained.forecast_samples),
          .shown = std::move(trained.shown),
          .fitted = std::move(trained.fitted),
          .forecasts = std::move(trained.forecasts)};
}

}  // namespace costate
