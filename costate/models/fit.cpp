#include "costate/models/fit.h"

#include <algorithm>
#include <cmath>

#include "costate/models/delay_embedding.h"
#include "costate/models/series_objective.h"

namespace costate {
namespace {

constexpr std::int64_t kDefaultBatch = 64;
constexpr std::size_t kPointsPerStep = 8;  // of dense paths, between two samples

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

/// The times of a window with more between them.
std::vector<double> dense_times(const std::vector<double>& times, const Window& window) {
  std::vector<double> dense = {times[window.first]};
  for (std::size_t i = window.first + 1; i < window.first + window.count; ++i)
    for (std::size_t k = 1; k <= kPointsPerStep; ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(kPointsPerStep);
      const double time = k == kPointsPerStep ? times[i] : times[i - 1] + share * (times[i] - times[i - 1]);
      // Between neighbouring doubles, as of nanoseconds since 1970, there is none.
      if (time > dense.back() && (k == kPointsPerStep || time < times[i])) dense.push_back(time);
    }
  return dense;
}

StatePath predict_path(const SeriesModel& model, const TimeSeries& series, const Window& window,
                       std::vector<double> start, std::vector<double> times) {
  const Trajectory& trajectory = series.trajectories[window.trajectory];
  SeriesModel::Query query{.start = std::move(start), .times = times};
  if (!series.input_names.empty()) {
    query.input_times = trajectory.times;
    query.inputs = trajectory.inputs;
  }
  return {window.trajectory, std::move(times), model.predict(query)};
}

/// The end of a path: its last `count` times.
StatePath end_of(StatePath path, std::size_t count) {
  const auto first = static_cast<std::ptrdiff_t>(path.times.size() - count);
  path.times.erase(path.times.begin(), path.times.begin() + first);
  path.states.erase(path.states.begin(), path.states.begin() + first);
  return path;
}

/// As few windows as reach over all samples, each shown from where the one before ended, so that one line shows the
/// fit.
std::vector<StatePath> fitted_paths(const SeriesModel& model, const TimeSeries& series,
                                    const SeriesObjective& objective) {
  const std::vector<Window>& windows = objective.windows();
  std::vector<StatePath> paths;
  std::size_t trajectory = 0, covered = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const Window& window = windows[i];
    if (window.trajectory != trajectory) covered = 0;
    trajectory = window.trajectory;
    const bool is_last = i + 1 == windows.size() || windows[i + 1].trajectory != trajectory;
    if (!is_last && windows[i + 1].first < std::max<std::size_t>(covered, 1)) continue;
    const std::size_t begin = std::max(window.first + 1, covered) - 1, end = window.first + window.count;
    covered = end;
    StatePath path = predict_path(model, series, window, objective.start_of(i),
                                  dense_times(series.trajectories[trajectory].times, window));
    const double shown_from = series.trajectories[trajectory].times[begin];
    const auto shown = path.times.end() - std::lower_bound(path.times.begin(), path.times.end(), shown_from);
    paths.push_back(end_of(std::move(path), static_cast<std::size_t>(shown)));
  }
  return paths;
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

/// A model trained on a split series, and its forecasts at the samples held out.
struct Trained {
  SeriesModel model;
  TrainResult training = {};
  std::vector<StatePath> fitted = {}, forecasts = {}, forecast_samples = {};
  ForecastError error = {};
};

Trained train_model(const TimeSeries& series, const Split& split, const FitConfig& config, const TrainOptions& options,
                    const std::string& name) {
  Trained trained{.model = SeriesModel(config, series, measure(training_part(series, split)))};
  const SeriesObjective objective(trained.model, series, split);
  trained.training = train(objective.objective(), options);
  trained.fitted = fitted_paths(trained.model, series, objective);
  Errors errors(series, trained.model.normalization(), config.columns.states.size());
  for (const SeriesObjective::Forecast& forecast : objective.forecasts()) {
    const std::vector<double>& times = series.trajectories[forecast.samples.trajectory].times;
    const auto begin = times.begin() + static_cast<std::ptrdiff_t>(forecast.samples.first);
    const auto end = begin + static_cast<std::ptrdiff_t>(forecast.samples.count);
    const Window held{forecast.samples.trajectory, forecast.samples.first + forecast.samples.count - forecast.held - 1,
                      forecast.held + 1};
    StatePath path = predict_path(trained.model, series, forecast.samples, forecast.start, {begin, end});
    const std::vector<double> joint = path.states[path.states.size() - forecast.held - 1];
    trained.forecast_samples.push_back(end_of(std::move(path), forecast.held));
    trained.forecasts.push_back(predict_path(trained.model, series, held, joint, dense_times(times, held)));
    for (std::size_t i = 0; i < forecast.held; ++i)
      errors.add(held.trajectory, held.first + 1 + i, trained.forecast_samples.back().states[i]);
  }
  if (!split.held.empty()) trained.error = errors.named(name);
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

/// The last training sample of a single trajectory, the first of a whole one, held.
ForecastError last_value_error(const TimeSeries& series, const Split& split, const SeriesModel& model) {
  Errors errors(series, model.normalization(), model.config().columns.states.size());
  for (const Window& held : split.held) {
    const bool is_whole = held.first == 0;
    const std::vector<Window> given = {{held.trajectory, is_whole ? 0 : held.first - 1, 1}};
    const WindowArrays arrays = window_arrays(series, given, model.normalization());
    std::vector<double> state;
    for (std::size_t k = 0; k < series.state_names.size(); ++k)
      state.push_back(model.normalization().state_offset[k] +
                      model.normalization().state_scale[k] * arrays.starts.at(static_cast<std::int64_t>(k)));
    for (std::size_t i = is_whole ? 1 : 0; i < held.count; ++i) errors.add(held.trajectory, held.first + i, state);
  }
  return errors.named("last value");
}

/// What is fitted, checked.
struct Prepared {
  TimeSeries series;  // with delayed states
  Split split;
};

Prepared prepare(const TimeSeries& data, const FitConfig& config) {
  config.check();
  TimeSeries series = embed_delays(data, config.delay);
  Split split = split_series(series, config.hold_out);
  measure(training_part(series, split));
  check_held(series, split);
  return {std::move(series), std::move(split)};
}

}  // namespace

void check_fit(const TimeSeries& data, const FitConfig& config) { prepare(data, config); }

FitResult fit(const TimeSeries& data, const FitConfig& config, const FitOptions& options) {
  const auto [series, split] = prepare(data, config);
  TrainOptions neural = train_options(config, options, "neural ODE");
  neural.checkpoint = options.checkpoint;
  neural.fingerprint = options.fingerprint;
  neural.resume = options.resume;
  Trained trained = train_model(series, split, config, neural, "neural ODE");
  FitResult result{.model = trained.model,
                   .series = series,
                   .split = split,
                   .training = std::move(trained.training),
                   .errors = {},
                   .fitted = std::move(trained.fitted),
                   .forecasts = std::move(trained.forecasts),
                   .forecast_samples = std::move(trained.forecast_samples)};
  if (split.held.empty()) return result;
  FitConfig linear = config;
  linear.hidden.clear();
  result.errors = {
      std::move(trained.error), last_value_error(series, split, result.model),
      train_model(series, split, linear, train_options(linear, options, "linear ODE"), "linear ODE").error};
  return result;
}

}  // namespace costate
