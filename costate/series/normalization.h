// Units that suit a network: states and inputs of mean 0 and deviation 1, and time in units in which states move by
// about 1.
#pragma once

#include <vector>

#include "costate/array/time_series.h"

namespace costate {

/// normalized = (value - offset) / scale, column by column; times are measured from a start in units of `time_scale`.
struct Normalization {
  std::vector<double> state_offset = {}, state_scale = {};          // [state]
  std::vector<double> input_offset = {}, input_scale = {};          // [input]
  std::vector<double> covariate_offset = {}, covariate_scale = {};  // [covariate]
  std::vector<double> event_scale = {};                             // [event], mean size of an amount
  double time_scale = 1;
};

/// From all measured cells. DataError for a column without any, or of numbers too large to be squared. A column that
/// does not vary has scale 1; a system that does not move has its time span.
Normalization measure(const TimeSeries& series);

}  // namespace costate
