// Text for messages: joining values, joining lists, and the nearest known name to a mistyped one.
#pragma once

#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace costate::text {

/// Joins its arguments into one string; numbers print with enough digits to tell them apart.
template <class... Part>
std::string concat(const Part&... part) {
  std::ostringstream out;
  out.precision(10);
  ((out << part), ...);
  return out.str();
}

/// The number as people read it in tables: "0.0123".
std::string number(double value, int digits = 4);

/// The number with as few digits as tell it from every other: "2.0000000000000004".
std::string shortest(double value);

/// "a, b, c" from a list of printable things.
template <class List>
std::string join(const List& list, std::string_view separator = ", ") {
  std::ostringstream out;
  out.precision(10);
  bool first = true;
  for (const auto& item : list) {
    if (!first) out << separator;
    out << item;
    first = false;
  }
  return out.str();
}

/// The known name nearest to `name` by edit distance, or "" if none is near (distance over 1/2 of its length).
std::string nearest(std::string_view name, std::span<const std::string> known);

/// The sentence for an unknown name: `unknown method 'dopri'; did you mean 'dopri5'? known: euler, …`.
std::string unknown_name(std::string_view what, std::string_view name, const std::vector<std::string>& known);

/// The first lines in which two texts differ; "" for one that has ended, and twice if they are equal.
std::pair<std::string, std::string> first_difference(const std::string& left, const std::string& right);

}  // namespace costate::text
