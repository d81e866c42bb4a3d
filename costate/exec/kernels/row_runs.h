// Rows that move together. A shift or a window of a grid is a few long runs: copied and added as runs, it takes whole
// vectors, where a table of rows takes one row after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace costate::internal {

/// The rows from table[at] to table[at] + count - 1 of one side, and from `at` to at + count - 1 of the other.
struct RowRun {
  std::uint32_t place = 0, at = 0, count = 0;
};

/// The runs of a table, in its order; none if they are so short that a table does as well.
std::vector<RowRun> row_runs(std::span<const std::uint32_t> table);

/// out row `at` = x row `place`.
template <class T>
void gather_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes);

/// out row `place` += x row `at`.
template <class T>
void scatter_add_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes);

}  // namespace costate::internal
