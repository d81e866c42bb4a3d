#include "costate/series/selection.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <tuple>

#include "costate/base/communicator.h"
#include "costate/base/error.h"

namespace costate {
namespace {

// Of all epochs, in the first round and in the second.
constexpr std::int64_t kScreened = 8, kTried = 2;
constexpr std::size_t kOfEachMemory = 2, kLastRound = 2;
constexpr std::int64_t kScreenedSamples = 4000;  // of an epoch, where a choice is made

/// Measured ones by which candidates are compared.
std::size_t validation_cells(const TrainingData& data) {
  std::size_t cells = 0;
  for (const Window& window : data.validation) {
    const HostArray& states = data.whole.trajectories[window.trajectory].states;
    const auto d = static_cast<std::size_t>(states.shape()[1]);
    for (std::size_t i = window.first * d; i < (window.first + window.count) * d; ++i)
      cells += std::isnan(states.at(static_cast<std::int64_t>(i))) ? 0 : 1;
  }
  return std::max<std::size_t>(cells, 1);
}

class Rounds {
 public:
  Rounds(const TrainingData& data, const FitConfig& config, const SelectionOptions& options)
      : data_(data), config_(config), options_(options) {}

  /// Trains each for so many epochs, side by side (small ones keep few threads busy), or one after the other on ranks
  /// that share each. Gives their trials, best first.
  std::vector<Trial> round(const std::vector<Candidate>& candidates, std::int64_t epochs) {
    std::vector<std::optional<TrainedModel>> trained(candidates.size());
    parallel_for_unless_shared(candidates.size(), [&](std::size_t i) {
      trained[i] = train_model(data_, config_, candidates[i], plan_of(candidates[i], trials_.size() + i + 1, epochs));
    });
    const std::size_t first = trials_.size();
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const TrainResult& training = trained[i]->training;
      trials_.push_back({candidates[i], epochs, training.best_epoch, trained[i]->validation_error,
                         static_cast<std::int64_t>(training.history.size()), training.reason});
      models_.push_back(std::move(*trained[i]));
    }
    std::vector<Trial> trials(trials_.begin() + static_cast<std::ptrdiff_t>(first), trials_.end());
    std::ranges::stable_sort(trials, {}, &Trial::error);
    return trials;
  }

  bool was_asked() const { return options_.was_asked && options_.was_asked(); }
  bool is_stopped() const { return !trials_.empty() && options_.should_stop && options_.should_stop(); }

  Selection take() {
    double least = std::numeric_limits<double>::infinity();
    for (const Trial& trial : trials_) least = std::min(least, trial.error);
    // A root mean square of n cells is known to a share of 1 / sqrt(2 n).
    const double near = least * (1 + 1 / std::sqrt(2.0 * static_cast<double>(validation_cells(data_))));
    std::size_t chosen = 0;
    for (std::size_t i = 1; i < trials_.size(); ++i)
      if (rank(trials_[i], least, near) < rank(trials_[chosen], least, near)) chosen = i;
    return {trials_, chosen, std::move(models_[chosen])};
  }

 private:
  TrainingPlan plan_of(const Candidate& candidate, std::size_t number, std::int64_t epochs) {
    TrainingPlan plan = trial_plan(config_, candidate, epochs);
    const std::string label = text::concat("trial ", number, ": ", candidate.text());
    plan.fingerprint = options_.fingerprint;
    plan.training = text::concat(label, ", ", epochs, " epochs");
    plan.resume = options_.resume;
    plan.device = options_.device;
    if (options_.ends_trial)
      plan.should_stop = [this, label](std::int64_t done) { return options_.ends_trial(label, done); };
    if (!options_.folder.empty()) plan.checkpoint = options_.folder / text::concat("trial-", number, ".safetensors");
    if (options_.on_epoch)
      plan.on_epoch = [this, epochs, label](const HistoryRow& row) {
        const std::lock_guard lock(mutex_);
        options_.on_epoch(label, row, epochs);
      };
    return plan;
  }

  /// Less is better; errors up to `near` are as good as the least.
  static std::tuple<double, std::int64_t, std::int64_t, std::int64_t> rank(const Trial& trial, double least,
                                                                           double near) {
    const Candidate& form = trial.candidate;
    const std::int64_t units = std::accumulate(form.hidden.begin(), form.hidden.end(), std::int64_t{0});
    return {trial.error <= near ? least : trial.error, form.memory, units, -form.window};
  }

