// Which form of model, and how many epochs: by forecasts of the validation part, in rounds that fewer and fewer
// candidates reach (successive halving: Jamieson and Talwalkar 2016).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "costate/series/candidate.h"
#include "costate/series/model_training.h"

namespace costate {

/// One training of a candidate.
struct Trial {
  Candidate candidate;
  std::int64_t epochs = 0;      // of its training
  std::int64_t best_epoch = 0;  // the one whose weights forecast best
  double error = 0;             // relative, of the validation part
};

struct Selection {
  std::vector<Trial> trials;  // in the order in which they were made
  std::optional<TrainedModel> best;
  Trial chosen;  // that of `best`
};

struct SelectionOptions {
  std::filesystem::path folder = {};  // of the trials' checkpoints; empty: none are written
  std::string fingerprint = {};
  Resume resume = Resume::kNo;
  std::function<void(const std::string& model, const HistoryRow& row, std::int64_t epochs)> on_epoch = {};
  std::function<bool()> should_stop = {};
};

/// Epochs of Adam and of L-BFGS, of so many in all.
struct Epochs {
  std::int64_t adam = 0, polish = 0;
};
Epochs epochs_of(const FitConfig& config, std::int64_t all);

/// Trains candidates and keeps the best. A single one is trained once, with all epochs. Where should_stop says so, the
/// best so far is returned.
Selection select_model(const TrainingData& data, const FitConfig& config, const std::vector<double>& periods,
                       double period, const SelectionOptions& options);

}  // namespace costate
