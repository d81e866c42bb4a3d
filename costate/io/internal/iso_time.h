// ISO 8601 dates and date-times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace costate::internal {

inline constexpr double kSecondsPerDay = 86400;

/// A moment in UTC: whole days since 1970-01-01 and the seconds of that day, which keep a microsecond exact enough
/// whatever the date.
struct IsoTime {
  std::int64_t day = 0;
  double second = 0;
  bool has_time_of_day = false;
};

/// Reads YYYY-MM, YYYY-MM-DD or YYYY-MM-DD{T or blank}HH:MM[:SS[.fraction]][Z|±HH[[:]MM]]; nothing for other text.
std::optional<IsoTime> parse_iso_time(std::string_view text);

/// The format of strftime that writes such a text, but for fractions of a second; times come out in UTC.
std::string iso_format_of(std::string_view text);

}  // namespace costate::internal
