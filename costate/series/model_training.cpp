#include "costate/series/model_training.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <set>
#include <utility>

#include "costate/base/error.h"
#include "costate/series/internal/model_forecaster.h"
#include "costate/series/internal/series_objective.h"
#include "costate/train/checkpoint.h"

namespace costate {
namespace {

constexpr std::size_t kFarthestValidated = 500;  // samples ahead that a validation looks
constexpr std::int64_t kDefaultBatch = 64;
constexpr double kGoOn = 0.1;                // of the learning rate, where weights have been trained before
constexpr std::int64_t kValidateEvery = 10;  // epochs: a validation takes as long as a few of them

/// Of weights and order: the config's own for the first member.
std::uint64_t seed_of(const FitConfig& config, std::size_t member) {
  constexpr std::uint64_t kMembers = 0x6d656d62657273;
  return member == 0 ? config.seed : Random(config.seed).bits(kMembers, member);
}

/// Epochs without a better validation error after which a training ends: four validations at least.
std::int64_t patience_of(const FitConfig& config, const TrainingPlan& plan) {
  if (config.patience == 0) return 0;
  const std::int64_t counted = plan.polish > 0 ? plan.polish : plan.epochs;
  const double epochs = std::ceil(config.patience * static_cast<double>(counted));
  return std::max<std::int64_t>(4 * kValidateEvery, static_cast<std::int64_t>(epochs));
}

/// Whether the training that wrote the checkpoint is this one. A fit that time ended, and that was then stopped, may
/// leave checkpoints of a choice that it does not make when it goes on: such trainings begin anew. Checkpoints of other
/// fits are refused where they are read.
bool goes_on(const TrainingPlan& plan, const std::string& fingerprint) {
  if (plan.resume == Resume::kNo) return false;
  if (!std::filesystem::exists(plan.checkpoint)) return true;  // ranks that do not see it are told so
  const std::string saved = read_fingerprint(plan.checkpoint);
  return saved == fingerprint || !saved.starts_with(plan.fingerprint);
}

TrainOptions train_options(const FitConfig& config, const TrainingPlan& plan) {
  const bool wants_all = config.optimizer == OptimizerKind::kLbfgs;
  const std::int64_t batch = wants_all ? 0 : config.batch == 0 ? kDefaultBatch : config.batch;
  TrainOptions train;
  train.epochs = plan.epochs;
  train.polish = plan.polish;
  train.batch = static_cast<std::size_t>(batch);
  train.seed = seed_of(config, plan.member);
  train.optimizer = {.kind = config.optimizer, .clip_norm = wants_all ? 0.0 : 10.0};
  train.schedule = {.kind = wants_all ? ScheduleKind::kConstant : ScheduleKind::kCosine,
                    .base = (plan.from != nullptr ? kGoOn : 1.0) * config.learning_rate};
  train.validate_every = kValidateEvery;
  train.patience_from = PatienceFrom::kPolish;
  train.max_growth = config.max_growth;
  train.checkpoint = plan.checkpoint;
  train.fingerprint = text::concat(plan.fingerprint, "# ", plan.training, "\n");
  train.resume = goes_on(plan, train.fingerprint) ? Resume::kYes : Resume::kNo;
  const auto epochs = std::make_shared<std::int64_t>(0);  // train() tells of an epoch, and then asks
  train.on_epoch = [epochs, &plan](const HistoryRow& row) {
    *epochs = static_cast<std::int64_t>(row.epoch) + 1;
    if (plan.on_epoch) plan.on_epoch(row);
  };
  train.should_stop = [epochs, &plan] { return plan.should_stop && plan.should_stop(*epochs); };
  return train;
}

/// Forecasts from a few origins in each window, the first of which is the sample before it, or the first one of a whole
/// trajectory, and the others lie in the first three fifths; as far as the window reaches, at most 500 samples.
std::vector<ForecastTask> tasks_in(const TimeSeries& series, const std::vector<Window>& windows) {
  constexpr std::size_t kOrigins = 8;
  std::vector<ForecastTask> tasks;
  const std::size_t origins = std::max<std::size_t>(1, std::min(kOrigins, kValidationTasks / windows.size()));
  for (const Window& window : windows) {
    const std::size_t first = origin_before(window), end = window.first + window.count;
    std::set<std::size_t> chosen;
    for (std::size_t k = 0; k < origins; ++k) chosen.insert(first + (end - 1 - first) * 3 * k / (5 * origins));
    for (const std::size_t origin : chosen)
      tasks.push_back(forecast_task(series.trajectories[window.trajectory], origin,
                                    std::min(kFarthestValidated, end - 1 - origin), {InputsAhead::kKnown, 0}));
  }
  return tasks;
}

std::vector<Window> whole_trajectories(const TimeSeries& series) {
  constexpr std::size_t kMost = 16;
  std::vector<Window> windows;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i)
    windows.push_back({i, 0, series.trajectories[i].times.size()});
  return spread(std::move(windows), kMost, 0);
}

struct Squares {
  double sum = 0, weights = 0;
};

/// Squared errors of forecasts at all measured cells, in deviations, each with the weight of how many samples ahead it
/// is.
template <class Weight>
Squares squared_errors(const std::vector<HostArray>& forecasts, std::span<const ForecastTask> tasks,
                       const Normalization& units, Weight weight) {
  Squares squares;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const HostArray& seen = tasks[i].trajectory->states;
    const std::int64_t d = seen.shape()[1], first = static_cast<std::int64_t>(tasks[i].origin + 1) * d;
    for (std::int64_t k = 0; k < forecasts[i].size(); ++k) {
      if (std::isnan(seen.at(first + k))) continue;
      const double off = (forecasts[i].at(k) - seen.at(first + k)) / units.state_scale[static_cast<std::size_t>(k % d)];
      const double share = weight(1 + k / d);
      squares.sum += share * off * off;
      squares.weights += share;
    }
  }
  return squares;
}

