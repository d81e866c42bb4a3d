// Tables of rows that follow a rule, which generated source computes in place of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace costate::internal {

/// table[i * group + j] = first + i * row + j * column, if it is so for all.
struct AffineTable {
  std::size_t first = 0;
  std::ptrdiff_t row = 0, column = 0;
};

std::optional<AffineTable> affine(std::span<const std::uint32_t> table, std::size_t group);

/// "3 + 2 * i + j", without what is 0 or 1.
std::string position(std::size_t first, std::ptrdiff_t row, const std::string& i, std::ptrdiff_t column = 0,
                     const std::string& j = "");

}  // namespace costate::internal
