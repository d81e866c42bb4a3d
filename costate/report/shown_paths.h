// What a report draws of a fit: stretches of trajectories, and the model's paths along them.
#pragma once

#include <vector>

#include "costate/series/fit.h"

namespace costate {

/// Columns that are drawn over time, at most.
inline constexpr std::size_t kMostStates = 4, kMostInputs = 2;

struct ShownPaths {
  /// Where windows were trained on, and of trajectories that were held out all, or some of them spread over all: the
  /// whole trajectory, or a part around the first window and around where what is held out begins. No stretch of its
  /// own for the windows if one of the others shows some.
  std::vector<Window> stretches;
  std::size_t held = 0;  // of them, the last ones: of what is held out
  /// As few windows as reach over all samples shown, each drawn from where the one before ended, so that one line shows
  /// the fit. Densely, with points between samples, as are:
  std::vector<StatePath> fitted;
  /// The forecasts of what is held out and shown.
  std::vector<StatePath> forecasts;
};

ShownPaths shown_paths(const FitResult& result);

/// Pages to turn, if there is more than `shown` shows: all trajectories in parts that small pictures can show, in their
/// order, or parts spread over them where there are more than a small report has room for.
struct Pages {
  std::vector<ShownPaths> pages = {};
  std::size_t drawn = 0, all = 0;  // parts
};

Pages pages_of(const FitResult& result, const ShownPaths& shown);

/// The same of one whole trajectory.
ShownPaths paths_of(const FitResult& result, std::size_t trajectory);

}  // namespace costate
