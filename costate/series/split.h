// What of a time series is trained on, and what has no say in training.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/series/windows.h"

namespace costate {

/// What is held out of a trajectory reaches to its end.
struct Split {
  std::vector<std::size_t> train_ends;  // samples of each trajectory that are trained on
  std::vector<Window> held;             // samples that are not
};

/// Holds out the last `share` of the trajectories, or of the samples of a single one. Where no state was measured at
/// these, the share is of the measured samples, and what follows them is held, too. Rounded, at least one if share > 0.
/// DataError, which calls the share `option`, if fewer than two samples would be left to train on.
Split split_series(const TimeSeries& series, double share, const std::string& option = "--hold-out");

/// Holds out whole trajectories, by their places in the series. DataError as above.
Split hold_out_trajectories(const TimeSeries& series, std::span<const std::size_t> trajectories);

/// Holds out the samples of every trajectory from a time on; all of a trajectory where fewer than two come before it.
/// DataError as above, or if no sample is so late.
Split hold_out_from(const TimeSeries& series, double time);

/// The samples that are trained on, as a series. Trajectories without any are left out.
TimeSeries training_part(const TimeSeries& series, const Split& split);

/// Which end of several trajectories is cut off.
enum class Cut {
  kLastOnes,  // the last trajectories
  kEnds,      // the end of each
};

/// The part of what is trained on by which weights and their number are chosen: the end, or the last ones. Nothing
/// where it would leave too little to train on, or no measured value to judge by.
Split split_for_validation(const TimeSeries& training, double share, Cut cut = Cut::kLastOnes);

/// Whether anything is measured in the held samples, but for a whole trajectory's first one, which is its start.
bool is_measured(const TimeSeries& series, const Split& split);

}  // namespace costate
