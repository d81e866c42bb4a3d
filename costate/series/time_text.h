// Times as people type them, and as messages name them.
#pragma once

#include <optional>
#include <string>

#include "costate/array/time_series.h"

namespace costate {

/// A number or, where the scale has dates, a date in their format or in one that CsvTable::times reads: as a number on
/// the scale's axis. Nothing if the text is no such time.
std::optional<double> time_of_text(const std::string& text, const TimeScale& scale);

/// "12.5", or a date as the data write them.
std::string text_of_time(double time, const TimeScale& scale);

}  // namespace costate
