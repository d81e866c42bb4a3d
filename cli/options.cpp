#include "cli/options.h"

#include <charconv>
#include <cmath>

#include "costate/base/base.h"

namespace costate::cli {
namespace {

template <class Number>
bool read_whole(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end;
}

std::string describe(const IntegerRange& range) {
  const bool has_low = range.low != std::numeric_limits<std::int64_t>::min();
  const bool has_high = range.high != std::numeric_limits<std::int64_t>::max();
  if (has_low && has_high) return text::concat("a whole number between ", range.low, " and ", range.high);
  if (has_low) return text::concat("a whole number of at least ", range.low);
  return "a whole number";
}

}  // namespace

std::int64_t to_integer(const std::string& option, const std::string& text, const IntegerRange& range) {
  std::int64_t value = 0;
  if (!read_whole(text, value) || value < range.low || value > range.high)
    throw InvalidArgument(option, " takes ", describe(range), "; got '", text, "'.");
  return value;
}

double to_number(const std::string& option, const std::string& text) {
  double value = 0;
  if (!read_whole(text, value) || !std::isfinite(value))
    throw InvalidArgument(option, " takes a number; got '", text, "'.");
  return value;
}

double to_share(const std::string& option, const std::string& text) {
  const bool is_percent = !text.empty() && text.back() == '%';
  double value = 0;
  if (!read_whole(is_percent ? text.substr(0, text.size() - 1) : text, value) || !std::isfinite(value))
    throw InvalidArgument(option, " takes a share such as 20% or 0.2; got '", text, "'.");
  if (is_percent) value /= 100;
  if (value < 0 || value >= 1) throw InvalidArgument(option, " must be at least 0% and below 100%; got '", text, "'.");
  return value;
}

std::vector<std::string> to_names(const std::string& option, const std::string& text) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::size_t first = text.find_first_not_of(' ', begin),
                      last = text.find_last_not_of(' ', end == 0 ? 0 : end - 1);
    if (first >= end || last == std::string::npos)
      throw InvalidArgument(option, " takes names separated by commas; got '", text, "'.");
    names.push_back(text.substr(first, last - first + 1));
    begin = end + 1;
  }
  return names;
}

std::vector<std::int64_t> to_integers(const std::string& option, const std::string& text, const IntegerRange& range) {
  std::vector<std::int64_t> values;
  for (const std::string& name : to_names(option, text)) values.push_back(to_integer(option, name, range));
  return values;
}

}  // namespace costate::cli