  const TrainingData& data_;
  const FitConfig& config_;
  const SelectionOptions& options_;
  std::mutex mutex_;
  std::vector<Trial> trials_;
  std::vector<TrainedModel> models_;  // of each
};

std::vector<Candidate> first_of(const std::vector<Trial>& trials, std::size_t count) {
  std::vector<Candidate> candidates;
  for (const Trial& trial : trials)
    if (candidates.size() < count) candidates.push_back(trial.candidate);
  return candidates;
}

/// Hidden states take longer to be learned: the first round may not rule them out.
std::vector<Candidate> best_of_each_memory(const std::vector<Trial>& trials, std::size_t of_each) {
  std::vector<Candidate> candidates;
  for (const Trial& trial : trials) {
    const std::int64_t memory = trial.candidate.memory;
    const auto same = std::ranges::count(candidates, memory, &Candidate::memory);
    if (same < static_cast<std::ptrdiff_t>(of_each)) candidates.push_back(trial.candidate);
  }
  return candidates;
}

std::int64_t longest_stretch(const TimeSeries& series) {
  std::size_t longest = 0;
  for (const Trajectory& trajectory : series.trajectories) longest = std::max(longest, trajectory.times.size());
  return static_cast<std::int64_t>(longest);
}

}  // namespace

std::string early_ends_text(const std::vector<Trial>& trials, const FitConfig& config) {
  const auto costly = std::ranges::count(trials, StopReason::kEvaluations, &Trial::reason);
  const auto all = costly + std::ranges::count(trials, StopReason::kPatience, &Trial::reason);
  if (all == 0) return "";
  return text::concat(all, " of ", trials.size(), " trials ended early: no validation error was better for ",
                      100 * config.patience, " % of the ", config.polish_epochs() > 0 ? "polish" : "epochs",
                      costly == 0 ? ""
                                  : text::concat(", or, in ", costly, ", for fewer epochs that took more than ",
                                                 config.max_growth, " times the evaluations of the first"));
}

TrainingPlan trial_plan(const FitConfig& config, const Candidate& candidate, std::int64_t epochs) {
  const std::int64_t polish = config.polish_epochs() * epochs / config.epochs;
  const std::int64_t all = most_windows(config, candidate);
  const std::int64_t few = std::max<std::int64_t>(8, kScreenedSamples / candidate.window);
  return {
      .epochs = epochs - polish, .polish = polish, .max_windows = epochs < config.epochs ? std::min(all, few) : all};
}

Selection select_model(const TrainingData& data, const FitConfig& config, const std::vector<double>& periods,
                       double period, const SelectionOptions& options) {
  Rounds rounds(data, config, options);
  std::vector<Candidate> candidates = first_candidates(config, periods, period, longest_stretch(data.trained));
  if (data.validation.empty()) candidates.resize(1);  // nothing to choose by
  const bool is_open = candidates.size() > 1 || !with_other_widths(config, candidates.front(), {}).empty();
  if (!is_open || data.validation.empty()) {
    rounds.round(candidates, config.epochs);
    return rounds.take();
  }
  const std::int64_t few = std::max<std::int64_t>(1, config.epochs / kScreened);
  const std::int64_t more = std::max<std::int64_t>(1, config.epochs / kTried);
  if (candidates.size() > 1) {
    candidates = best_of_each_memory(rounds.round(candidates, few), kOfEachMemory);
    // Not is_stopped(): where time is up, the second round has an epoch of each, as records of earlier fits do.
    if (rounds.was_asked()) return rounds.take();
  }
  std::vector<Trial> trials = rounds.round(candidates, more);
  if (!rounds.is_stopped())
    for (const Trial& trial :
         rounds.round(with_other_widths(config, trials.front().candidate, best_of_each_memory(trials, 1)), more))
      trials.push_back(trial);
  std::ranges::stable_sort(trials, {}, &Trial::error);
  if (!rounds.is_stopped()) rounds.round(first_of(trials, kLastRound), config.epochs);
  return rounds.take();
}

}  // namespace costate
