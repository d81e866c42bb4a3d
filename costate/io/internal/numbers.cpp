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

std::optional<double> parse_plain(std::string_view text) {
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

constexpr std::string_view kDigits = "0123456789";

/// With e before an exponent, and a hyphen for a minus.
std::string in_usual_form(std::string_view text) {
  constexpr std::string_view kMinus = "\xE2\x88\x92";
  std::string usual(text);
  if (text.starts_with(kMinus)) usual.replace(0, kMinus.size(), "-");
  const std::size_t exponent = usual.find_last_not_of(kDigits);
  if (exponent == std::string::npos || exponent == 0) return usual;
  const bool has_sign = usual[exponent] == '+' || usual[exponent] == '-';
  const std::size_t letter = has_sign ? exponent - 1 : exponent;
  if ((usual[letter] == 'D' || usual[letter] == 'd') && letter > 0 && exponent + 1 < usual.size())
    usual[letter] = 'e';
  else if (has_sign && usual.size() - exponent == 4 && usual.find('.') < exponent)  // three digits leave no room
    usual.insert(exponent, 1, 'e');
  return usual;
}

/// Whether there is a group of one to three digits, perhaps behind a sign, then groups of three behind commas.
bool are_groups(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  for (bool is_first = true;; is_first = false) {
    const std::size_t length = std::min(text.find_first_not_of(kDigits), text.size());
    if (is_first ? length < 1 || length > 3 || text[0] == '0' : length != 3) return false;
    text.remove_prefix(length);
    if (text.empty()) return !is_first;
    if (text[0] != ',') return false;
    text.remove_prefix(1);
  }
}

/// The text without the marks between groups of three digits, "123 456,5" or "1'234.5": a blank, one that does not
/// break or is narrow, also in Latin-1, or an apostrophe. The text itself if it has none, or no such groups.
std::string without_group_marks(std::string_view text) {
  constexpr std::string_view kMarks[] = {" ", "'", "\xC2\xA0", "\xE2\x80\xAF", "\xE2\x80\x89", "\xE2\x80\x99", "\xA0"};
  const std::size_t begin = text.find_first_of(kDigits), end = text.find_first_not_of(kDigits, begin);
  if (begin > 1 || end == std::string_view::npos || end - begin > 3) return std::string(text);
  for (const std::string_view mark : kMarks) {
    std::string plain(text.substr(0, end));
    std::string_view rest = text.substr(end);
    const auto has_group = [&] {
      return rest.starts_with(mark) && rest.size() >= mark.size() + 3 &&
             rest.substr(mark.size(), 3).find_first_not_of(kDigits) == std::string_view::npos;
    };
    while (has_group()) {
      plain += rest.substr(mark.size(), 3);
      rest.remove_prefix(mark.size() + 3);
    }
    const bool is_all = rest.empty() || rest[0] == '.' || rest[0] == ',';
    if (is_all && plain.size() > end) return plain.append(rest);
  }
  return std::string(text);
}

}  // namespace

std::optional<double> parse_double(std::string_view text) {
  if (const auto value = parse_plain(text)) return value;
  const std::string usual = in_usual_form(text);
  return usual == text ? std::nullopt : parse_plain(usual);
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

std::optional<double> parse_thousands_double(std::string_view text) {
  const std::string_view whole = text.substr(0, text.find('.'));
  if (!are_groups(whole)) return std::nullopt;
  std::string plain(text);
  std::erase(plain, ',');
  return parse_double(plain);
}

std::optional<double> parse_number(std::string_view text, NumberStyle style) {
  const std::string plain = without_group_marks(text);
  if (style == NumberStyle::kComma) return parse_comma_double(plain);
  if (style == NumberStyle::kThousands)
    if (const auto value = parse_thousands_double(plain)) return value;
  return parse_double(plain);
}

NumberStyle style_of(std::span<const std::string> cells, char delimiter) {
  bool has_comma = false;
  for (const std::string& cell : cells) {
    const auto limit = parse_limit(cell);
    const std::string text = without_group_marks(limit ? limit->limit : std::string_view(cell));
    const auto commas = std::ranges::count(text, ',');
    if (commas == 0) continue;
    const bool may_be_thousands = parse_thousands_double(text).has_value();
    if (may_be_thousands && (commas > 1 || text.find('.') != std::string::npos)) return NumberStyle::kThousands;
    has_comma = has_comma || (parse_comma_double(text) && (delimiter != ',' || !may_be_thousands));
  }
  return has_comma ? NumberStyle::kComma : NumberStyle::kPoint;
}

std::optional<double> parse_truth(std::string_view text) {
  for (const std::string_view word : {"true", "True", "TRUE"})
    if (text == word) return 1;
  for (const std::string_view word : {"false", "False", "FALSE"})
    if (text == word) return 0;
  return std::nullopt;
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
