// The kernel of normalization (operations/normalize.h). A group is read up to five times, but from the first cache.
#pragma once

#include <cstddef>

namespace costate::internal {

/// Groups of n rows of x [groups * n, lanes], lane by lane. With the mean and the variance v of a group,
/// r = 1 / sqrt(v + eps) and y = r (x - mean):
///
///     out = y, or, where there is an a of the shape of x, its derivative times a,
///     out = r (a - mean(a) - y mean(y a))
///
/// Means are sums over n; a sum is four chains, row i belonging to chain i mod 4, added as (0 + 1) + (2 + 3).
template <class T>
struct GroupNormWork {
  const T* x = nullptr;
  const T* a = nullptr;
  T* out = nullptr;
  std::size_t groups = 0, n = 0, lanes = 0;
  T eps = 0;
};

template <class T>
void group_norm(const GroupNormWork<T>& work);

}  // namespace costate::internal
