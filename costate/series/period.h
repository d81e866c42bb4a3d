// The period of a time series, if it has one.
#pragma once

#include <optional>
#include <string>

#include "costate/array/time_series.h"

namespace costate {

/// The shortest lag after which the states come back to where they were much more nearly than at any shorter lag but
/// the very short ones: a day in half-hours, a year in months. From the mean squared difference of all pairs of
/// measured cells by their lag, trends taken out, so that uneven times, gaps and missing cells do no harm. At least two
/// periods must have been seen. Nothing for noise, drift, or a single rise and fall.
std::optional<double> find_period(const TimeSeries& training);

/// "1 day", "30 min", or "12.5" where times are plain numbers.
std::string duration_text(double duration, const TimeScale& scale);

}  // namespace costate
