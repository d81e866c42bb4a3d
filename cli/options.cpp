#include "cli/options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "costate/base/base.h"

namespace costate::cli {
namespace {

template <class Number>
std::optional<Number> read_whole(const std::string& text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

std::optional<double> read_finite(const std::string& text) {
  const std::optional<double> value = read_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<double> read_share(const std::string& text) {
  const bool is_percent = text.ends_with('%');
  std::optional<double> value = read_finite(is_percent ? text.substr(0, text.size() - 1) : text);
  if (value && is_percent) value = *value / 100;
  return value && *value >= 0 && *value < 1 ? value : std::nullopt;
}

}  // namespace

std::string describe(const IntegerRange& range) {
  const bool has_low = range.low != std::numeric_limits<std::int64_t>::min();
  const bool has_high = range.high != std::numeric_limits<std::int64_t>::max();
  if (has_low && has_high) return text::concat("a whole number between ", range.low, " and ", range.high);
  if (has_low) return text::concat("a whole number of at least ", range.low);
  return "a whole number";
}

std::optional<std::int64_t> read_integer(const std::string& text, const IntegerRange& range) {
  const auto value = read_whole<std::int64_t>(text);
  return value && *value >= range.low && *value <= range.high ? value : std::nullopt;
}

OptionType<int> thread_count() { return integer<int>({.low = 1, .high = 1024}); }

OptionType<double> number(double low) {
  return {.name = "NUMBER",
          .expected = std::isfinite(low) ? text::concat("a number of at least ", low) : "a number",
          .read = [low](const std::string& text) {
            const std::optional<double> value = read_finite(text);
            return value && *value >= low ? value : std::nullopt;
          }};
}

OptionType<double> share() {
  return {.name = "SHARE", .expected = "a share below 100%, such as 20% or 0.2", .read = read_share};
}

OptionType<std::string> some_text(const std::string& expected, std::vector<std::string> choices) {
  return {.name = "TEXT",
          .expected = expected,
          .read = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); },
          .choices = std::move(choices)};
}

std::optional<std::vector<std::string>> split_list(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t first = text.find_first_not_of(' ', begin);
    const bool is_quoted =
        first != std::string::npos && text[first] == '"' && text.find('"', first + 1) != std::string::npos;
    const std::size_t quote = is_quoted ? text.find('"', first + 1) : 0;
    const std::size_t end = std::min(text.find(',', std::max(begin, quote)), text.size());
    const std::size_t last = text.find_last_not_of(' ', end == 0 ? 0 : end - 1);
    if (first >= end || last == std::string::npos) return std::nullopt;
    if (is_quoted && last != quote) return std::nullopt;
    parts.push_back(is_quoted ? text.substr(first + 1, last - first - 1) : text.substr(first, last - first + 1));
    begin = end + 1;
  }
  return parts;
}

}  // namespace costate::cli
