// One training of a model of a given form, and its error on samples that it is not trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "costate/series/candidate.h"
#include "costate/series/fit_config.h"
#include "costate/series/forecaster.h"
#include "costate/series/normalization.h"
#include "costate/series/series_model.h"
#include "costate/series/split.h"
#include "costate/train/loop.h"

namespace costate {

/// The windows that were trained on, of all that the training data hold.
struct WindowCount {
  std::size_t trained = 0, all = 0, samples = 0;  // samples: of the longest

  /// "trained on 512 of 33332 windows of 50 samples"
  std::string text() const;
};

/// A solve of the model along a stretch of samples.
struct SolvedWindow {
  Window window;
  std::vector<double> start;  // at its first sample: measured states in the data's units, then hidden ones
};

/// What is trained on, and what judges the weights meanwhile: forecasts of the `validation` windows of `whole`.
struct TrainingData {
  const TimeSeries& trained;
  const TimeSeries& whole;
  const std::vector<Window>& validation;  // empty: the last weights are kept
  const Normalization& units;
};

struct TrainingPlan {
  std::int64_t epochs = 0;  // of Adam, or the optimizer of the config
  std::int64_t polish = 0;  // further ones of L-BFGS
  std::int64_t max_windows = 0;
  bool measures_gradients = false;  // at the end
  std::filesystem::path checkpoint = {};
  std::string fingerprint = {};
  Resume resume = Resume::kNo;
  std::function<void(const HistoryRow&)> on_epoch = {};
  std::function<bool()> should_stop = {};
};

struct TrainedModel {
  SeriesModel model;
  TrainResult training = {};
  WindowCount windows = {};
  std::vector<SolvedWindow> fits = {};  // the windows that were trained on, from their learned starts
  double gradient_error = 0;            // SeriesObjective::gradient_error, if the plan asks for it
  /// Root mean square of its forecasts of the validation windows, in deviations of training; infinite if one is not
  /// finite, NaN if there are no windows.
  double validation_error = 0;
};

/// Throws as train.
TrainedModel train_model(const TrainingData& data, const FitConfig& config, const Candidate& candidate,
                         const TrainingPlan& plan);

/// Forecasts by which weights are chosen: from a few origins in each window, as far as it reaches, at most 500 samples.
std::vector<ForecastTask> validation_tasks(const TimeSeries& series, const std::vector<Window>& windows);

/// Root mean square over the measured cells, in deviations; infinite if an answer is not finite.
double relative_error(const Forecaster& forecaster, std::span<const ForecastTask> tasks, const Normalization& units);

}  // namespace costate
