#include "costate/series/internal/member_training.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include "costate/base/communicator.h"
#include "costate/base/error.h"
#include "costate/base/log.h"
#include "costate/base/threads.h"
#include "costate/io/run_folder.h"
#include "costate/series/internal/ensemble_forecaster.h"
#include "costate/series/internal/time_limit.h"

namespace costate::internal {
namespace {

/// Going on with the validation part, too, tells something new only where samples are few.
bool is_worth_going_on(const TimeSeries& training) {
  constexpr std::size_t kMost = 5000;
  return count_samples(training) <= kMost;
}

/// Epochs of the last training, a fifth of all: from the chosen weights, on the validation part, too.
std::int64_t last_epochs(const FitConfig& config) { return std::max<std::int64_t>(1, config.epochs / 5); }

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

SelectionOptions selection_options(const FitOptions& options, TimeLimit& limit, const TimeLimit::Part& time) {
  SelectionOptions selection{.fingerprint = options.fingerprint, .resume = options.resume, .device = options.device};
  selection.ends_trial = [time](const std::string& trial, std::int64_t epochs) {
    return time.ends_training(trial, epochs);
  };
  selection.should_stop = [time] { return time.ends_choice(); };
  selection.was_asked = [&limit] { return limit.was_asked(); };
  if (!options.checkpoint.empty()) {
    selection.folder = options.checkpoint.parent_path() / RunFolder::kTrials;
    if (this_rank() == 0) std::filesystem::create_directories(selection.folder);
  }
  if (options.on_epoch)
    selection.on_epoch = [&options](const std::string& model, const HistoryRow& row, std::int64_t epochs) {
      options.on_epoch({model, row, epochs, true});
    };
  return selection;
}

struct Trained {
  SeriesModel unseeing;  // before the validation part was trained on
  double error = 0;      // its validation error
  TrainedModel last;
};

/// Trains members of the form that a trial chose.
class MemberTraining {
 public:
  MemberTraining(const TrainingData& parts, const FitConfig& config, const FitOptions& options,
                 const TimeLimit::Part& time)
      : parts_(parts),
        config_(config),
        options_(options),
        time_(time),
        goes_on_(!parts.validation.empty() && is_worth_going_on(parts.whole)) {}

  /// Of the trials.
  FitConfig first_config() const { return goes_on_ ? before_last(config_) : config_; }

  std::vector<Trained> train(TrainedModel first, const Trial& chosen) {
    const bool is_over = time_.ends_choice();
    const std::size_t count = chosen.best_epoch < 0 || is_over ? 1 : static_cast<std::size_t>(config_.seeds);
    std::vector<std::optional<Trained>> trained(count);
    std::atomic<std::size_t> waiting = count;
    // Side by side: the batches of small data keep few threads busy.
    const int at_once = num_ranks() > 1 ? 1 : num_threads();
    parallel_for_unless_shared(count, [&](std::size_t i) {
      const std::size_t turns = (waiting-- - 1) / static_cast<std::size_t>(at_once) + 1;
      const TimeLimit::Part time = time_.first_of(turns);
      TrainedModel model = i == 0 ? std::move(first) : begun(chosen, i, time);
      const bool ends = i == 0 ? is_over : model.training.reason == StopReason::kAsked;
      trained[i] =
          ends ? Trained{model.model, model.validation_error, model} : gone_on(std::move(model), chosen, i, time);
    });
    std::vector<Trained> members;
    for (std::optional<Trained>& member : trained)
      if (members.empty() || member->last.training.best_epoch >= 0) members.push_back(std::move(*member));
    return members;
  }

 private:
  /// As the trial was trained.
  TrainedModel begun(const Trial& chosen, std::size_t member, const TimeLimit::Part& time) {
    TrainingPlan plan = trial_plan(first_config(), chosen.candidate, chosen.epochs);
    complete(plan, chosen, member, text::concat("member-", member + 1, ".safetensors"), time);
    return train_model(parts_, config_, chosen.candidate, plan);
  }

  /// On the validation part, too, if there are few samples, and unless that makes it worse.
  Trained gone_on(TrainedModel begun, const Trial& chosen, std::size_t member, const TimeLimit::Part& time) {
    const SeriesModel before = begun.model;
    const double error = begun.validation_error;
    if (!goes_on_ || begun.training.best_epoch < 0) return {before, error, std::move(begun)};
    TrainingPlan plan{.epochs = last_epochs(config_),
                      .max_windows = most_windows(config_, chosen.candidate),
                      .measures_gradients = member == 0,
                      .from = &before};
    complete(plan, chosen, member, text::concat("member-", member + 1, "-last.safetensors"), time);
    const std::vector<Window> none;
    TrainedModel longer =
        train_model({parts_.whole, parts_.whole, none, parts_.units}, config_, chosen.candidate, plan);
    longer.training = joined(begun.training, longer.training);
    const bool is_worse = !(ValidationError(parts_).of(ModelForecaster(longer.model)) <= error);
    return {before, error, is_worse ? std::move(begun) : std::move(longer)};
  }

