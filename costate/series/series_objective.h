// What a fit minimizes: the distance of many short solves from the samples of their windows. Each window's start is
// learned with the weights (multiple shooting), so that noise of a first sample does not become an error of the whole
// window.
#pragma once

#include <optional>
#include <vector>

#include "costate/exec/program.h"
#include "costate/series/held_forecasts.h"
#include "costate/series/series_model.h"
#include "costate/series/split.h"
#include "costate/series/windows.h"
#include "costate/train/loop.h"

namespace costate {

class SeriesObjective {
 public:
  /// At most max_windows of the config are trained on, spread over the data. The model, the series and the split must
  /// outlive it.
  SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split);

  /// For train(): the net's Parameters and the windows' starts; validated on what is held out, if anything is.
  Objective objective() const;

  const std::vector<Window>& windows() const { return windows_; }
  /// How many there would be without a limit.
  std::size_t num_windows() const { return num_windows_; }
  /// The learned state at a window's start, in the data's units.
  std::vector<double> start_of(std::size_t window) const;
  /// How far derivatives of the windows' solves, by the starts and by the net's Parameters, are from the true ones: the
  /// larger of the two, relative to the derivative. Of states along random cotangents in 8 windows, since gradients of
  /// the loss vanish where training ends. NaN if all their solves fail.
  double gradient_error() const;
  /// What is held out; nothing if nothing is.
  const std::optional<HeldForecasts>& held() const { return held_; }
  /// held()'s forecasts from joint() on, with the current weights.
  std::vector<StatePath> predict_held() const;

 private:
  SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split, std::vector<Window> windows);

  Evaluation evaluate(std::span<const std::size_t> samples) const;
  std::span<const double> last_start() const;

  const SeriesModel& model_;
  std::size_t num_windows_;
  std::vector<Window> windows_;
  WindowArrays arrays_;
  Parameter starts_;
  Program loss_and_gradients_;
  std::optional<HeldForecasts> held_;
};

}  // namespace costate
