// ARX: the next sample as a linear function of the last few and of the inputs.
#pragma once

#include <memory>

#include "costate/series/internal/rival.h"

namespace costate::internal {

/// Each state by least squares from the last p samples of all states and the inputs at the same and the next time,
/// fitted one sample ahead; p is what forecasts the last quarter of the training part best. Later samples go on from
/// its own answers. Between its samples, which are a median step apart, it is linear.
///
/// Nothing if fewer than nine in ten of the steps are near a multiple of the median one, or if there are too few
/// samples for one lag.
std::unique_ptr<Rival> fit_arx(const TimeSeries& training);

}  // namespace costate::internal
