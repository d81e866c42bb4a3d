// Rivals that keep a model honest: what a scientist would do without it, each fitted to the same training part.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "costate/series/forecaster.h"

namespace costate {

/// Last value, mean, the same time one period ago, ARX, linear ODE and the mean curve of the other trajectories, as far
/// as the training part allows them: there must be a period, evenly spaced times, enough samples for the numbers to be
/// fitted, or several trajectories. They give a number for every state at every time. `period` is find_period's.
///
/// Throws: DataError as measure(), if a column has no measured value.
std::vector<std::unique_ptr<Forecaster>> fit_rivals(const TimeSeries& training, std::optional<double> period);

}  // namespace costate
