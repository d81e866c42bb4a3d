// How many rows of an image pools keep.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>

#include "costate/plan/pooling.h"

namespace costate::internal {

/// Rows of `row_bytes` that are made ahead of what needs them, since to begin with a few takes as long as to begin with
/// one: as many as stay in a first-level cache.
constexpr std::size_t rows_ahead(std::size_t row_bytes) {
  constexpr std::size_t kMost = 8, kBytes = std::size_t{8} << 10;
  return std::clamp<std::size_t>(kBytes / std::max<std::size_t>(1, row_bytes), 1, kMost);
}

/// So many rows at once that those of the longest range and those ahead of it are among them; a power of two.
inline std::size_t ring_rows(const PoolTable::Ranges& ranges, std::size_t row_bytes) {
  std::size_t most = 1;
  for (const PoolTable::Range& range : ranges.in_order) most = std::max(most, range.count());
  return std::bit_ceil(most + rows_ahead(row_bytes));
}

}  // namespace costate::internal
