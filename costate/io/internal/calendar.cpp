#include "costate/io/internal/calendar.h"

#include <date/date.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <iterator>
#include <locale>
#include <ratio>
#include <span>
#include <sstream>

#include "costate/io/internal/numbers.h"

namespace costate::internal {
namespace {

/// A tenth of a microsecond: the most digits of a second that are common.
using Ticks = std::chrono::duration<std::int64_t, std::ratio<1, 10'000'000>>;
constexpr double kTicksPerSecond = 1e7;

/// With points, the day always comes first.
constexpr const char* kDates[] = {"%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y",  "%m/%d/%Y", "%d.%m.%Y",
                                  "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y",  "%d.%m.%y", "%d-%m-%y",
                                  "%m-%d-%y", "%y-%m-%d", "%d %b %Y", "%d-%b-%Y",  "%d-%b-%y", "%d/%b/%Y",
                                  "%d%b%Y",   "%Y-%b-%d", "%b %d %Y", "%b %d, %Y", "%Y%m%d",   "%a %b %d %Y",
                                  "%Y %m %d", "%Y-%j",    "%Y/%j",    "%G-W%V-%u"};
/// Periods that stand for their first day: months, quarters (%q is ours, and pandas') and ISO weeks.
constexpr const char* kPeriods[] = {"%b %Y",  "%b-%Y",  "%b-%y",  "%m/%Y",  "%Y/%m",  "%YM%m",
                                    "%Y-M%m", "%YQ%q",  "%Y-Q%q", "%Y Q%q", "%Yq%q",  "Q%q %Y",
                                    "Q%q-%Y", "Q%q/%Y", "%qQ%Y",  "%qQ %Y", "%G-W%V", "%GW%V"};
/// Dates that are numbers, told by how many digits they have.
struct CompactFormat {
  const char* format;
  std::size_t digits;
};
constexpr CompactFormat kShort[] = {{"%Y%m", 6}, {"%Y%j", 7}};
constexpr CompactFormat kCompact[] = {{"%Y%m%d", 8}, {"%Y%m%d%H", 10}, {"%Y%m%d%H%M", 12}, {"%Y%m%d%H%M%S", 14}};
constexpr const char* kBetween[] = {" ", "T", ", ", ":"};
constexpr const char* kClocks[] = {"%H:%M:%S", "%H:%M",        "%H.%M.%S",  "%H.%M",    "%I:%M:%S %p", "%I:%M:%S%p",
                                   "%I:%M %p", "%I:%M%p",      "%H",        "%H%M",     "%H%M%S",      "%H %M",
                                   "%H %M %S", "%H:%M:%S UTC", "%H:%M UTC", "%H:%M:%SZ"};

std::size_t count_blanks(std::string_view text) {
  std::size_t runs = 0;
  for (std::size_t i = 0; i < text.size(); ++i) runs += text[i] == ' ' && (i == 0 || text[i - 1] != ' ');
  return runs;
}

bool has_clock(const std::string& format) {
  for (std::size_t i = 0; i + 1 < format.size(); ++i)
    if (format[i] == '%' && std::string_view("HIMSTRXcrp").find(format[i + 1]) != std::string_view::npos) return true;
  return false;
}

const std::vector<std::string>& known_formats() {
  static const std::vector<std::string> formats = [] {
    std::vector<std::string> all(std::begin(kPeriods), std::end(kPeriods));
    for (const char* date : kDates) {
      all.emplace_back(date);
      for (const char* between : kBetween)
        for (const char* clock : kClocks) all.push_back(std::string(date) + between + clock);
    }
    return all;
  }();
  return formats;
}

bool are_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

/// Clocks without separators must have all their digits: 130 is no 13:00.
bool has_all_digits(const std::string& format, const std::string& text) {
  for (const std::span<const CompactFormat> formats : {std::span<const CompactFormat>(kShort), {kCompact}})
    for (const CompactFormat& compact : formats)
      if (format == compact.format) return text.size() == compact.digits && are_digits(text);
  const std::size_t length = format.ends_with("%H%M") ? 4 : format.ends_with("%H%M%S") ? 6 : 0;
  if (length == 0) return true;
  const std::string_view end = std::string_view(text).substr(text.size() - std::min(length, text.size()));
  const bool is_longer =
      text.size() > length && std::isdigit(static_cast<unsigned char>(text[text.size() - length - 1]));
  return end.size() == length && are_digits(end) && !is_longer;
}

bool has_any(const std::string& format, std::initializer_list<const char*> directives) {
  return std::ranges::any_of(directives, [&](const char* one) { return format.find(one) != std::string::npos; });
}

bool has_day(const std::string& format) {
  return has_any(format, {"%d", "%e", "%j", "%F", "%D", "%x", "%c", "%U", "%V", "%W"});
}

bool has_month(const std::string& format) { return has_any(format, {"%b", "%B", "%h", "%m"}); }

date::sys_days day_of(const IsoTime& time) { return date::sys_days{date::days{static_cast<int>(time.day)}}; }

bool is_first_day(std::int64_t day) { return date::year_month_day(day_of({.day = day})).day() == date::day{1}; }
bool is_last_day(std::int64_t day) { return is_first_day(day + 1); }

/// `format` with `by` in place of `directive`, one of ours, which the date library does not know.
std::string replaced(std::string format, std::string_view directive, std::string_view by) {
  if (const std::size_t at = format.find(directive); at != std::string::npos) format.replace(at, directive.size(), by);
  return format;
}
constexpr std::string_view kQuarter = "%q", kLastDay = "%L";

bool is_of_week(const std::string& format) { return has_any(format, {"%V"}) && !has_any(format, {"%u", "%w", "%a"}); }

/// Months stand for their first day, and so do years.
bool is_of_month(const std::string& format) { return !has_day(format) && has_month(format); }
bool is_of_year(const std::string& format) {
  return !has_day(format) && !has_month(format) && has_any(format, {"%Y", "%y"});
}

/// A date in which the number of a quarter was read as that of a month; nothing if there is no such quarter.
std::optional<IsoTime> of_quarter(const IsoTime& read) {
  const date::year_month_day first{day_of(read)};
  const unsigned quarter = static_cast<unsigned>(first.month());
  if (quarter > 4) return std::nullopt;
  const date::sys_days day = first.year() / static_cast<int>(3 * quarter - 2) / 1;
  return IsoTime{.day = day.time_since_epoch().count()};
}

/// A year of other than four digits is a %y that was read as %Y, or no date.
bool has_plain_year(const std::string& format, date::local_days day) {
  const int year = static_cast<int>(date::year_month_day(day).year());
  return format.find("%Y") == std::string::npos || (year >= 1000 && year <= 9999);
}

bool holds_number(const std::string& text, int number) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
    if (end > begin && end - begin < 4 && std::stoi(text.substr(begin, end - begin)) == number) return true;
    begin = end + 1;
  }
  return false;
}

