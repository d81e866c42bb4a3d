#include "costate/exec/kernels/lane_lu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/lane_lu.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include <algorithm>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// A vector of neighbouring lanes of a matrix or a vector, whose numbers are `lanes` apart.
template <class D>
struct Lanes {
  using T = hn::TFromD<D>;
  using V = VecOf<D>;
  D d;
  std::size_t n, lanes;

  V load(const T* x, std::size_t i) const { return hn::LoadU(d, x + i * lanes); }
  void store(V value, T* x, std::size_t i) const { hn::StoreU(value, d, x + i * lanes); }
  V entry(const T* a, std::size_t row, std::size_t column) const { return load(a, row * n + column); }

  /// Swaps rows k and `row` where `pivot` says so, with all that stands in them.
  HWY_INLINE void swap_rows(T* a, std::size_t k, std::size_t row, V pivot) const {
    const auto is_row = hn::Eq(pivot, hn::Set(d, static_cast<T>(row)));
    if (hn::AllFalse(d, is_row)) return;
    const auto swap = [&](std::size_t here, std::size_t there) HWY_ATTR {
      const V x = load(a, here), y = load(a, there);
      store(hn::IfThenElse(is_row, y, x), a, here);
      store(hn::IfThenElse(is_row, x, y), a, there);
    };
    for (std::size_t j = 0; j < n; ++j) swap(k * n + j, row * n + j);
    swap(n * n + k, n * n + row);
  }

  HWY_INLINE void pivot_column(T* a, std::size_t k) const {
    V largest = hn::Abs(entry(a, k, k)), pivot = hn::Set(d, static_cast<T>(k));
    for (std::size_t row = k + 1; row < n; ++row) {
      const V size = hn::Abs(entry(a, row, k));
      const auto is_larger = hn::Gt(size, largest);
      largest = hn::IfThenElse(is_larger, size, largest);
      pivot = hn::IfThenElse(is_larger, hn::Set(d, static_cast<T>(row)), pivot);
    }
    if (hn::AllTrue(d, hn::Eq(pivot, hn::Set(d, static_cast<T>(k))))) return;
    for (std::size_t row = k + 1; row < n; ++row) swap_rows(a, k, row, pivot);
  }

  HWY_INLINE void factor(const T* from, T* a) const {
    for (std::size_t i = 0; i < n * n; ++i) store(load(from, i), a, i);
    for (std::size_t i = 0; i < n; ++i) store(hn::Set(d, static_cast<T>(i)), a, n * n + i);
    for (std::size_t k = 0; k < n; ++k) {
      pivot_column(a, k);
      const V inverse = hn::Div(hn::Set(d, T{1}), entry(a, k, k));
      store(inverse, a, k * n + k);
      for (std::size_t row = k + 1; row < n; ++row) {
        const V factor = hn::Mul(entry(a, row, k), inverse);
        store(factor, a, row * n + k);
        eliminate(a, k, row, factor);
      }
    }
  }

  HWY_INLINE void eliminate(T* a, std::size_t k, std::size_t row, V factor) const {
    for (std::size_t j = k + 1; j < n; ++j)
      store(hn::NegMulAdd(factor, entry(a, k, j), entry(a, row, j)), a, row * n + j);
  }

  /// Calls move(i, lane, row of A) for each place whose row of A is not i.
  template <class Move>
  HWY_INLINE bool has_swaps(const T* a, Move move) const {
    auto same = hn::Eq(hn::Zero(d), hn::Zero(d));
    for (std::size_t i = 0; i < n; ++i) same = hn::And(same, hn::Eq(load(a, n * n + i), hn::Set(d, static_cast<T>(i))));
    if (hn::AllTrue(d, same)) return false;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane)
        move(i, lane, static_cast<std::size_t>(a[(n * n + i) * lanes + lane]));
    return true;
  }

  HWY_INLINE void solve(const T* a, const T* b, T* x) const {
    const bool is_placed = has_swaps(
        a, [&](std::size_t i, std::size_t lane, std::size_t row) { x[i * lanes + lane] = b[row * lanes + lane]; });
    for (std::size_t i = 0; i < n; ++i) {
      V sum = load(is_placed ? x : b, i);
      for (std::size_t j = 0; j < i; ++j) sum = hn::NegMulAdd(entry(a, i, j), load(x, j), sum);
      store(sum, x, i);
    }
    for (std::size_t i = n; i-- > 0;) {
      V sum = load(x, i);
      for (std::size_t j = i + 1; j < n; ++j) sum = hn::NegMulAdd(entry(a, i, j), load(x, j), sum);
      store(hn::Mul(sum, entry(a, i, i)), x, i);
    }
  }

  /// A^T = U^T L^T P.
  HWY_INLINE void solve_transposed(const T* a, const T* b, T* x) const {
    for (std::size_t i = 0; i < n; ++i) {
      V sum = load(b, i);
      for (std::size_t j = 0; j < i; ++j) sum = hn::NegMulAdd(entry(a, j, i), load(x, j), sum);
      store(hn::Mul(sum, entry(a, i, i)), x, i);
    }
    for (std::size_t i = n; i-- > 0;) {
      V sum = load(x, i);
      for (std::size_t j = i + 1; j < n; ++j) sum = hn::NegMulAdd(entry(a, j, i), load(x, j), sum);
      store(sum, x, i);
    }
    for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane) restore_order(a, x, lane);
  }

  /// x[row of A] = x[i] in one lane, along the cycles of the permutation. A cycle is moved from its smallest place on.
  HWY_INLINE void restore_order(const T* a, T* x, std::size_t lane) const {
    const auto row_of = [&](std::size_t i) { return static_cast<std::size_t>(a[(n * n + i) * lanes + lane]); };
    for (std::size_t start = 0; start < n; ++start) {
      std::size_t i = row_of(start);
      while (i > start) i = row_of(i);
      if (i < start) continue;  // moved with the cycle's smallest place
      T carried = x[start * lanes + lane];
      for (i = row_of(start); i != start; i = row_of(i)) {
        const T here = x[i * lanes + lane];
        x[i * lanes + lane] = carried;
        carried = here;
      }
      x[start * lanes + lane] = carried;
    }
  }
};

