// Fits a neural ODE to a time series, and beside it two baselines that keep it honest: the last value, and the linear
// ODE z' = A z + B u + b, trained the same way.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "costate/models/fit_config.h"
#include "costate/models/held_forecasts.h"
#include "costate/models/outliers.h"
#include "costate/models/series_model.h"
#include "costate/models/split.h"
#include "costate/train/loop.h"

namespace costate {

/// The windows that were trained on, of all that the training data hold.
struct WindowCount {
  std::size_t trained = 0, all = 0, samples = 0;  // samples: of the longest

  /// "trained on 512 of 33332 windows of 50 samples"
  std::string text() const;
};

/// How well a model forecasts what was held out, in the data's units.
struct ForecastError {
  std::string model;
  std::vector<double> rmse = {};  // one a state: root mean square over the measured cells
  double relative = 0;            // root mean square of all cells, each in units of its state's deviation in training
};

struct FitProgress {
  std::string model;  // "neural ODE" or "linear ODE"
  const HistoryRow& row;
  std::int64_t epochs = 0;
};

struct FitOptions {
  std::filesystem::path checkpoint = {};  // of the neural ODE; empty: none
  std::string fingerprint = {};
  Resume resume = Resume::kNo;
  std::function<void(const FitProgress&)> on_epoch = {};
  std::function<bool()> should_stop = {};
};

struct FitResult {
  SeriesModel model;
  TimeSeries series;  // without outliers; embedded, if the config says so
  Split split;
  std::vector<Outliers> outliers;  // taken as not measured
  WindowCount windows;
  TrainResult training;
  double gradient_error = 0;                // SeriesObjective::gradient_error at the end; above 100 rtol, fit() warns
  std::vector<ForecastError> errors;        // the neural ODE, then the baselines; empty if nothing was held out
  std::vector<StatePath> forecast_samples;  // of what was held out, at its samples
  std::vector<Window> shown;                // stretches worth a picture: of what is trained on and held out
  std::vector<StatePath> fitted;            // windows trained on that cover what is shown, densely
  std::vector<StatePath> forecasts;         // of what is held out and shown, densely
};

/// Throws what fit() would throw before its first epoch: as FitConfig::check, embed_delays and split_series; DataError
/// if a state has no measured value to train on or none is measured in what is held out.
void check_fit(const TimeSeries& series, const FitConfig& config);

/// Trains on all but what the config holds out; the best weights on the hold-out are kept. Throws as check_fit
/// and train.
FitResult fit(const TimeSeries& series, const FitConfig& config, const FitOptions& options = {});

}  // namespace costate
