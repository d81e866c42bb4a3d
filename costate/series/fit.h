// Fits a neural ODE to a time series, and beside it two baselines that keep it honest: the last value, and the linear
// ODE z' = A z + B u + b, trained the same way.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "costate/series/fit_config.h"
#include "costate/series/held_forecasts.h"
#include "costate/series/normalization.h"
#include "costate/series/outliers.h"
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

/// A series as a fit takes it.
struct PreparedSeries {
  TimeSeries series;  // without outliers; embedded, if the config says so
  Split split;
  Normalization units;
  std::vector<Outliers> outliers = {};  // taken as not measured
};

/// A solve of the model along a stretch of samples.
struct SolvedWindow {
  Window window;
  std::vector<double> start;  // at its first sample, in the data's units
};

struct FitResult {
  SeriesModel model;
  TimeSeries series = {};  // as prepared
  Split split = {};
  std::vector<Outliers> outliers = {};
  WindowCount windows = {};
  TrainResult training = {};
  double gradient_error = 0;                 // SeriesObjective::gradient_error at the end; above 100 rtol, fit() warns
  std::vector<SolvedWindow> fits = {};       // the windows that were trained on, from their learned starts
  std::vector<SolvedWindow> forecasts = {};  // of what was held out, from the last sample before
  std::vector<StatePath> forecast_samples = {};  // their states at the samples that were held out
  std::vector<ForecastError> errors = {};        // the neural ODE, then the baselines; empty if nothing was held out
};

/// All that comes before the first epoch. Throws as check(TimeSeries), FitConfig::check, embed_delays and split_series;
/// DataError if a state has no measured value to train on or none is measured in what is held out.
PreparedSeries prepare_fit(TimeSeries series, const FitConfig& config);

/// Trains on all but what the config holds out; the best weights on the hold-out are kept. Throws as train, and
/// SolveFailed if no epoch had a finite loss.
FitResult fit(PreparedSeries prepared, const FitConfig& config, const FitOptions& options = {});
/// The same of a series that is prepared here.
FitResult fit(TimeSeries series, const FitConfig& config, const FitOptions& options = {});

}  // namespace costate