/// The same of one matrix, row by row of vectors: the same operations on each number.
template <class D>
HWY_INLINE void eliminate_rows(D d, hn::TFromD<D>* a, std::size_t n, std::size_t k) {
  using T = hn::TFromD<D>;
  const T inverse = T{1} / a[k * n + k];
  a[k * n + k] = inverse;
  const T* pivot = a + k * n + k + 1;
  for (std::size_t row = k + 1; row < n; ++row) {
    const T factor = a[row * n + k] * inverse;
    a[row * n + k] = factor;
    T* rest = a + row * n + k + 1;
    for_vectors(d, n - k - 1, [&](std::size_t, auto load, auto store) HWY_ATTR {
      store(hn::NegMulAdd(hn::Set(d, factor), load(pivot), load(rest)), rest);
    });
  }
}

template <class T>
void factor_one(const T* from, T* a, std::size_t n) {
  const Lanes<hn::CappedTag<T, 1>> one{{}, n, 1};
  std::copy_n(from, n * n, a);
  for (std::size_t i = 0; i < n; ++i) a[n * n + i] = static_cast<T>(i);
  for (std::size_t k = 0; k < n; ++k) {
    one.pivot_column(a, k);
    eliminate_rows(hn::ScalableTag<T>(), a, n, k);
  }
}

/// Calls run(Lanes, first lane) for all lanes: whole vectors, then halves of them.
template <class T, std::size_t kWidth, class Run>
HWY_INLINE void for_blocks(std::size_t n, std::size_t lanes, std::size_t first, Run run) {
  const hn::CappedTag<T, kWidth> d;
  for (; first + hn::Lanes(d) <= lanes; first += hn::Lanes(d)) run(Lanes<decltype(d)>{d, n, lanes}, first);
  if constexpr (kWidth > 1)
    if (first < lanes) for_blocks<T, kWidth / 2>(n, lanes, first, run);
}

template <class T, class Run>
HWY_INLINE void for_all_blocks(std::size_t n, std::size_t lanes, Run run) {
  for_blocks<T, 64 / sizeof(T)>(n, lanes, 0, run);
}

template <class T>
void factor_all(const T* a, T* factors, std::size_t n, std::size_t lanes) {
  if (lanes == 1) return factor_one(a, factors, n);
  for_all_blocks<T>(n, lanes,
                    [&](auto block, std::size_t first) HWY_ATTR { block.factor(a + first, factors + first); });
}

template <class T>
void solve_all(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {
  for_all_blocks<T>(
      n, lanes, [&](auto block, std::size_t first) HWY_ATTR { block.solve(factors + first, b + first, x + first); });
}

template <class T>
void solve_all_transposed(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {
  for_all_blocks<T>(n, lanes, [&](auto block, std::size_t first) HWY_ATTR {
    block.solve_transposed(factors + first, b + first, x + first);
  });
}

#define COSTATE_LANE_LU(T, suffix)                                                                                     \
  void factor_##suffix(const T* a, T* factors, std::size_t n, std::size_t lanes) { factor_all(a, factors, n, lanes); } \
  void solve_##suffix(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {                          \
    solve_all(factors, b, x, n, lanes);                                                                                \
  }                                                                                                                    \
  void transposed_##suffix(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {                     \
    solve_all_transposed(factors, b, x, n, lanes);                                                                     \
  }
COSTATE_LANE_LU(float, f32)
COSTATE_LANE_LU(double, f64)
#undef COSTATE_LANE_LU

}  // namespace
}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

#define COSTATE_LANE_LU(T, suffix)                                                                    \
  HWY_EXPORT(factor_##suffix);                                                                        \
  HWY_EXPORT(solve_##suffix);                                                                         \
  HWY_EXPORT(transposed_##suffix);                                                                    \
  template <>                                                                                         \
  void factor_lanes(const T* a, T* factors, std::size_t n, std::size_t lanes) {                       \
    HWY_DYNAMIC_DISPATCH(factor_##suffix)(a, factors, n, lanes);                                      \
  }                                                                                                   \
  template <>                                                                                         \
  void solve_lanes(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {            \
    HWY_DYNAMIC_DISPATCH(solve_##suffix)(factors, b, x, n, lanes);                                    \
  }                                                                                                   \
  template <>                                                                                         \
  void solve_transposed_lanes(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) { \
    HWY_DYNAMIC_DISPATCH(transposed_##suffix)(factors, b, x, n, lanes);                               \
  }
COSTATE_LANE_LU(float, f32)
COSTATE_LANE_LU(double, f64)
#undef COSTATE_LANE_LU

}  // namespace costate::internal
#endif