/// Whether the year and the day of it that were read stand in the text: the library counts on where a year has no day
/// or week of that number. Behind "%Y-" or "%Y/" a day has three digits: "1961-13" is a month, or nothing.
bool is_day_of_its_year(const std::string& format, const std::string& text, date::local_days day) {
  if (!has_any(format, {"%j", "%V"})) return true;
  const auto shows = [&](const char* part) { return text.find(date::format(part, day)) != std::string::npos; };
  for (const char* year : {"%Y", "%G", "%y", "%g"})
    if (has_any(format, {year}) && !shows(year)) return false;
  if (!has_any(format, {"%j"})) return true;
  const std::string digits = date::format("%j", day);
  constexpr std::size_t kYear = 4;
  if (format.starts_with("%Y-%j") || format.starts_with("%Y/%j"))
    return text.size() > kYear && text.substr(kYear + 1, digits.size()) == digits;
  const int read = std::stoi(digits);
  constexpr int kLastOfLeapYear = 366;
  // Day 366 of another year is taken for its first: a 1 of the clock is not what was read.
  if (read == 1 && holds_number(text, kLastOfLeapYear)) return false;
  return shows("%j") || holds_number(text, read);
}

}  // namespace

std::optional<IsoTime> parse_by(const std::string& format, const std::string& text) {
  // A blank of a format also fits nothing at all, which would split numbers.
  if (count_blanks(text) != count_blanks(format) || !has_all_digits(format, text)) return std::nullopt;
  if (const std::string month = replaced(format, kQuarter, "%m"); month != format) {
    const std::optional<IsoTime> read = parse_by(month, text);
    return read ? of_quarter(*read) : std::nullopt;
  }
  if (const std::string any_day = replaced(format, kLastDay, "%d"); any_day != format) {
    const std::optional<IsoTime> read = parse_by(any_day, text);
    return read && is_last_day(read->day) ? read : std::nullopt;
  }
  if (is_of_week(format)) {
    // The library takes a 53rd week of any year.
    const std::optional<IsoTime> read = parse_by(format + " %u", text + " 1");
    return read && date::format(format, day_of(*read)) == text ? read : std::nullopt;
  }
  if (is_of_year(format)) return parse_by(format + " %m %d", text + " 1 1");
  if (is_of_month(format)) return parse_by(format + " %d", text + " 1");
  // One for all cells: making a stream takes longer than reading a date.
  thread_local std::istringstream in = [] {
    std::istringstream made;
    made.imbue(std::locale::classic());
    return made;
  }();
  in.clear();
  in.str(text);
  date::local_time<Ticks> local;
  std::chrono::minutes offset{0};
  date::from_stream(in, format.c_str(), local, static_cast<std::string*>(nullptr), &offset);
  if (in.fail() || std::chrono::abs(offset) >= date::days{1} || in.peek() != std::istringstream::traits_type::eof())
    return std::nullopt;
  const date::local_days day = date::floor<date::days>(local);
  if (!has_plain_year(format, day) || !is_day_of_its_year(format, text, day)) return std::nullopt;
  const double second =
      static_cast<double>((local - day).count()) / kTicksPerSecond - std::chrono::duration<double>(offset).count();
  const double days = std::floor(second / kSecondsPerDay);
  return IsoTime{.day = day.time_since_epoch().count() + static_cast<std::int64_t>(days),
                 .second = second - days * kSecondsPerDay,
                 .has_time_of_day = has_clock(format)};
}

