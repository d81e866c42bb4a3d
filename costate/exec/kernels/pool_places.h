// Pools that bring a number of a result to an image: to the place of a window's maximum, or in equal parts to all of a
// window.
#pragma once

#include "costate/exec/kernels/pooling.h"

namespace costate::internal {

/// Whether no two windows have numbers in common.
inline bool are_apart(const PoolTable& table) {
  return !table.rows.numbers.overlap && !table.columns.numbers.overlap && !table.rows.windows.overlap &&
         !table.columns.windows.overlap;
}

/// max_pool_input.
template <class T>
void bring_to_places(const Pool<T>& pool);

/// avg_pool_input of windows that are apart.
template <class T>
void bring_to_windows(const Pool<T>& pool);

}  // namespace costate::internal
