#include "costate/series/selection.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "costate/base/error.h"

namespace costate {
namespace {

// Of all epochs, in the first round and in the second.
constexpr std::int64_t kScreened = 8, kTried = 2;
constexpr std::size_t kSecondRound = 4, kLastRound = 2;
constexpr std::int64_t kScreenedSamples = 4000;  // of an epoch, where a choice is made

class Rounds {
 public:
  Rounds(const TrainingData& data, const FitConfig& config, const SelectionOptions& options)
      : data_(data), config_(config), options_(options) {}

  /// Trains each for so many epochs; the errors are those of this round alone.
  std::vector<Trial> round(const std::vector<Candidate>& candidates, std::int64_t epochs) {
    std::vector<Trial> trials;
    for (const Candidate& candidate : candidates) {
      if (is_stopped()) break;
      trials.push_back(train(candidate, epochs));
    }
    std::ranges::stable_sort(trials, {}, &Trial::error);
    return trials;
  }

  bool is_stopped() const { return selection_.best && options_.should_stop && options_.should_stop(); }
  Selection take() { return std::move(selection_); }

 private:
  Trial train(const Candidate& candidate, std::int64_t epochs) {
    const std::size_t number = selection_.trials.size() + 1;
    const Epochs parts = epochs_of(config_, epochs);
    const std::int64_t most = std::max<std::int64_t>(8, kScreenedSamples / candidate.window);
    TrainingPlan plan{.epochs = parts.adam,
                      .polish = parts.polish,
                      .max_windows = epochs < config_.epochs ? std::min(config_.max_windows, most) : config_.max_windows,
                      .fingerprint = text::concat(options_.fingerprint, "# trial ", number, ": ", candidate.text(), ", ",
                                                  epochs, " epochs\n"),
                      .resume = options_.resume,
                      .should_stop = options_.should_stop};
    if (!options_.folder.empty()) plan.checkpoint = options_.folder / text::concat("trial-", number, ".safetensors");
    if (options_.on_epoch)
      plan.on_epoch = [&, label = text::concat("trial ", number, ": ", candidate.text())](const HistoryRow& row) {
        options_.on_epoch(label, row, epochs);
      };
    TrainedModel trained = train_model(data_, config_, candidate, plan);
    const Trial trial{candidate, epochs, trained.training.best_epoch, trained.validation_error};
    selection_.trials.push_back(trial);
    if (!selection_.best || trial.error < selection_.chosen.error) {
      selection_.best = std::move(trained);
      selection_.chosen = trial;
    }
    return trial;
  }

  const TrainingData& data_;
  const FitConfig& config_;
  const SelectionOptions& options_;
  Selection selection_;
};

std::vector<Candidate> first_of(const std::vector<Trial>& trials, std::size_t count) {
  std::vector<Candidate> candidates;
  for (const Trial& trial : trials)
    if (candidates.size() < count) candidates.push_back(trial.candidate);
  return candidates;
}

std::int64_t longest_stretch(const TimeSeries& series) {
  std::size_t longest = 0;
  for (const Trajectory& trajectory : series.trajectories) longest = std::max(longest, trajectory.times.size());
  return static_cast<std::int64_t>(longest);
}

}  // namespace

Epochs epochs_of(const FitConfig& config, std::int64_t all) {
  const double share = static_cast<double>(config.polish_epochs()) / static_cast<double>(config.epochs);
  const auto polish = static_cast<std::int64_t>(share * static_cast<double>(all));
  return {std::max<std::int64_t>(1, all - polish), std::min(polish, all - 1)};
}

Selection select_model(const TrainingData& data, const FitConfig& config, const std::vector<double>& periods,
                       double period, const SelectionOptions& options) {
  Rounds rounds(data, config, options);
  std::vector<Candidate> candidates = first_candidates(config, periods, period, longest_stretch(data.trained));
  if (data.validation.empty()) candidates.resize(1);  // nothing to choose by
  const bool is_open = candidates.size() > 1 || !wider_and_narrower(config, candidates.front()).empty();
  if (!is_open || data.validation.empty()) {
    rounds.round(candidates, config.epochs);
    return rounds.take();
  }
  const std::int64_t few = std::max<std::int64_t>(1, config.epochs / kScreened);
  const std::int64_t more = std::max<std::int64_t>(1, config.epochs / kTried);
  if (candidates.size() > kSecondRound) candidates = first_of(rounds.round(candidates, few), kSecondRound);
  std::vector<Trial> trials = rounds.round(candidates, more);
  if (!rounds.is_stopped())
    for (const Trial& trial : rounds.round(wider_and_narrower(config, trials.front().candidate), more))
      trials.push_back(trial);
  std::ranges::stable_sort(trials, {}, &Trial::error);
  if (!rounds.is_stopped()) rounds.round(first_of(trials, kLastRound), config.epochs);
  return rounds.take();
}

}  // namespace costate