namespace {

/// The library writes as many digits as the unit of what it is given has.
std::string with_fraction(const std::string& format, date::sys_days day, std::chrono::microseconds second,
                          std::size_t digits) {
  const auto by = [&](auto unit) { return date::format(format, day + date::floor<decltype(unit)>(second)); };
  switch (digits) {
    case 0:
      return by(std::chrono::seconds{});
    case 1:
      return by(std::chrono::duration<std::int64_t, std::deci>{});
    case 2:
      return by(std::chrono::duration<std::int64_t, std::centi>{});
    case 3:
      return by(std::chrono::milliseconds{});
    default:
      return by(std::chrono::microseconds{});
  }
}

/// The nine digits behind the point of a second.
std::string nanoseconds_of(const IsoTime& time) {
  constexpr std::int64_t kMost = 999'999'999;
  const double fraction = time.second - std::floor(time.second);
  const std::string digits = std::to_string(std::min<std::int64_t>(std::llround(fraction * 1e9), kMost));
  return std::string(9 - digits.size(), '0') + digits;
}

}  // namespace

std::vector<std::string> compact_formats_of(const std::string& text) {
  std::vector<std::string> formats;
  for (const CompactFormat& compact : kCompact) {
    const bool is_near = compact.digits == 8 || text.starts_with("19") || text.starts_with("20");
    if (text.size() == compact.digits && is_near && parse_by(compact.format, text))
      formats.emplace_back(compact.format);
  }
  return formats;
}

