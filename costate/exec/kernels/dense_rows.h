// Many outputs within one step of one lane.
#pragma once

#include <cstddef>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// States of lane `lane` at `times` [count] within its step, out [count, rows]: those of dense_combine, to the bit,
/// with times in a vector's lanes. Of `dense` time and out are not read.
template <class T>
struct DenseRows {
  DenseOutput<T> dense = {};
  std::size_t lane = 0;
  const double* times = nullptr;
  std::size_t count = 0;
  T* out = nullptr;
};
template <class T>
void dense_rows(const DenseRows<T>& rows);

}  // namespace costate::internal
