// Doubles as text and back, the same in every locale.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace costate::internal {

/// The whole of `text` as a decimal number, or nothing. Too large a number is infinite, too small a one zero. An
/// exponent may be Fortran's (1.0D+03, 1.0-103), and a minus typography's.
std::optional<double> parse_double(std::string_view text);

/// The same with a decimal comma, and points between groups of three digits before it: "1.234,5". Nothing if the text
/// has a point but no comma: it may be either.
std::optional<double> parse_comma_double(std::string_view text);

/// "1,234.5": a decimal point, and commas between groups of three digits before it, at least one.
std::optional<double> parse_thousands_double(std::string_view text);

/// How the numbers of a column are written. Groups of three digits may be set apart by blanks or apostrophes in all.
enum class NumberStyle { kPoint, kComma, kThousands };
std::optional<double> parse_number(std::string_view text, NumberStyle style);

/// The style of cells that are, or are not, set apart by commas. "1,234" alone may be either: it has a decimal comma
/// where commas do not delimit, and is no number where they do.
NumberStyle style_of(std::span<const std::string> cells, char delimiter);

/// 1 for "true", 0 for "false", in small letters, capitals or with one capital; nothing for anything else.
std::optional<double> parse_truth(std::string_view text);

/// "<0.01", "> 100", "≤ 5": beyond a limit of detection.
struct LimitText {
  bool is_below = false;
  std::string_view limit;  // "0.01"
};
std::optional<LimitText> parse_limit(std::string_view text);

/// The fewest digits that read back to the same bits: "0.1", "1e+300", "-0", "nan", "inf".
std::string format_double(double value);

}  // namespace costate::internal
