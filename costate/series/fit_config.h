// Everything that a fit depends on, and its TOML. Two fits with equal configs and equal data give equal bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/io/toml.h"
#include "costate/series/model_options.h"
#include "costate/train/losses.h"
#include "costate/train/optimizers.h"

namespace costate {

struct FitConfig {
  // data
  std::string data = {};         // path of the CSV file
  std::string data_digest = {};  // of its bytes; filled in by the fit
  double hold_out = 0.2;         // share that is the test: the end of one trajectory, the last ones of several
  /// The test part by name or from a time on, instead of the share (hold_out.h); empty: the share.
  std::string hold_out_part = {};
  /// Path of a file that is the test instead of a part of the data; empty: a part is. And the digest of its bytes.
  std::string judge = {}, judge_digest = {};
  double validation =
      0.2;  // share of what is not the test by which the model is chosen; 0: none, the last weights are kept
  SeriesModelOptions model = {};
  /// Periods of clocks: "day", "week", "year" where times are dates, numbers in the data's unit of time, "time" for the
  /// time itself (clock.h), or "auto" alone, which finds one.
  std::vector<std::string> clock = {"auto"};
  // training
  Loss loss = Loss::kMse;
  std::int64_t window = 0;       // samples of a window; 0: chosen
  std::int64_t max_windows = 0;  // that are trained on, spread over the data; 0: 512, or as many as hold 20,000 samples
  OptimizerKind optimizer = OptimizerKind::kAdam;
  double learning_rate = 1e-2;
  std::int64_t epochs = 0;        // 0: chosen by the size of the data
  std::int64_t polish = kChosen;  // of the epochs, the last ones, by L-BFGS
  /// A training ends where the validation error has not improved for this share of its polish, or of all epochs if
  /// there is none; 0: never. kChosen: for half of it, and never where the epochs are given.
  double patience = kChosen;
  double max_growth = 50;  // of an epoch's evaluations, as of TrainOptions: costly epochs end patience sooner
  std::int64_t batch = 0;  // windows a step; 0: 64, or all if there are fewer
  double minutes = 0;      // after which training ends with the best so far; 0: no limit
  std::uint64_t seed = 0;
  std::int64_t seeds = 1;  // members that are trained, each from other first weights; two or more give bands

  static constexpr std::int64_t kChosen = -1;  // patience, and polish: a fifth of the epochs
  /// Of all epochs.
  std::int64_t polish_epochs() const { return polish == kChosen ? epochs / 5 : polish; }

  /// InvalidArgument for what no fit can do, naming the key and the value.
  void check() const;
  Config to_config() const;
};

/// The other way round. DataError for unknown keys, wrong types and a format of another version.
FitConfig fit_config_from(const Config& config);

/// The rows of fit_config_options() that are a model's, as TOML, and back. DataError as fit_config_from.
Config to_config(const SeriesModelOptions& options);
SeriesModelOptions model_options_from(const Config& config);

/// "'epochs = 500' and 'epochs = 100'": the first line in which the two differ as TOML, or "" if none does.
std::string first_difference(const FitConfig& left, const FitConfig& right);

}  // namespace costate
