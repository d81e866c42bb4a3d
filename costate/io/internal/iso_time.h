// Calendar times of CSV cells as numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "costate/io/csv.h"

namespace costate::internal {

/// A moment in UTC: whole days since 1970-01-01 and the seconds of that day, which keep a microsecond exact enough
/// whatever the date.
struct IsoTime {
  std::int64_t day = 0;
  double second = 0;
  bool has_time_of_day = false;
};

/// Reads YYYY-MM, YYYY-MM-DD or YYYY-MM-DD{T or blank}HH:MM[:SS[.fraction]][Z|±HH[[:]MM]]; nothing for other text.
std::optional<IsoTime> parse_iso_time(std::string_view text);

/// The moments on `scale`, or on a new one from the earliest moment if scale.unit is empty: days if no moment has a
/// time of day, else seconds.
TimeColumn to_scale(const std::vector<IsoTime>& moments, const TimeScale& scale);

}  // namespace costate::internal
