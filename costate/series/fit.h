// Fits a neural ODE to a time series. The form of the model and its weights are chosen by forecasts of the validation
// part, which is cut from what is trained on; the test part has no say in anything, and judges the model beside rivals
// of few numbers (verdict.h).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "costate/series/coverage.h"
#include "costate/series/ensemble.h"
#include "costate/series/fit_config.h"
#include "costate/series/model_training.h"
#include "costate/series/normalization.h"
#include "costate/series/outliers.h"
#include "costate/series/selection.h"
#include "costate/series/series_model.h"
#include "costate/series/split.h"
#include "costate/series/verdict.h"

namespace costate {

/// A forecast of what was held out: from its first sample on, at which each member of the ensemble has a state.
struct HeldForecast {
  Window window;
  std::vector<std::vector<double>> starts = {};  // [member], as SolvedWindow::start
};

/// How well a model forecasts all of what was held out, in the data's units.
struct ForecastError {
  std::string model;
  std::vector<std::optional<double>> rmse = {};  // one a state: root mean square over the measured cells, if any
  std::optional<double> relative = {};  // root mean square of all cells, each in units of its state's deviation
};

struct FitProgress {
  std::string model;  // "trial 3: …", kModelName, "member 2"
  const HistoryRow& row;
  std::int64_t epochs = 0;
  bool is_trial = false;  // others may run beside it, so that their calls alternate
};

struct FitOptions {
  std::filesystem::path checkpoint =
      {};  // of the last training; those of trials and members are in folders beside it; empty: none
  std::string fingerprint = {};
  /// File that records after which epochs the time limit ended each training. If it exists, trainings end there, and
  /// the clock is ignored. Empty: none.
  std::filesystem::path stopped = {};
  Resume resume = Resume::kNo;
  Device device = Device::kCpu;  // where the solves of the training run; forecasts are the CPU's (docs/gpu.md)
  std::function<void(const FitProgress&)> on_epoch = {};
  std::function<bool()> should_stop = {};
};

/// A series as a fit takes it.
struct PreparedSeries {
  TimeSeries series;           // without outliers; embedded, if the config says so
  Split split;                 // training and test
  TimeSeries training;         // the training part
  std::size_t num_judged = 0;  // how many trajectories, the last ones, come from FitConfig::judge
  Split validation;            // of the training part
  Normalization units;
  std::vector<double> periods = {};     // of the clocks that the config names
  double period = 0;                    // that the training part seems to follow; 0: none
  std::vector<Outliers> outliers = {};  // taken as not measured
};

/// Samples of the three parts.
struct PartSizes {
  std::size_t training = 0, validation = 0, test = 0;

  /// "369 samples to train on, 92 to choose by, 115 to judge by"
  std::string text() const;
};

PartSizes parts_of(const PreparedSeries& prepared);

struct FitResult {
  Ensemble ensemble;  // the model of the config's seed, and those of further seeds if there are any
  FitConfig config = {};
  TimeSeries series = {};  // as prepared
  Split split = {};
  PartSizes parts = {};
  std::vector<Outliers> outliers = {};
  std::vector<Trial> trials = {};
  Trial chosen = {};
  WindowCount windows = {};
  TrainResult training = {};
  double gradient_error = 0;                 // SeriesObjective::gradient_error at the end; above 100 rtol, fit() warns
  std::vector<SolvedWindow> fits = {};       // the windows that were trained on, from their learned starts
  std::vector<HeldForecast> forecasts = {};  // of what was held out, from the last sample before
  std::vector<StatePath> forecast_samples = {};  // their states at the samples that were held out
  std::optional<Coverage> coverage = {};         // of their bands, if there are any
  std::optional<Verdict> verdict = {};           // nothing if nothing was held out; inputs are taken to be known
  std::optional<Verdict> verdict_unknown = {};   // the same of a driven system whose inputs are not: held or repeated
  /// FitOptions::should_stop said so: the model is the best so far, and a fit that goes on may end at another.
  bool was_stopped = false;
  std::vector<ForecastError> errors = {};  // its errors over all that was held out: the model, then its rivals

  const SeriesModel& model() const { return ensemble.first(); }
};

/// All that comes before the first epoch. The trajectories of `judge`, if there are any, are the test, instead of a
/// part of the series. Throws as check(TimeSeries), FitConfig::check, embed_delays, split_series and hold_out_part;
/// DataError if a state has no measured value to train on or none is measured in what is held out, InvalidArgument for
/// a clock that the times do not know.
PreparedSeries prepare_fit(TimeSeries series, const FitConfig& config, TimeSeries judge = {});

/// Throws as train, as compile() for a device, and SolveFailed if no epoch had a finite loss.
FitResult fit(PreparedSeries prepared, const FitConfig& config, const FitOptions& options = {});
/// The same of a series that is prepared here.
FitResult fit(TimeSeries series, const FitConfig& config, const FitOptions& options = {});

}  // namespace costate
