#include "costate/io/internal/numbers.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace costate::internal {
namespace {

/// The exponent that a decimal text would have in the form 0.d…e: tells overflow from underflow.
bool is_tiny(std::string_view text) {
  const std::size_t mark = text.find_first_of("eE");
  if (mark != std::string_view::npos) return mark + 1 < text.size() && text[mark + 1] == '-';
  return text.find('.') != std::string_view::npos && text.find_first_of("123456789") > text.find('.');
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  const bool has_plus = text.size() > 1 && text[0] == '+' && text[1] != '-';
  if (has_plus) text.remove_prefix(1);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range && stop == end) {
    const double size = is_tiny(text) ? 0.0 : std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -size : size;
  }
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<double> parse_comma_double(std::string_view text) {
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos)
    return text.find('.') == std::string_view::npos ? parse_double(text) : std::nullopt;
  std::string plain(text.substr(comma + 1));
  if (plain.find_first_of(",.") != std::string::npos) return std::nullopt;
  plain.insert(0, 1, '.');
  std::size_t end = comma;
  while (end > 0) {
    const std::size_t point = text.rfind('.', end - 1);
    const std::size_t begin = point == std::string_view::npos ? 0 : point + 1;
    // A group before the first point may be shorter, and have a sign.
    const bool is_group = begin == 0 || end - begin == 3;
    if (!is_group || text.substr(begin, end - begin).find_first_not_of("+-0123456789") != std::string_view::npos)
      return std::nullopt;
    plain.insert(0, text.substr(begin, end - begin));
    end = begin == 0 ? 0 : begin - 1;
  }
  return parse_double(plain);
}

std::optional<LimitText> parse_limit(std::string_view text) {
  constexpr std::string_view kBelow[] = {"<=", "<", "\xE2\x89\xA4"}, kAbove[] = {">=", ">", "\xE2\x89\xA5"};
  for (const bool is_below : {true, false})
    for (const std::string_view sign : is_below ? kBelow : kAbove) {
      if (!text.starts_with(sign)) continue;
      text.remove_prefix(sign.size());
      text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
      return LimitText{is_below, text};
    }
  return std::nullopt;
}

std::string format_double(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

}  // namespace costate::internal
