// Trajectories on an even grid of times, in normalized units: what ARX is fitted to and goes on along.
#pragma once

#include <optional>
#include <vector>

#include "costate/series/forecaster.h"
#include "costate/series/normalization.h"

namespace costate::internal {

/// Samples one step after the other.
struct GridSegment {
  std::size_t length = 0;
  std::vector<double> states;  // [length, state]; NaN where nothing was measured
  std::vector<double> filled;  // the same, gaps of up to three samples linear between their ends
  std::vector<double> inputs;  // [length, input]
};

struct EvenGrid {
  double step = 0;
  std::vector<GridSegment> segments;
};

/// The median step of all trajectories; nothing if none has one.
std::optional<double> median_step(const TimeSeries& series);

/// The median step, if nine in ten of the steps are near a multiple of it.
std::optional<double> even_step(const TimeSeries& series);

/// Cut where a step is no multiple of `step`, or more than 20 times as long; samples between are missing.
std::vector<GridSegment> segments_of(const TimeSeries& series, const Normalization& units, double step);

/// The `before` grid points up to a forecast's origin and `after` ones after it, in `filled` and `inputs`. The past is
/// linear between measured cells; a state is NaN after it was last measured, so that no stale cell is taken for it, and
/// 0, its mean, if it never was. Inputs ahead are as the task assumes them.
GridSegment segment_around(const ForecastTask& task, const Normalization& units, double step, std::size_t before,
                           std::size_t after);

}  // namespace costate::internal
