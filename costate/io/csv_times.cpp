// Columns of times → numbers, and back. ISO 8601 is in internal/iso_time.h, other dates in internal/calendar.h.
#include <algorithm>
#include <cmath>
#include <tuple>

#include "costate/base/error.h"
#include "costate/io/csv.h"
#include "costate/io/internal/calendar.h"
#include "costate/io/internal/iso_time.h"
#include "costate/io/internal/numbers.h"
#include "costate/io/internal/shown.h"

namespace costate {
namespace {

using internal::IsoTime;
using internal::kSecondsPerDay;

constexpr const char* kWays =
    "Give its form with --time-format, such as \"%d/%m/%Y %H:%M\", or name the column of times with --time.";

bool is_before(const IsoTime& left, const IsoTime& right) {
  return std::tie(left.day, left.second) < std::tie(right.day, right.second);
}

/// The moments on `scale`, or on a new one from the earliest moment if scale.unit is empty: days if no moment has a
/// time of day, else seconds.
TimeColumn to_scale(const std::vector<IsoTime>& moments, const TimeScale& scale, const std::string& format) {
  TimeColumn column{.values = {}, .scale = scale};
  if (scale.unit.empty()) {
    const IsoTime first = *std::min_element(moments.begin(), moments.end(), is_before);
    const bool is_fine =
        std::any_of(moments.begin(), moments.end(), [](const IsoTime& t) { return t.has_time_of_day; });
    column.scale = {.unit = is_fine ? "seconds" : "days", .origin = format_iso_time(first, is_fine), .format = format};
    // Days that are all the first of a month, or the last, are months (or quarters, or years), which a forecast goes on
    // by.
    constexpr std::size_t kFewest = 3;
    if (!is_fine && moments.size() >= kFewest) {
      std::vector<std::int64_t> days;
      for (const IsoTime& moment : moments) days.push_back(moment.day);
      column.scale.format = internal::of_one_day(format, days);
    }
  }
  const std::optional<IsoTime> origin = internal::parse_iso_time(column.scale.origin);
  if (!origin || (column.scale.unit != "days" && column.scale.unit != "seconds"))
    throw InvalidArgument("[read_csv] a time scale must count 'days' or 'seconds' from an ISO 8601 date; got '",
                          scale.unit, "' from '", scale.origin, "'.");
  for (const IsoTime& moment : moments) {
    const auto days = static_cast<double>(moment.day - origin->day);
    const double seconds = moment.second - origin->second;
    column.values.push_back(column.scale.unit == "days" ? days + seconds / kSecondsPerDay
                                                        : days * kSecondsPerDay + seconds);
  }
  return column;
}

/// The text of a time column and what to say about its cells.
struct TimeCells {
  const CsvTable& table;
  std::string name;
  std::vector<std::string> cells;

