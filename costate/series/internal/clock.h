// Periods of clocks by name.
#pragma once

#include <string>
#include <vector>

#include "costate/array/time_series.h"

namespace costate {

/// "hour", "day", "week" and "year" (365.2425 days) in the unit of the series' times, which must be one; numbers as
/// they are; "time", the time itself, is a period of eight times the training's duration: its sine then rises almost
/// evenly through the training, and behind it a forecast cannot run away along it. InvalidArgument for other names, and
/// for names where times are plain numbers.
std::vector<double> periods_of(const std::vector<std::string>& names, const TimeSeries& training);

}  // namespace costate
