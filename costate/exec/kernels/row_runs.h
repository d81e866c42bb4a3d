// Rows that move together. A shift or a window of a grid is a few long runs, and a column that is spread over a matrix
// is each of its numbers many times: copied and added as runs, this takes whole vectors, where a table of rows takes
// one row after the other.
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

/// The same for tables that name one row many times in a row: all rows of a run are `place`.
std::vector<RowRun> repeated_rows(std::span<const std::uint32_t> table);

/// out row `at` = x row `place`.
template <class T>
void gather_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes);

/// out rows `at` … at + count - 1 = x row `place`.
template <class T>
void gather_repeated(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes);

/// out row `place` += x row `at`.
template <class T>
void scatter_add_runs(const T* x, std::span<const RowRun> runs, T* out, std::size_t lanes);

}  // namespace costate::internal
