#include "costate/series/model_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "costate/base/error.h"
#include "costate/series/model_forecaster.h"
#include "costate/series/series_objective.h"

namespace costate {
namespace {

constexpr std::int64_t kDefaultBatch = 64;
constexpr std::int64_t kValidateEvery = 10;  // epochs: a validation takes as long as a few of them

TrainOptions train_options(const FitConfig& config, const TrainingPlan& plan) {
  const bool wants_all = config.optimizer == OptimizerKind::kLbfgs;
  const std::int64_t batch = wants_all ? 0 : config.batch == 0 ? kDefaultBatch : config.batch;
  TrainOptions train;
  train.epochs = plan.epochs;
  train.polish = plan.polish;
  train.batch = static_cast<std::size_t>(batch);
  train.seed = config.seed;
  train.optimizer = {.kind = config.optimizer, .clip_norm = wants_all ? 0.0 : 10.0};
  train.schedule = {.kind = wants_all ? ScheduleKind::kConstant : ScheduleKind::kCosine, .base = config.learning_rate};
  train.validate_every = kValidateEvery;
  train.checkpoint = plan.checkpoint;
  train.fingerprint = plan.fingerprint;
  train.resume = plan.resume;
  train.on_epoch = plan.on_epoch;
  train.should_stop = plan.should_stop;
  return train;
}

}  // namespace

std::string WindowCount::text() const {
  return text::concat("trained on ", trained, " of ", all, " windows of ", samples, " samples");
}

std::vector<ForecastTask> validation_tasks(const TimeSeries& series, const std::vector<Window>& windows) {
  constexpr std::size_t kMost = 500, kOrigins = 8, kTasks = 64;
  std::vector<ForecastTask> tasks;
  const std::size_t origins = std::max<std::size_t>(1, std::min(kOrigins, kTasks / windows.size()));
  for (const Window& window : windows) {
    // From the sample before; a whole trajectory gives its first one. Later origins in the first three fifths.
    const std::size_t first = std::max<std::size_t>(window.first, 1) - 1, end = window.first + window.count;
    std::set<std::size_t> chosen;
    for (std::size_t k = 0; k < origins; ++k) chosen.insert(first + (end - 1 - first) * 3 * k / (5 * origins));
    for (const std::size_t origin : chosen)
      tasks.push_back(forecast_task(series.trajectories[window.trajectory], origin,
                                    std::min(kMost, end - 1 - origin), {InputsAhead::kKnown, 0}));
  }
  return tasks;
}

double relative_error(const Forecaster& forecaster, std::span<const ForecastTask> tasks, const Normalization& units) {
  const std::vector<HostArray> forecasts = forecaster.forecast(tasks);
  double squares = 0, cells = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const HostArray& seen = tasks[i].trajectory->states;
    const std::int64_t d = seen.shape()[1], first = static_cast<std::int64_t>(tasks[i].origin + 1) * d;
    for (std::int64_t k = 0; k < forecasts[i].size(); ++k) {
      if (std::isnan(seen.at(first + k))) continue;
      const double off = (forecasts[i].at(k) - seen.at(first + k)) / units.state_scale[static_cast<std::size_t>(k % d)];
      squares += off * off;
      cells += 1;
    }
  }
  const double error = std::sqrt(squares / cells);
  return std::isnan(error) && cells > 0 ? std::numeric_limits<double>::infinity() : error;
}

TrainedModel train_model(const TrainingData& data, const FitConfig& config, const Candidate& candidate,
                         const TrainingPlan& plan) {
  TrainedModel trained{.model = SeriesModel(with(config.model, candidate), data.trained, data.units, config.seed)};
  const SeriesObjective training(
      trained.model, data.trained, {.loss = config.loss, .max_windows = plan.max_windows, .seed = config.seed});
  Objective objective = training.objective();
  const ModelForecaster forecaster(trained.model);
  const std::vector<ForecastTask> tasks =
      data.validation.empty() ? std::vector<ForecastTask>{} : validation_tasks(data.whole, data.validation);
  if (!tasks.empty())
    objective.validate = [&] {
      const double error = relative_error(forecaster, tasks, data.units);
      return error * error;
    };
  trained.training = train(objective, train_options(config, plan));
  const std::vector<Window>& windows = training.windows();
  trained.windows = {windows.size(), training.num_windows(), longest(windows)};
  for (std::size_t i = 0; i < windows.size(); ++i) trained.fits.push_back({windows[i], training.start_of(i)});
  if (plan.measures_gradients) trained.gradient_error = training.gradient_error();
  trained.validation_error = tasks.empty() ? std::numeric_limits<double>::quiet_NaN()
                             : trained.training.best_epoch < 0 ? std::numeric_limits<double>::infinity()
                                                               : std::sqrt(trained.training.best_loss);
  return trained;
}

}  // namespace costate
