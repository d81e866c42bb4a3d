#include "costate/io/internal/numbers.h"

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

std::string format_double(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end};
}

}  // namespace costate::internal
