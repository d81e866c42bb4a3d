// What of a time series is trained on, and what is held out to judge the model.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/series/windows.h"

namespace costate {

/// The end of a single trajectory is held out; of several trajectories the last ones, whole.
struct Split {
  std::vector<std::size_t> train_ends;  // samples of each trajectory that are trained on
  std::vector<Window> held;             // samples that are not
};

/// Holds out `share` of the samples or trajectories, rounded, at least one if share > 0. DataError if fewer than two
/// samples would be left to train on.
Split split_series(const TimeSeries& series, double share);

/// The samples that are trained on, as a series. Trajectories without any are left out.
TimeSeries training_part(const TimeSeries& series, const Split& split);

}  // namespace costate
