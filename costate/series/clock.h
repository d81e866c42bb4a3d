// Periods of clocks by name.
#pragma once

#include <string>
#include <vector>

#include "costate/array/time_series.h"

namespace costate {

/// "hour", "day", "week" and "year" (365.2425 days) in the scale's unit, which must be one; numbers as they are.
/// InvalidArgument for other names, and for names where times are plain numbers.
std::vector<double> periods_of(const std::vector<std::string>& names, const TimeScale& scale);

}  // namespace costate
