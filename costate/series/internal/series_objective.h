// What a fit minimizes: the distance of many short solves from the samples of their windows. Each window's start is
// learned with the weights (multiple shooting), so that noise of a first sample does not become an error of the whole
// window, and hidden states are found.
#pragma once

#include <functional>
#include <vector>

#include "costate/exec/program.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/series_model.h"
#include "costate/train/loop.h"
#include "costate/train/losses.h"

namespace costate {

struct ObjectiveOptions {
  Loss loss = Loss::kMse;
  std::int64_t max_windows = kMostWindows;  // trained on, spread over the data if there are more
  std::uint64_t seed = 0;                   // of which
  Device device = Device::kCpu;             // where solves and gradients run that train
};

class SeriesObjective {
 public:
  /// Windows of at most model.options().context samples over the whole series. The model and the series must outlive
  /// it.
  SeriesObjective(const SeriesModel& model, const TimeSeries& series, const ObjectiveOptions& options);

  /// For train(): the model's Parameters and the windows' shifts. The objective must outlive it.
  Objective objective() const;

  /// Puts the starts where they fit the samples best with the model's current weights (start_estimate.h).
  void estimate_starts();

  const std::vector<Window>& windows() const { return windows_; }
  /// How many there would be without a limit.
  std::size_t num_windows() const { return num_windows_; }
  /// The learned state at each window's start: measured states in the data's units, then hidden ones.
  std::vector<std::vector<double>> starts() const;
  /// How far derivatives of the windows' solves, by the starts and by the model's Parameters, are from the true ones:
  /// the larger of the two, relative to the derivative. Of states along random cotangents in 8 windows, since gradients
  /// of the loss vanish where training ends. NaN if all their solves fail.
  double gradient_error() const;

 private:
  SeriesObjective(const SeriesModel& model, const TimeSeries& series, const ObjectiveOptions& options,
                  std::vector<Window> windows);

  Evaluation evaluate(std::span<const std::size_t> samples) const;

  const SeriesModel& model_;
  std::size_t num_windows_;
  std::vector<Window> windows_;
  WindowArrays arrays_;
  Parameter shifts_;
  Program loss_and_gradients_, start_states_;
};

}  // namespace costate
