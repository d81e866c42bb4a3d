// What a fit minimizes: the distance of many short solves from the samples of their windows. Each window's start is
// learned with the weights (multiple shooting), so that noise of a first sample does not become an error of the whole
// window.
#pragma once

#include <optional>
#include <vector>

#include "costate/exec/program.h"
#include "costate/models/series_model.h"
#include "costate/models/split.h"
#include "costate/models/windows.h"
#include "costate/train/loop.h"

namespace costate {

class SeriesObjective {
 public:
  /// The model, the series and the split must outlive it.
  SeriesObjective(const SeriesModel& model, const TimeSeries& series, const Split& split);

  /// For train(): the net's Parameters and the windows' starts; validated on what is held out, if anything is.
  Objective objective() const;

  const std::vector<Window>& windows() const { return windows_; }
  /// The learned state at a window's start, in the data's units.
  std::vector<double> start_of(std::size_t window) const;
  /// Where the forecast of what is held out begins: samples of a trajectory from a state in the data's units; the last
  /// `held` of them are held out.
  struct Forecast {
    Window samples;
    std::size_t held = 0;
    std::vector<double> start;
  };
  std::vector<Forecast> forecasts() const;

 private:
  Evaluation evaluate(std::span<const std::size_t> samples) const;
  double validate() const;
  std::vector<HostArray> inputs_of(const WindowArrays& arrays, const HostArray& starts) const;

  const SeriesModel& model_;
  const Split& split_;
  std::vector<Window> windows_, held_windows_;
  WindowArrays arrays_, held_;
  Parameter starts_;
  Program loss_and_gradients_;
  std::optional<Program> held_loss_;
};

}  // namespace costate
