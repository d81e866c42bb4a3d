// Forecasts of what is held out: by them the best weights are chosen, and the model is judged.
#pragma once

#include <span>
#include <vector>

#include "costate/exec/program.h"
#include "costate/series/series_model.h"
#include "costate/series/split.h"
#include "costate/series/windows.h"

namespace costate {

/// States along a stretch of a trajectory, in the data's units.
struct StatePath {
  std::size_t trajectory = 0;
  std::vector<double> times;
  std::vector<std::vector<double>> states;  // [time][state]
};

/// A solve over `samples`, of which the last `held` are judged.
struct HeldForecast {
  Window samples;
  std::size_t held = 0;
  bool goes_on = false;  // from the learned start of the last training window; otherwise from its first sample

  /// The last sample that is not judged.
  std::size_t joint() const { return samples.first + samples.count - held - 1; }
};

class HeldForecasts {
 public:
  /// A single trajectory's forecast goes on from `last`, the last training window; that of a whole trajectory starts at
  /// its first sample. What is longer than 500 samples is forecast in equal parts, each from the sample before it:
  /// further ahead, the least error in the period makes every forecast equally wrong. None bridges a gap. The model and
  /// the series must outlive it; something must be held out.
  HeldForecasts(const SeriesModel& model, const TimeSeries& series, const Split& split, const Window& last);

  const std::vector<HeldForecast>& all() const { return all_; }

  /// The mean loss of at most 64 of them, spread evenly; NaN if a solve fails. `last_start` is the normalized state at
  /// the start of the last training window.
  double loss(std::span<const double> last_start) const;

  /// All of them, from joint() on; NaN from where a solve fails.
  std::vector<StatePath> predict(std::span<const double> last_start) const;

 private:
  WindowArrays arrays_of(std::span<const HeldForecast> forecasts) const;
  HostArray starts_of(std::span<const HeldForecast> forecasts, const WindowArrays& arrays,
                      std::span<const double> last_start) const;

  const SeriesModel& model_;
  const TimeSeries& series_;
  std::vector<HeldForecast> all_, judged_;
  WindowArrays judged_arrays_;
  Program program_;
};

}  // namespace costate
