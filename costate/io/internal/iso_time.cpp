#include "costate/io/internal/iso_time.h"

#include <date/date.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include "costate/io/internal/numbers.h"

namespace costate::internal {
namespace {

/// Where the time of day begins.
constexpr std::size_t kClock = 11;

/// A way to write a moment without the fraction of its second. A digit of `shape` stands for itself and smaller ones, +
/// for either sign; from_stream alone would also take 2024-1-1 and +5.
struct Form {
  std::string_view shape;
  const char* format;
};
constexpr Form kForms[] = {{"9999-99-99", "%F"},
                           {"9999-99-99T99:99", "%FT%R"},
                           {"9999-99-99T99:99Z", "%FT%RZ"},
                           {"9999-99-99T99:99+29", "%FT%R%z"},
                           {"9999-99-99T99:99+2959", "%FT%R%z"},
                           {"9999-99-99T99:99+29:59", "%FT%R%Ez"},
                           {"9999-99-99T99:99:99", "%FT%T"},
                           {"9999-99-99T99:99:99Z", "%FT%TZ"},
                           {"9999-99-99T99:99:99+29", "%FT%T%z"},
                           {"9999-99-99T99:99:99+2959", "%FT%T%z"},
                           {"9999-99-99T99:99:99+29:59", "%FT%T%Ez"}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool fits(char c, char shape) {
  if (is_digit(shape)) return is_digit(c) && c <= shape;
  return c == shape || (shape == '+' && c == '-');
}

/// The format that reads `text`, or null.
const char* format_of(std::string_view text) {
  for (const Form& form : kForms)
    if (std::equal(text.begin(), text.end(), form.shape.begin(), form.shape.end(), fits)) return form.format;
  return nullptr;
}

/// Takes the ".5" of a second out of `text`: 0 if it has none, nothing if it is no fraction.
std::optional<double> take_fraction(std::string& text) {
  const std::size_t zone = std::min(text.find_first_of("Zz+-", kClock), text.size());
  const std::size_t point = std::min(text.find('.', kClock), zone);
  const std::string fraction = text.substr(point, zone - point);
  if (fraction.empty()) return 0;
  text.erase(point, fraction.size());
  return std::all_of(fraction.begin() + 1, fraction.end(), is_digit) ? parse_double(fraction) : std::nullopt;
}

}  // namespace

std::optional<IsoTime> parse_iso_time(std::string_view text) {
  std::string plain(text);
  if (plain.size() == std::string_view("2024-05").size()) plain += "-01";
  const bool has_time_of_day = plain.size() > kClock;
  const std::optional<double> fraction = has_time_of_day ? take_fraction(plain) : 0;
  if (has_time_of_day && (plain[kClock - 1] == ' ' || plain[kClock - 1] == 't')) plain[kClock - 1] = 'T';
  if (plain.ends_with('z')) plain.back() = 'Z';
  const char* format = format_of(plain);
  if (format == nullptr || !fraction) return std::nullopt;

  std::istringstream in(plain);
  date::local_seconds local;
  std::chrono::minutes offset{0};
  date::from_stream(in, format, local, static_cast<std::string*>(nullptr), &offset);
  if (in.fail() || std::chrono::abs(offset) >= date::days{1}) return std::nullopt;
  const date::local_days day = date::floor<date::days>(local);
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  const double second = seconds(local - day) + *fraction - seconds(offset);
  const double days = std::floor(second / kSecondsPerDay);
  return IsoTime{.day = day.time_since_epoch().count() + static_cast<std::int64_t>(days),
                 .second = second - days * kSecondsPerDay,
                 .has_time_of_day = has_time_of_day};
}

std::string iso_format_of(std::string_view text) {
  if (text.size() == std::string_view("2024-05").size()) return "%Y-%m";
  std::string plain(text);
  if (plain.size() <= kClock) return "%F";
  take_fraction(plain);
  const char between = plain[kClock - 1];
  plain[kClock - 1] = 'T';
  std::string format = format_of(plain.ends_with('z') ? plain.substr(0, plain.size() - 1) + "Z" : plain);
  format[std::string_view("%F").size()] = between;
  return format;
}

}  // namespace costate::internal