  /// What has nothing to do with the weights. The first member's last training is that of the fit.
  void complete(TrainingPlan& plan, const Trial& chosen, std::size_t member, const std::string& file,
                const TimeLimit::Part& time) {
    const std::string name = member == 0            ? kModelName
                             : plan.from == nullptr ? text::concat("member ", member + 1)
                                                    : text::concat("member ", member + 1, ", last");
    plan.member = member;
    plan.resume = options_.resume;
    plan.device = options_.device;
    plan.should_stop = [time, name](std::int64_t epochs) { return time.ends_training(name, epochs); };
    plan.fingerprint = options_.fingerprint;
    plan.training = text::concat(name, ": ", chosen.candidate.text(), ", ", chosen.epochs, " epochs");
    if (!options_.checkpoint.empty() && member > 0) {
      const std::filesystem::path folder = options_.checkpoint.parent_path() / RunFolder::kMembers;
      if (this_rank() == 0) std::filesystem::create_directories(folder);
      plan.checkpoint = folder / file;
    } else {
      plan.checkpoint = options_.checkpoint;
    }
    if (!options_.on_epoch) return;
    plan.on_epoch = [this, name, epochs = plan.epochs + plan.polish](const HistoryRow& row) {
      const std::lock_guard lock(mutex_);
      options_.on_epoch({name, row, epochs, config_.seeds > 1});
    };
  }

  const TrainingData& parts_;
  const FitConfig& config_;
  const FitOptions& options_;
  TimeLimit::Part time_;
  bool goes_on_;
  std::mutex mutex_;
};

/// How many measurements of each state in the validation windows tell of others: the cells of an end, but of a whole
/// trajectory, whose cells are off together, one.
std::vector<std::size_t> independent_cells(const TrainingData& data) {
  std::vector<std::size_t> cells(data.units.state_scale.size(), 0);
  for (const Window& window : data.validation) {
    const HostArray& states = data.whole.trajectories[window.trajectory].states;
    for (std::size_t k = 0; k < cells.size(); ++k) {
      std::size_t measured = 0;
      for (std::size_t i = window.first; i < window.first + window.count; ++i)
        measured += std::isnan(states(i, k)) ? 0 : 1;
      cells[k] += window.first == 0 ? std::min<std::size_t>(measured, 1) : measured;
    }
  }
  return cells;
}

/// As what is held out is forecast: whole trajectories from their first sample, ends of them from any sample.
std::vector<ForecastTask> noise_tasks(const TrainingData& data) {
  std::vector<Window> ends;
  std::vector<ForecastTask> tasks;
  for (const Window& window : spread(data.validation, kValidationTasks, 0)) {
    if (window.first > 0)
      ends.push_back(window);
    else
      tasks.push_back(
          forecast_task(data.whole.trajectories[window.trajectory], 0, window.count - 1, {InputsAhead::kKnown, 0}));
  }
  for (ForecastTask& task : validation_tasks({data.trained, data.whole, ends, data.units}, kValidationTasks))
    tasks.push_back(std::move(task));
  return tasks;
}

/// The members, each by the inverse fourth power of its validation error (docs/fits.md says what others gave), and the
/// noise of forecasts of the validation part by what they were before they were trained on it.
Ensemble ensemble_of(const std::vector<Trained>& trained, const TrainingData& data) {
  std::vector<Member> unseeing, last;
  for (const Trained& member : trained) {
    const double share = trained.front().error / member.error, weight = std::isfinite(share) ? std::pow(share, 4) : 1.0;
    unseeing.push_back({member.unseeing, weight});
    last.push_back({member.last.model, weight});
  }
  const Ensemble before(std::move(unseeing));
  return Ensemble(std::move(last), noise_of(EnsembleForecaster(before).misses(noise_tasks(data)),
                                            independent_cells(data), data.units.state_scale));
}

}  // namespace

TrainedMembers train_members(const PreparedSeries& data, const FitConfig& config, FitOptions options) {
  TimeLimit limit(config.minutes, options.stopped, options.should_stop);
  // A checkpoint is of the end itself, and would be followed by one more epoch.
  if (limit.goes_by_record()) options.resume = Resume::kNo;
  const TimeSeries fitted = training_part(data.training, data.validation);
  const TrainingData parts{fitted, data.training, data.validation.held, data.units};
  const TimeLimit::Part time = limit.whole();
  MemberTraining training(parts, config, options, time);
  Selection selection = select_model(parts, training.first_config(), data.periods, data.period,
                                     selection_options(options, limit, time.first_of(config.seeds > 1 ? 2 : 1)));
  const Trial chosen = selection.trials[selection.chosen];
  std::vector<Trained> members = training.train(std::move(selection.best), chosen);
  const bool was_stopped = limit.was_asked();
  if (members.front().last.training.best_epoch >= 0) limit.write();
  const Correction correction = best_correction(members.front().last.model, parts);
  for (Trained& member : members) {
    member.unseeing.set_correction(correction);
    member.last.model.set_correction(correction);
  }
  if (config.seeds > 1 && members.size() == 1)
    log(LogLevel::kWarn, "[fit] one member alone was trained: there are no bands.");
  Ensemble ensemble = members.size() > 1 ? ensemble_of(members, parts) : Ensemble({{members.front().last.model}});
  return {std::move(members.front().last), std::move(ensemble), std::move(selection.trials), chosen, was_stopped};
}

}  // namespace costate::internal
