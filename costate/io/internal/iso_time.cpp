#include "costate/io/internal/iso_time.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <tuple>

#include "costate/base/error.h"
#include "costate/io/internal/numbers.h"

namespace costate::internal {
namespace {

constexpr double kSecondsPerDay = 86400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes fixed-width pieces off the front of a text; once one does not fit, nothing fits any more.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  /// The next `digits` digits as a number.
  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || !is_digit(rest_.front())) return reject();
      value = 10 * value + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }

  /// True, and past it, if the next character is one of `characters`.
  bool take(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// ".5" and the like after whole seconds; 0 if there is none.
  double fraction() {
    std::size_t length = 1;
    if (rest_.empty() || rest_.front() != '.') return 0;
    while (length < rest_.size() && is_digit(rest_[length])) ++length;
    const std::optional<double> value = parse_double(rest_.substr(0, length));
    if (length == 1 || !value) return reject();
    rest_.remove_prefix(length);
    return *value;
  }

  int reject() {
    is_valid_ = false;
    rest_ = {};
    return 0;
  }
  bool has_more() const { return !rest_.empty(); }
  bool is_valid() const { return is_valid_; }

 private:
  std::string_view rest_;
  bool is_valid_ = true;
};

/// Seconds to subtract for UTC.
double read_offset(Reader& reader) {
  if (reader.take("Zz") || !reader.has_more()) return 0;
  const bool is_west = reader.take("-");
  if (!is_west && !reader.take("+")) return reader.reject();
  const int hours = reader.number(2);
  const bool has_minutes = reader.take(":") || reader.has_more();
  const int minutes = has_minutes ? reader.number(2) : 0;
  if (hours > 23 || minutes > 59) return reader.reject();
  return (is_west ? -1 : 1) * (3600.0 * hours + 60.0 * minutes);
}

void read_time_of_day(Reader& reader, IsoTime& time) {
  time.has_time_of_day = true;
  const int hours = reader.number(2);
  if (!reader.take(":")) reader.reject();
  const int minutes = reader.number(2);
  const int seconds = reader.take(":") ? reader.number(2) : 0;
  const double fraction = reader.fraction();
  if (hours > 23 || minutes > 59 || seconds > 59) reader.reject();
  time.second = 3600.0 * hours + 60.0 * minutes + seconds + fraction - read_offset(reader);
  const double days = std::floor(time.second / kSecondsPerDay);
  time.day += static_cast<std::int64_t>(days);
  time.second -= days * kSecondsPerDay;
}

std::string format_iso_time(const IsoTime& time, bool with_time_of_day) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{time.day}}};
  const auto two = [](int value) { return text::concat(value < 10 ? "0" : "", value); };
  std::string year = text::concat(static_cast<int>(date.year()));
  year.insert(0, 4 - std::min<std::size_t>(4, year.size()), '0');
  std::string text = text::concat(year, "-", two(static_cast<int>(static_cast<unsigned>(date.month()))), "-",
                                  two(static_cast<int>(static_cast<unsigned>(date.day()))));
  if (!with_time_of_day) return text;
  const int whole = static_cast<int>(time.second);
  text += text::concat("T", two(whole / 3600), ":", two(whole / 60 % 60), ":", two(whole % 60));
  // Digits of the fraction as they came: "0.25" → ".25".
  const double fraction = std::round((time.second - whole) * 1e9) / 1e9;
  if (fraction > 0 && fraction < 1) text += format_double(fraction).substr(1);
  return text + "Z";
}

bool is_before(const IsoTime& left, const IsoTime& right) {
  return std::tie(left.day, left.second) < std::tie(right.day, right.second);
}

}  // namespace

std::optional<IsoTime> parse_iso_time(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4);
  if (!reader.take("-")) reader.reject();
  const int month = reader.number(2);
  const bool has_day = reader.take("-");
  const int day = has_day ? reader.number(2) : 1;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!reader.is_valid() || !date.ok()) return std::nullopt;
  IsoTime time{.day = std::chrono::sys_days(date).time_since_epoch().count()};
  if (has_day && reader.take("Tt ")) read_time_of_day(reader, time);
  if (!reader.is_valid() || reader.has_more()) return std::nullopt;
  return time;
}

TimeColumn to_scale(const std::vector<IsoTime>& moments, const TimeScale& scale) {
  TimeColumn column{.values = {}, .scale = scale};
  IsoTime origin = *std::min_element(moments.begin(), moments.end(), is_before);
  if (scale.unit.empty()) {
    const bool is_fine =
        std::any_of(moments.begin(), moments.end(), [](const IsoTime& t) { return t.has_time_of_day; });
    column.scale = {.unit = is_fine ? "seconds" : "days", .origin = format_iso_time(origin, is_fine)};
  }
  const std::optional<IsoTime> written = parse_iso_time(column.scale.origin);
  if (!written || (column.scale.unit != "days" && column.scale.unit != "seconds"))
    throw InvalidArgument("[read_csv] a time scale must count 'days' or 'seconds' from an ISO 8601 date; got '",
                          scale.unit, "' from '", scale.origin, "'.");
  origin = *written;
  for (const IsoTime& moment : moments) {
    const auto days = static_cast<double>(moment.day - origin.day);
    const double seconds = moment.second - origin.second;
    column.values.push_back(column.scale.unit == "days" ? days + seconds / kSecondsPerDay
                                                        : days * kSecondsPerDay + seconds);
  }
  return column;
}

}  // namespace costate::internal
