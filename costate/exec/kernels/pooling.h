// The kernels of the four pools.
#pragma once

#include <cstddef>

#include "costate/graph/ops.h"
#include "costate/plan/pooling.h"

namespace costate::internal {

/// What an operation of ops.def makes of an image x or v, or of a result y, lane by lane: images are
/// [channels · pixels, lanes].
///
/// Sums run along columns, then along rows, each in order; those of avg_pool and avg_pool_input are multiplied by
/// 1 / (the window's size) at the end.
template <class T>
struct Pool {
  const PoolTable* table = nullptr;
  std::size_t lanes = 1;
  const T* first = nullptr;   // the first operand
  const T* second = nullptr;  // the last one, which may be the first
  T* out = nullptr;
  T* scratch = nullptr;  // pool_scratch() numbers
};

template <class T>
std::size_t pool_scratch(Op op, const PoolTable& table, std::size_t lanes);
template <class T>
void pool(Op op, const Pool<T>& pool);

}  // namespace costate::internal
