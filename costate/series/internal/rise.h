// How far an event seems to have moved a state, before any model is trained.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/series/normalization.h"

namespace costate::internal {

struct Rise {
  double mean = 0;                  // of the state, in the data's units, by an event of mean size
  std::vector<double> powers = {};  // of the covariates' features (event_response.h)
};

/// From the ratio of a state to all that has come in before: its logarithm as a linear map of the features, by least
/// squares. Nothing where no sample tells.
Rise rise_by(const TimeSeries& series, std::size_t state, std::size_t event, const Normalization& units);

}  // namespace costate::internal
