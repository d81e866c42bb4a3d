#include "costate/series/time_text.h"

#include <charconv>
#include <cmath>

#include "costate/base/error.h"
#include "costate/io/csv.h"

namespace costate {
namespace {

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<double> time_of_text(const std::string& text, const TimeScale& scale) {
  if (scale.unit.empty()) return number_of(text);
  const CsvTable table({"t"}, {{text}}, "a time");
  for (const std::string& format : {scale.format, std::string()}) {
    try {
      return table.times("t", scale, format).values[0];
    } catch (const DataError&) {  // of another format, or none
    }
  }
  return std::nullopt;
}

std::string text_of_time(double time, const TimeScale& scale) {
  return scale.unit.empty() ? text::concat(time) : time_cells({time}, scale)[0];
}

}  // namespace costate