  [[noreturn]] void reject(std::size_t row, const std::string& expected, const std::string& advice) const {
    throw DataError("[read_csv] ", table.where(row, name), ": expected ", expected,
                    row == 0 ? "" : " as on the lines before", "; got '", internal::shown(cells[row]), "'. ", advice);
  }
};

std::vector<double> plain_numbers(const TimeCells& column) {
  const internal::NumberStyle style = internal::style_of(column.cells, column.table.delimiter());
  std::vector<double> values;
  for (std::size_t row = 0; row < column.cells.size(); ++row) {
    const std::string& cell = column.cells[row];
    const std::optional<double> value = internal::parse_number(cell, style);
    if (!value) column.reject(row, "a time, a number", "A time column holds numbers alone, or dates alone.");
    if (!std::isfinite(*value)) column.reject(row, "a finite time", "Mend the cell or remove the line.");
    values.push_back(*value);
  }
  return values;
}

std::vector<IsoTime> read_by(const TimeCells& column, const std::string& format) {
  std::vector<IsoTime> moments;
  for (std::size_t row = 0; row < column.cells.size(); ++row) {
    const auto moment = internal::parse_by(format, column.cells[row]);
    if (!moment)
      column.reject(row, text::concat("a time in the format '", format, "'"), "Mend the cell, or --time-format.");
    moments.push_back(*moment);
  }
  return moments;
}

std::vector<IsoTime> read_iso(const TimeCells& column) {
  std::vector<IsoTime> moments;
  for (std::size_t row = 0; row < column.cells.size(); ++row) {
    const auto moment = internal::parse_iso_time(column.cells[row]);
    if (!moment) column.reject(row, "a date or date-time such as 2024-05-01 or 2024-05-01T12:30:00Z", "Mend the cell.");
    moments.push_back(*moment);
  }
  return moments;
}

/// The one format that fits all cells, or `preferred` if several do.
std::string format_of(const TimeCells& column, const std::string& preferred) {
  std::vector<std::string> formats = internal::formats_of(column.cells[0]);
  if (formats.empty() && internal::is_clock(column.cells[0]))
    throw DataError("[read_csv] ", column.table.where(0, column.name), ": '", internal::shown(column.cells[0]),
                    "' is a time of day without a date; name the column of dates, too: --time DATE,",
                    internal::shown(column.name), ", or give --step if rows are evenly spaced.");
  if (formats.empty()) column.reject(0, "a time: a number or a date", kWays);
  for (std::size_t row = 1; row < column.cells.size(); ++row) {
    const auto fits = [&](const std::string& format) {
      return internal::parse_by(format, column.cells[row]).has_value();
    };
    if (std::ranges::none_of(formats, fits))
      column.reject(row, text::concat("a date in the format '", formats[0], "'"),
                    "Mend the cell, or give the format of all with --time-format.");
    std::erase_if(formats, [&](const std::string& format) { return !fits(format); });
  }
  for (const std::string& known : {preferred, internal::of_all_days(preferred)})
    if (std::ranges::find(formats, known) != formats.end()) return known;
  if (formats.size() == 1) return formats[0];
  std::string ways;
  for (const std::string& format : formats)
    ways += text::concat(ways.empty() ? "" : " or ", "--time-format \"", format, "\"");
  throw DataError("[read_csv] ", column.table.where(0, column.name), ": '", internal::shown(column.cells[0]),
                  "' can be read in ", formats.size(), " ways, and so can every other cell; choose ", ways, ".");
}

bool is_number(const TimeCells& column) {
  return internal::parse_number(column.cells[0], internal::style_of(column.cells, column.table.delimiter()))
      .has_value();
}

/// 20240531, which no column of numbers holds again and again.
bool is_compact_date(const std::string& cell) { return !internal::compact_formats_of(cell).empty(); }

}  // namespace

TimeColumn CsvTable::times(const std::string& name, const TimeScale& scale, const std::string& format) const {
  const TimeCells column{*this, name, joined(name, " ")};
  for (const std::string& part : columns_of(name)) {
    const std::vector<std::string>& cells = text(part);
    for (std::size_t row = 0; row < cells.size(); ++row)
      if (is_missing(cells[row]))
        throw DataError("[read_csv] ", where(row, part), ": the time is missing. Fill it in or remove the line.");
  }
  // A later file may hold what time_cells wrote where the format would have lost a part of a time.
  const bool is_iso_instead =
      !scale.unit.empty() && internal::parse_iso_time(column.cells[0]) && !internal::parse_by(format, column.cells[0]);
  if (!format.empty() && !is_iso_instead) return to_scale(read_by(column, format), scale, format);
  const auto compact = static_cast<std::size_t>(std::ranges::count_if(column.cells, is_compact_date));
  const bool is_compact = 2 * compact > column.cells.size();
  if (scale.unit.empty() && is_number(column) && !is_compact) return {plain_numbers(column), {}};
  if (internal::parse_iso_time(column.cells[0]))
    return to_scale(read_iso(column), scale, internal::iso_format_of(column.cells[0]));
  if (!scale.unit.empty() && is_number(column) && !is_compact)
    column.reject(0, "a date or date-time, since the times of the model are dates", "Write it as in the data.");
  const std::string found = format_of(column, scale.format);
  return to_scale(read_by(column, found), scale, found);
}

namespace {

/// Days and seconds since 1970 of a time on a scale.
IsoTime moment_of(double time, const TimeScale& scale, const IsoTime& origin) {
  const double days = scale.unit == "days" ? time : time / kSecondsPerDay;
  constexpr double kMostDays = 2.5e6;  // 7000 years, which the calendar can count
  if (!(std::abs(days) < kMostDays))
    throw DataError("[write_csv] the time ", time, " ", scale.unit, " after ", scale.origin, " is no date.");
  const double whole = std::floor(days);
  const double second =
      origin.second + (scale.unit == "days" ? (time - whole) * kSecondsPerDay : time - whole * kSecondsPerDay);
  const double tidy = std::round(second * 1e6) / 1e6, carry = std::floor(tidy / kSecondsPerDay);
  return {.day = origin.day + static_cast<std::int64_t>(whole + carry),
          .second = tidy - carry * kSecondsPerDay,
          .has_time_of_day = false};
}

}  // namespace

double time_after(double start, std::int64_t steps, double spacing, const TimeScale& scale) {
  const double plain = start + static_cast<double>(steps) * spacing;
  constexpr double kDaysOfMonth = 365.2425 / 12;
  const int months = scale.unit == "days" ? internal::months_of_period(scale.format) : 0;
  const std::optional<IsoTime> origin = internal::parse_iso_time(scale.origin);
  if (months == 0 || start != std::floor(start) || !origin || origin->second != 0) return plain;
  const auto periods = std::max<std::int64_t>(1, std::llround(spacing / (kDaysOfMonth * months)));
  const auto first = origin->day + static_cast<std::int64_t>(start);
  const std::optional<std::int64_t> later = internal::period_after(scale.format, first, steps * periods * months);
  return later ? static_cast<double>(*later - origin->day) : plain;
}

std::vector<std::string> time_cells(const std::vector<double>& times, const TimeScale& scale) {
  std::vector<std::string> cells;
  if (scale.unit.empty()) {
    for (const double time : times) cells.push_back(internal::format_double(time));
    return cells;
  }
  const std::optional<IsoTime> origin = internal::parse_iso_time(scale.origin);
  if (!origin)
    throw InvalidArgument("[write_csv] a time scale must begin at an ISO 8601 date; got '", scale.origin, "'.");
  std::vector<IsoTime> moments;
  for (const double time : times) moments.push_back(moment_of(time, scale, *origin));
  for (const IsoTime& moment : moments)
    if (auto cell = scale.format.empty() ? std::nullopt : internal::format_by(scale.format, moment))
      cells.push_back(*std::move(cell));
  if (cells.size() == moments.size()) return cells;
  cells.clear();
  const bool is_fine = std::ranges::any_of(moments, [](const IsoTime& moment) { return moment.second > 0; });
  for (const IsoTime& moment : moments) cells.push_back(internal::format_iso_time(moment, is_fine));
  return cells;
}

}  // namespace costate
