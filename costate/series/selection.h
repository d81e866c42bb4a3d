// Which form of model, and how many epochs: by forecasts of the validation part, in rounds that fewer and fewer
// candidates reach (successive halving: Jamieson and Talwalkar 2016).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "costate/series/candidate.h"
#include "costate/series/model_training.h"

namespace costate {

/// One training of a candidate.
struct Trial {
  Candidate candidate;
  std::int64_t epochs = 0;                  // that its training was to take
  std::int64_t best_epoch = 0;              // the one whose weights forecast best
  double error = 0;                         // relative, of the validation part
  std::int64_t trained = 0;                 // epochs that it took
  StopReason reason = StopReason::kEpochs;  // why it took no more
};

/// "4 of 14 trials ended early, …", or "" if none ran out of the patience of the config.
std::string early_ends_text(const std::vector<Trial>& trials, const FitConfig& config);

struct Selection {
  std::vector<Trial> trials;  // in the order in which they were made
  std::size_t chosen = 0;     // of them
  TrainedModel best;          // its model
};

struct SelectionOptions {
  std::filesystem::path folder = {};  // of the trials' checkpoints; empty: none are written
  std::string fingerprint = {};
  Resume resume = Resume::kNo;
  Device device = Device::kCpu;
  std::function<void(const std::string& trial, const HistoryRow& row, std::int64_t epochs)> on_epoch = {};
  std::function<bool(const std::string& trial, std::int64_t epochs)> ends_trial = {};  // asked after each epoch
  std::function<bool()> should_stop = {};                                              // asked between rounds
  /// Whether the caller wants an end: no round begins then, since trials that were cut short would choose whom it
  /// takes, and leave checkpoints that a fit which goes on has no use for. Not true because the time
  /// limit has passed.
  std::function<bool()> was_asked = {};
};

/// How a candidate is trained for so many epochs, the polish among them. A round of fewer than all has fewer windows.
TrainingPlan trial_plan(const FitConfig& config, const Candidate& candidate, std::int64_t epochs);

/// Trains candidates and keeps the best: of those whose error is within a standard error of the least, the one with the
/// fewest hidden states, the fewest units and the longest window, in this order. The validation tells no smaller
/// differences; and what is simple, and was trained to go far, goes farther. A single candidate is trained once, with
/// all epochs. Where should_stop says so, the best so far is returned.
Selection select_model(const TrainingData& data, const FitConfig& config, const std::vector<double>& periods,
                       double period, const SelectionOptions& options);

}  // namespace costate
