#include "costate/base/text.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace costate::text {
namespace {

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> two_above(right.size() + 1), above(right.size() + 1), row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    two_above = std::exchange(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool is_same = left[i - 1] == right[j - 1];
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (is_same ? 0 : 1)});
      if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1])
        row[j] = std::min(row[j], two_above[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string number(double value, int digits) {
  std::ostringstream out;
  out.precision(digits);
  out << value;
  return out.str();
}

std::string shortest(double value) {
  constexpr std::size_t kMostDigits = 32;
  char buffer[kMostDigits];
  return {buffer, std::to_chars(buffer, buffer + kMostDigits, value).ptr};
}

std::string nearest(std::string_view name, std::span<const std::string> known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 2) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string unknown_name(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  constexpr std::size_t kMostShown = 40;  // of a table of thousands of columns
  const std::string near = nearest(name, known);
  const std::span<const std::string> first(known.data(), std::min(known.size(), kMostShown));
  return concat("unknown ", what, " '", name, "'; ", near.empty() ? "" : concat("did you mean '", near, "'? "),
                "known: ", join(first), known.size() > kMostShown ? concat(", … (", known.size(), " in all)") : "",
                ".");
}

std::pair<std::string, std::string> first_difference(const std::string& left, const std::string& right) {
  std::istringstream lefts(left), rights(right);
  std::string line, other;
  do {
    if (!std::getline(lefts, line)) line.clear();
    if (!std::getline(rights, other)) other.clear();
  } while (line == other && (lefts || rights));
  return {line, other};
}

}  // namespace costate::text
