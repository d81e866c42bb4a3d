// What a report draws of a fit: stretches of trajectories, and the model's paths along them.
#pragma once

#include <vector>

#include "costate/series/fit.h"

namespace costate {

struct ShownPaths {
  /// Of the trajectory of the first window and of the first one held out: all, or 2000 samples, around that window and
  /// where what is held out begins. One stretch if the second shows windows, too.
  std::vector<Window> stretches;
  /// As few windows as reach over all samples shown, each drawn from where the one before ended, so that one line shows
  /// the fit. Densely, with points between samples, as are:
  std::vector<StatePath> fitted;
  /// The forecasts of what is held out and shown.
  std::vector<StatePath> forecasts;
};

ShownPaths shown_paths(const FitResult& result);

}  // namespace costate
