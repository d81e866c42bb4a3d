#include "costate/source/internal/affine_table.h"

#include <vector>

#include "costate/base/text.h"

namespace costate::internal {

std::optional<AffineTable> affine(std::span<const std::uint32_t> table, std::size_t group) {
  const auto at = [&](std::size_t i) { return static_cast<std::ptrdiff_t>(table[i]); };
  AffineTable found{.first = table[0]};
  if (group > 1) found.column = at(1) - at(0);
  if (table.size() > group) found.row = at(group) - at(0);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::ptrdiff_t expected = static_cast<std::ptrdiff_t>(found.first) +
                                    static_cast<std::ptrdiff_t>(i / group) * found.row +
                                    static_cast<std::ptrdiff_t>(i % group) * found.column;
    if (at(i) != expected) return std::nullopt;
  }
  return found;
}

namespace {

std::string term(std::ptrdiff_t factor, const std::string& index) {
  return factor == 1 ? index : text::concat(factor, " * ", index);
}

}  // namespace

std::string position(std::size_t first, std::ptrdiff_t row, const std::string& i, std::ptrdiff_t column,
                     const std::string& j) {
  std::vector<std::string> terms;
  if (first > 0) terms.push_back(std::to_string(first));
  if (row != 0) terms.push_back(term(row, i));
  if (column != 0) terms.push_back(term(column, j));
  return terms.empty() ? "0" : text::join(terms, " + ");
}

}  // namespace costate::internal