/// Root mean square in deviations; infinite if an answer is not finite, NaN if nothing is measured.
double root_mean_square(const Forecaster& forecaster, std::span<const ForecastTask> tasks, const Normalization& units) {
  const Squares squares = squared_errors(forecaster.forecast(tasks), tasks, units, [](std::int64_t) { return 1.0; });
  const double error = std::sqrt(squares.sum / squares.weights);
  return std::isnan(error) && squares.weights > 0 ? std::numeric_limits<double>::infinity() : error;
}

double error_near_and_far(std::vector<ModelForecaster::Path> paths, std::span<const ForecastTask> tasks,
                          const Normalization& units) {
  std::vector<HostArray> forecasts;
  for (ModelForecaster::Path& path : paths) forecasts.push_back(std::move(path.ahead));
  const Squares squares =
      squared_errors(forecasts, tasks, units, [](std::int64_t ahead) { return 1.0 / static_cast<double>(ahead); });
  return squares.sum / squares.weights;
}

}  // namespace

ValidationError::ValidationError(const TrainingData& data)
    : units_(data.units),
      unseen_(tasks_in(data.whole, data.validation)),
      far_(tasks_in(data.trained, whole_trajectories(data.trained))) {}

double ValidationError::of(const Forecaster& forecaster) const {
  return std::hypot(root_mean_square(forecaster, unseen_, units_), root_mean_square(forecaster, far_, units_)) /
         std::numbers::sqrt2;
}

std::string WindowCount::text() const {
  return text::concat("trained on ", trained, " of ", all, " windows of ", samples, " samples");
}

std::vector<ForecastTask> validation_tasks(const TrainingData& data, std::size_t most) {
  std::vector<std::pair<std::size_t, std::size_t>> origins;
  std::vector<ForecastTask> tasks;
  for (std::size_t i = 0; i < data.validation.size(); ++i) {
    const Window& window = data.validation[i];
    for (std::size_t k = origin_before(window); k + 1 < window.first + window.count; ++k) origins.emplace_back(i, k);
  }
  for (const auto& [i, origin] : spread(std::move(origins), most, 0)) {
    const Window& window = data.validation[i];
    tasks.push_back(forecast_task(data.whole.trajectories[window.trajectory], origin,
                                  std::min(kFarthestValidated, window.first + window.count - 1 - origin),
                                  {InputsAhead::kKnown, 0}));
  }
  return tasks;
}

Correction best_correction(const SeriesModel& model, const TrainingData& data) {
  if (data.validation.empty()) return {};
  const std::vector<ForecastTask> tasks = validation_tasks(data, kValidationTasks);
  const ModelForecaster forecaster(model);
  const HostArray shifts = forecaster.context_shifts(tasks);
  Correction best;
  double least = std::numeric_limits<double>::infinity();
  for (const std::int64_t samples : {0, 1, 3, 10, 30})
    for (const double weight : {1e-2, 0.1, 1.0, 10.0, 100.0}) {
      if (samples >= model.options().context || (samples == 0 && weight != 1)) continue;
      const Correction correction{samples, weight};
      const double error = error_near_and_far(forecaster.paths_from(tasks, shifts, correction), tasks, data.units);
      if (error < least) best = correction;
      least = std::min(least, error);
    }
  return best;
}

TrainedModel train_model(const TrainingData& data, const FitConfig& config, const Candidate& candidate,
                         const TrainingPlan& plan) {
  TrainedModel trained{
      .model = SeriesModel(with(config.model, candidate), data.trained, data.units, seed_of(config, plan.member))};
  if (plan.from != nullptr)
    set_values_by_name(trained.model.parameters(), values_by_name(plan.from->parameters()), "fit");
  SeriesObjective training(
      trained.model, data.trained,
      {.loss = config.loss, .max_windows = plan.max_windows, .seed = config.seed, .device = plan.device});
  if (plan.from != nullptr) training.estimate_starts();
  Objective objective = training.objective();
  const ModelForecaster forecaster(trained.model);
  std::optional<ValidationError> validation;
  if (!data.validation.empty()) {
    validation.emplace(data);
    objective.validate = [&] { return validation->of(forecaster); };
  }
  TrainOptions options = train_options(config, plan);
  options.patience = validation ? patience_of(config, plan) : 0;
  trained.training = train(objective, options);
  const std::vector<Window>& windows = training.windows();
  trained.windows = {windows.size(), training.num_windows(), longest(windows)};
  std::vector<std::vector<double>> starts = training.starts();
  for (std::size_t i = 0; i < windows.size(); ++i) trained.fits.push_back({windows[i], std::move(starts[i])});
  if (plan.measures_gradients) trained.gradient_error = training.gradient_error();
  trained.validation_error = !validation                       ? std::numeric_limits<double>::quiet_NaN()
                             : trained.training.best_epoch < 0 ? std::numeric_limits<double>::infinity()
                                                               : trained.training.best_loss;
  return trained;
}

}  // namespace costate