std::string short_format_of(const std::vector<std::string>& cells) {
  for (const CompactFormat& format : kShort) {
    const auto is_date = [&](const std::string& cell) {
      if (cell.size() != format.digits || cell < "1500" || cell >= "2500") return false;
      return parse_by(format.format, cell).has_value();
    };
    if (!cells.empty() && std::ranges::all_of(cells, is_date)) return format.format;
  }
  return "";
}

std::vector<std::string> formats_of(const std::string& text) {
  if (parse_double(text)) return compact_formats_of(text);
  std::vector<std::string> formats;
  for (const std::string& format : known_formats())
    if (parse_by(format, text)) formats.push_back(format);
  return formats;
}

bool is_clock(const std::string& text) {
  if (parse_double(text)) return false;
  return std::ranges::any_of(kClocks, [&](const char* clock) {
    return parse_by(std::string("%Y-%m-%d ") + clock, "2000-01-01 " + text).has_value();
  });
}

bool is_date_or_clock(const std::string& text) {
  if (text.empty() || text.find_first_of("0123456789") == std::string::npos || parse_double(text)) return false;
  return parse_iso_time(text) || is_clock(text) || !formats_of(text).empty();
}

int months_of_period(const std::string& format) {
  if (format.find("%q") != std::string::npos) return 3;
  return is_of_month(format) ? 1 : is_of_year(format) ? 12 : 0;
}

std::string of_one_day(const std::string& format, const std::vector<std::int64_t>& days) {
  const bool are_first = std::ranges::all_of(days, is_first_day);
  if (!are_first && !std::ranges::all_of(days, is_last_day)) return format;
  return replaced(format == "%F" ? "%Y-%m-%d" : format, "%d", are_first ? "01" : kLastDay);
}

std::string of_all_days(std::string format) {
  return replaced(replaced(std::move(format), "01", "%d"), kLastDay, "%d");
}

std::optional<std::int64_t> period_after(const std::string& format, std::int64_t day, std::int64_t months) {
  const bool is_at_end = format.find(kLastDay) != std::string::npos;
  constexpr double kMostDaysOfMonth = 31;
  if (std::abs(static_cast<double>(months)) * kMostDaysOfMonth > kMostDays) return std::nullopt;
  if (!(is_at_end ? is_last_day(day) : is_first_day(day))) return std::nullopt;
  const date::year_month_day date{day_of({.day = day})};
  const date::year_month month = date.year() / date.month() + date::months{static_cast<int>(months)};
  const date::sys_days later = is_at_end ? date::sys_days{month / date::last} : date::sys_days{month / 1};
  return later.time_since_epoch().count();
}

std::size_t fraction_digits(const IsoTime& time) {
  const std::string digits = nanoseconds_of(time);
  return digits.find_last_not_of('0') + 1;
}

std::string format_iso_time(const IsoTime& time, bool with_time_of_day, std::size_t digits) {
  const date::sys_days day = day_of(time);
  if (!with_time_of_day) return date::format("%F", day);
  const std::chrono::seconds whole{static_cast<int>(time.second)};
  const std::string fraction = digits == 0 ? "" : "." + nanoseconds_of(time).substr(0, digits);
  return date::format("%FT%T", day + whole) + fraction + "Z";
}

std::optional<std::string> format_by(const std::string& format, const IsoTime& time, std::size_t digits) try {
  const date::sys_days day = day_of(time);
  const std::chrono::microseconds second{std::llround(time.second * 1e6)};
  const unsigned month = static_cast<unsigned>(date::year_month_day(day).month());
  const std::string known = replaced(replaced(format, kQuarter, std::to_string((month + 2) / 3)), kLastDay, "%d");
  const std::string text = with_fraction(known, day, second, digits);
  const std::optional<IsoTime> back = parse_by(format, text);
  const double apart =
      back ? static_cast<double>(back->day - time.day) * kSecondsPerDay + back->second - time.second : 1;
  return std::abs(apart) < 2e-6 ? std::optional(text) : std::nullopt;
} catch (const std::ios_base::failure&) {
  return std::nullopt;  // a user's format that can be read, but not written
}

}  // namespace costate::internal
