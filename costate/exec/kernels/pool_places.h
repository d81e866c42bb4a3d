// Pools that bring a number of a result to an image: to the place of a window's maximum, or in equal parts to all of a
// window.
#pragma once

#include "costate/exec/kernels/pooling.h"

namespace costate::internal {

/// Whether no two windows have numbers in common.
inline bool are_apart(const PoolTable& table) { return !table.rows.windows_meet && !table.columns.windows_meet; }

/// How many vectors max_pool_input keeps of windows of three by three.
inline std::size_t sums_of_threes(const PoolTable& table) {
  return table.rows.numbers.size() * table.columns.windows.size();
}
/// Whether windows are three by three, as many apart both ways, and their sums stay in the second-level cache.
inline bool has_sums_of_threes(const PoolTable& table, std::size_t vector_bytes) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 20;
  const PoolTable::Ranges &rows = table.rows.windows, &columns = table.columns.windows;
  return rows.kernel == 3 && columns.kernel == 3 && rows.step == columns.step && rows.step <= 2 &&
         sums_of_threes(table) * vector_bytes <= kMostBytes;
}

/// max_pool_input.
template <class T>
void bring_to_places(const Pool<T>& pool);

/// avg_pool_input of windows that are apart.
template <class T>
void bring_to_windows(const Pool<T>& pool);

}  // namespace costate::internal
