// Columns of times → numbers, and back. ISO 8601 is in internal/iso_time.h, other dates in internal/calendar.h.
#include <algorithm>
#include <cmath>
#include <limits>
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
    column.scale = {.unit = is_fine ? "seconds" : "days",
                    .origin = format_iso_time(first, is_fine, internal::fraction_digits(first)),
                    .format = format};
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
  const bool has_two_parts = column.table.columns_of(column.name).size() == 2;
  if (formats.empty() && has_two_parts && column.cells[0].find_first_not_of("0123456789 ") == std::string::npos)
    column.reject(0, "a time: a date and a time of day",
                  "Of columns of numbers all are needed: --time YEAR,MONTH,DAY.");
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

/// The longest step between different numbers over the median one.
double unevenness(std::vector<double> times) {
  std::ranges::sort(times);
  const auto same = std::ranges::unique(times);
  times.erase(same.begin(), same.end());
  std::vector<double> steps;
  for (std::size_t i = 1; i < times.size(); ++i) steps.push_back(times[i] - times[i - 1]);
  if (steps.empty()) return 1;
  std::ranges::sort(steps);
  return steps.back() / steps[steps.size() / 2];
}

/// The format of 194901, 194902, … or of 1949001, 1949002, … if the cells' steps are more even as dates than as
/// numbers, as they are where a year ends among them; "" for other numbers.
std::string short_format(const TimeCells& column) {
  const std::string format = internal::short_format_of(column.cells);
  if (format.empty()) return "";
  const std::vector<double> dates = to_scale(read_by(column, format), {}, format).values;
  return unevenness(dates) < unevenness(plain_numbers(column)) ? format : "";
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
  // Dates of as few digits as 194901 are told by all cells together; those of a further file by the format of the
  // first.
  const bool is_known = !scale.format.empty() && internal::short_format_of(column.cells) == scale.format;
  const std::string few = !scale.unit.empty() ? (is_known ? scale.format : "") : short_format(column);
  if (!few.empty()) return to_scale(read_by(column, few), scale, few);
  if (scale.unit.empty() && is_number(column) && !is_compact) return {plain_numbers(column), {}};
  if (internal::parse_iso_time(column.cells[0]))
    return to_scale(read_iso(column), scale, internal::iso_format_of(column.cells[0]));
  if (!scale.unit.empty() && is_number(column) && !is_compact)
    column.reject(0, "a date or date-time, since the times of the model are dates", "Write it as in the data.");
  const std::string found = format_of(column, scale.format);
  return to_scale(read_by(column, found), scale, found);
}

std::string CsvTable::doubt_of_times(const std::string& name) const {
  const TimeCells column{*this, name, joined(name, " ")};
  const std::string format = internal::short_format_of(column.cells);
  if (format.empty() || !short_format(column).empty()) return "";
  return text::concat("'", name, "' is read as numbers; if they are dates (", format == "%Y%m" ? "YYYYMM" : "YYYYDDD",
                      "), add --time-format ", format);
}

namespace {

constexpr double kMicrosecond = 1e-6, kNanosecond = 1e-9;

/// What times are written to: microseconds, or nanoseconds where those would move times so close together.
double grain_of(const std::vector<double>& times, const TimeScale& scale, const IsoTime& origin) {
  constexpr double kClose = 1e-3;  // seconds; farther apart, a microsecond is no matter
  if (scale.unit != "seconds") return kMicrosecond;
  std::vector<double> seconds = times;
  std::ranges::sort(seconds);
  const double most = std::max(std::abs(seconds.front()), std::abs(seconds.back())) + kSecondsPerDay;
  const double resolved = 4 * std::numeric_limits<double>::epsilon() * most;
  bool is_close = false, is_moved = false;
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    const double ticks = (origin.second + seconds[i]) / kMicrosecond;
    is_moved = is_moved || std::abs(ticks - std::round(ticks)) * kMicrosecond > resolved;
    is_close = is_close || (i > 0 && seconds[i] > seconds[i - 1] && seconds[i] - seconds[i - 1] < kClose);
  }
  return is_close && is_moved ? kNanosecond : kMicrosecond;
}

/// Days and seconds since 1970 of a time on a scale.
IsoTime moment_of(double time, const TimeScale& scale, const IsoTime& origin, double grain) {
  const double days = scale.unit == "days" ? time : time / kSecondsPerDay;
  if (!(std::abs(days) < internal::kMostDays))
    throw DataError("[write_csv] the time ", time, " ", scale.unit, " after ", scale.origin, " is no date.");
  const double whole = std::floor(days);
  const double second =
      origin.second + (scale.unit == "days" ? (time - whole) * kSecondsPerDay : time - whole * kSecondsPerDay);
  const double ticks = std::round(1 / grain);  // 1e6 or 1e9 to the bit, which 1 / grain need not be
  const double tidy = std::round(second * ticks) / ticks, carry = std::floor(tidy / kSecondsPerDay);
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
  if (std::abs(start) > internal::kMostDays || std::abs(spacing) > internal::kMostDays) return plain;
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
  if (times.empty()) return cells;
  const double grain = grain_of(times, scale, *origin);
  std::vector<IsoTime> moments;
  for (const double time : times) moments.push_back(moment_of(time, scale, *origin, grain));
  std::size_t digits = 0;
  for (const IsoTime& moment : moments) digits = std::max(digits, internal::fraction_digits(moment));
  const bool has_format = !scale.format.empty() && grain == kMicrosecond;  // no format has more digits
  for (const IsoTime& moment : moments)
    if (auto cell = has_format ? internal::format_by(scale.format, moment, digits) : std::nullopt)
      cells.push_back(*std::move(cell));
  if (cells.size() == moments.size()) return cells;
  cells.clear();
  const bool is_fine = std::ranges::any_of(moments, [](const IsoTime& moment) { return moment.second > 0; });
  for (const IsoTime& moment : moments) cells.push_back(internal::format_iso_time(moment, is_fine, digits));
  return cells;
}

}  // namespace costate
