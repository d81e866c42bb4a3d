// ARX: the next sample as a linear function of the last few and of the inputs.
#pragma once

#include <memory>
#include <vector>

#include "costate/series/internal/rival.h"

namespace costate::internal {

/// Each state by least squares from the last p samples of all states and the inputs at the same and the next time,
/// fitted one sample ahead. Later samples go on from its own answers. Between its samples, which are a median step
/// apart, it is linear. p is what forecasts the last quarter of the training part best: one sample ahead, and as far as
/// half of it; these are two rivals where they differ, since few lags may do for the latter and not for the former.
///
/// None if fewer than nine in ten of the steps are near a multiple of the median one, or if there are too few
/// samples for one lag.
std::vector<std::unique_ptr<Rival>> fit_arx(const TimeSeries& training);

}  // namespace costate::internal
