// One training of a model of a given form, and its error on samples that it is not trained on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
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
  Device device = Device::kCpu;
  bool measures_gradients = false;    // at the end
  const SeriesModel* from = nullptr;  // whose weights are gone on with, in small steps
  std::size_t member = 0;             // of those of a fit: each has first weights and an order of windows of its own
  std::filesystem::path checkpoint = {};
  std::string fingerprint = {};  // of the fit
  std::string training = {};     // what tells it from the fit's other trainings
  Resume resume = Resume::kNo;
  std::function<void(const HistoryRow&)> on_epoch = {};
  std::function<bool(std::int64_t epochs)> should_stop = {};  // asked after each epoch, by how many there were
};

struct TrainedModel {
  SeriesModel model;
  TrainResult training = {};
  WindowCount windows = {};
  std::vector<SolvedWindow> fits = {};  // the windows that were trained on, from their learned starts
  double gradient_error = 0;            // SeriesObjective::gradient_error, if the plan asks for it
  double validation_error = 0;          // ValidationError of the weights that were kept; NaN if there are no windows
};

/// Throws as train.
TrainedModel train_model(const TrainingData& data, const FitConfig& config, const Candidate& candidate,
                         const TrainingPlan& plan);

/// How well a model goes on where it was not trained to: of forecasts of the validation windows, and of forecasts of
/// the trained part that reach as far, which is farther than windows do. Little data say little by the first alone; a
/// model that is unstable shows it in the second.
class ValidationError {
 public:
  /// The data must outlive it.
  explicit ValidationError(const TrainingData& data);

  /// Root mean square in deviations of training, both kinds counting one half; infinite if an answer is not finite.
  double of(const Forecaster& forecaster) const;

 private:
  const Normalization& units_;
  std::vector<ForecastTask> unseen_, far_;
};

/// How many forecasts of the validation windows a choice goes by.
inline constexpr std::size_t kValidationTasks = 64;

/// Forecasts of the validation windows from so many origins at most, spread over them, each to its window's end; at
/// most 500 samples.
std::vector<ForecastTask> validation_tasks(const TrainingData& data, std::size_t most);

/// The correction with which the model forecasts the data's validation windows best, near and far alike: squared errors
/// count by one over how many samples ahead they are. None where nothing is to be validated.
Correction best_correction(const SeriesModel& model, const TrainingData& data);

}  // namespace costate
