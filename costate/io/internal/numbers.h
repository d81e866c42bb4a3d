// Doubles as text and back, the same in every locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace costate::internal {

/// The whole of `text` as a decimal number, or nothing. Too large a number is infinite, too small a one zero.
std::optional<double> parse_double(std::string_view text);

/// The same with a decimal comma, and points between groups of three digits before it: "1.234,5". Nothing if the text
/// has a point but no comma: it may be either.
std::optional<double> parse_comma_double(std::string_view text);

/// "<0.01", "> 100", "≤ 5": beyond a limit of detection.
struct LimitText {
  bool is_below = false;
  std::string_view limit;  // "0.01"
};
std::optional<LimitText> parse_limit(std::string_view text);

/// The fewest digits that read back to the same bits: "0.1", "1e+300", "-0", "nan", "inf".
std::string format_double(double value);

}  // namespace costate::internal
