// Sums and maxima of windows of three by three numbers, one or two apart, in registers: some columns of windows go down
// the rows together, so that a number is loaded once for all windows in a row, and a row is joined once for all below.
// Included once per instruction set by the kernels' sources (Highway's foreach_target).
#if defined(COSTATE_POOL_THREES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_POOL_THREES_INL
#undef COSTATE_POOL_THREES_INL
#else
#define COSTATE_POOL_THREES_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <limits>
#include <type_traits>

#include "costate/exec/kernels/pooling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Ranges of three numbers along an axis, one or two apart. The first may begin one number before the axis and the last
/// may end one behind it.
struct Threes {
  std::size_t length = 0, count = 0, padding = 0;
};

inline bool are_threes(const PoolTable::Ranges& ranges, std::size_t length) {
  return ranges.kernel == 3 && ranges.step <= 2 && ranges.padding <= 1 &&
         static_cast<std::int64_t>(ranges.size() - 1) * ranges.step - ranges.padding + 2 <=
             static_cast<std::int64_t>(length);
}

inline Threes threes_of(const PoolTable::Ranges& ranges, std::size_t length) {
  return {length, ranges.size(), static_cast<std::size_t>(ranges.padding)};
}

/// Neighbouring columns of an image, row by row. What is outside is a vector that stands elsewhere.
template <std::size_t kCount, class L>
struct ImageColumns {
  using T = typename L::T;
  using V = typename L::V;

  L lanes;
  const T *first, *second, *last;
  std::size_t step, row_step, first_row_step, last_row_step;

  /// From column `from` on, or from the one before the first.
  ImageColumns(L lanes, const T* x, std::ptrdiff_t from, std::size_t length, std::size_t step, const T* before,
               const T* behind)
      : lanes(lanes), step(step), row_step(length * step) {
    const bool is_before =
        from<0, is_behind = from + static_cast<std::ptrdiff_t>(kCount)> static_cast<std::ptrdiff_t>(length);
    second = x + static_cast<std::size_t>(from + 1) * step;
    first = is_before ? before : second - step;
    last = is_behind ? behind : second + (kCount - 2) * step;
    first_row_step = is_before ? 0 : row_step;
    last_row_step = is_behind ? 0 : row_step;
  }
  HWY_INLINE void load(std::size_t row, V (&x)[kCount]) const {
    x[0] = lanes.load(first + row * first_row_step);
    const T* from = second + row * row_step;
#pragma GCC unroll 16
    for (std::size_t k = 1; k + 1 < kCount; ++k, from += step) x[k] = lanes.load(from);
    x[kCount - 1] = lanes.load(last + row * last_row_step);
  }
};

/// The sum of two vectors as 1 a + b, which is the same number: a machine may have units for multiply-adds besides
/// those for additions and maxima.
template <class D>
struct Added {
  VecOf<D> one;
  HWY_INLINE explicit Added(D d) : one(in_register(hn::Set(d, hn::TFromD<D>{1}))) {}
  HWY_INLINE VecOf<D> operator()(VecOf<D> a, VecOf<D> b) const { return hn::MulAdd(a, one, b); }
};

template <class D>
struct MeanOfThrees {
  using V = VecOf<D>;
  static constexpr bool kFindsNan = false;
  static HWY_INLINE V none(D d) { return hn::Set(d, -hn::TFromD<D>{0}); }  // which adds nothing, not even to -0
  V share;
  Added<D> added;
  HWY_INLINE V join(V sum, V next) const { return hn::Add(sum, next); }
  HWY_INLINE V join_other(V sum, V next) const { return added(sum, next); }
  HWY_INLINE V finish(V sum) const { return hn::Mul(sum, share); }
};

/// Of numbers that are not NaN.
template <class D>
struct LargestOfThrees {
  using V = VecOf<D>;
  static constexpr bool kFindsNan = true;
  static HWY_INLINE V none(D d) { return hn::Set(d, -std::numeric_limits<hn::TFromD<D>>::infinity()); }
  HWY_INLINE V join(V largest, V next) const {
    return hn::Max(next, largest);
  }  // the machine takes the second of equals
  HWY_INLINE V join_other(V largest, V next) const { return join(largest, next); }
  HWY_INLINE V finish(V largest) const { return largest; }
};

/// The three numbers of each window in a row, joined.
template <std::size_t kStride, std::size_t kColumns, class Value, class V>
HWY_INLINE void join_three(const Value& value, const V* x, V (&joined)[kColumns]) {
#pragma GCC unroll 8
  for (std::size_t k = 0; k < kColumns; ++k) {
    const std::size_t at = k * kStride;
    if constexpr (Value::kFindsNan && kStride == 1) {  // the order does not matter: neighbours share a pair
      const bool is_even = k % 2 == 0;
      if (!is_even)
        joined[k] = value.join(value.join(x[at], x[at + 1]), x[at + 2]);
      else
        joined[k] = value.join(x[at], value.join(x[at + 1], x[at + 2]));
    } else {
      joined[k] = value.join_other(value.join(x[at], x[at + 1]), x[at + 2]);
    }
  }
}

template <class L, class Value>
struct JoinedThrees {
  using T = typename L::T;
  using V = typename L::V;

  L lanes;
  Value value;
  Threes rows, columns;
  std::size_t step;
  const T* none;  // a vector of them

  /// Some columns of windows from one on. What is not NaN if no number is is added to `nan`.
  template <std::size_t kStride, std::size_t kColumns>
  HWY_INLINE void run_stripe(const T* x, T* out, std::size_t from, V& nan) const {
    constexpr std::size_t kLoaded = (kColumns - 1) * kStride + 3;
    const JoinedThrees local = *this;
    const ImageColumns<kLoaded, L> image(
        lanes, x, static_cast<std::ptrdiff_t>(from * kStride) - static_cast<std::ptrdiff_t>(columns.padding),
        columns.length, step, none, none);
    V found = nan;
    const Added<decltype(lanes.d)> added(lanes.d);
    const auto load = [&](std::size_t row, V(&joined)[kColumns]) HWY_ATTR {
      V loaded[kLoaded];
      image.load(row, loaded);
      if constexpr (Value::kFindsNan) {
        V all = loaded[1];
#pragma GCC unroll 16
        for (std::size_t k = 2; k < kLoaded; ++k) all = added(loaded[k], all);
        found = added(all, found);  // the only sum that waits for the row before
      }
      join_three<kStride>(local.value, loaded, joined);
    };
    V last[kColumns], next[kColumns], pair[kColumns];
    T* to = out + from * local.step;
    const auto store = [&](const V(&windows)[kColumns]) HWY_ATTR {
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kColumns; ++k) local.lanes.store(local.value.finish(windows[k]), to + k * local.step);
      to += local.columns.count * local.step;
    };
    std::size_t row = 0, window = 0;
    if constexpr (kStride == 1) {
      load(row++, last);
#pragma GCC unroll 8
      for (std::size_t k = 0; k < kColumns; ++k) pair[k] = last[k];
      if (local.rows.padding == 0) {
        load(row++, last);
#pragma GCC unroll 8
        for (std::size_t k = 0; k < kColumns; ++k) pair[k] = local.value.join(pair[k], last[k]);
      }
      for (; row < local.rows.length; ++row, ++window) {
        load(row, next);
        V joined[kColumns];
#pragma GCC unroll 8
        for (std::size_t k = 0; k < kColumns; ++k) {
          joined[k] = local.value.join(pair[k], next[k]);
          pair[k] = local.value.join_other(last[k], next[k]);
          last[k] = next[k];
        }
        store(joined);
      }
      if (window < local.rows.count) store(pair);
    } else {
      if (local.rows.padding == 0)
        load(row++, last);
      else
#pragma GCC unroll 8
        for (std::size_t k = 0; k < kColumns; ++k) last[k] = Value::none(local.lanes.d);
      for (; window < local.rows.count; ++window, row += 2) {
        load(row, next);
#pragma GCC unroll 8
        for (std::size_t k = 0; k < kColumns; ++k) pair[k] = local.value.join_other(last[k], next[k]);
        if (row + 1 < local.rows.length) {
          load(row + 1, last);
#pragma GCC unroll 8
          for (std::size_t k = 0; k < kColumns; ++k) pair[k] = local.value.join(pair[k], last[k]);
        }
        store(pair);
      }
    }
    nan = found;
  }

  /// Whether all numbers are numbers; else the result of a maximum is nothing.
  template <std::size_t kStride>
  HWY_NOINLINE bool run(const T* x, T* out) const {
    constexpr std::size_t kBlock = 4;
    V nan = hn::Zero(lanes.d);
    std::size_t from = 0;
    for (; from + kBlock <= columns.count; from += kBlock) run_stripe<kStride, kBlock>(x, out, from, nan);
    if (columns.count - from == 3) run_stripe<kStride, 3>(x, out, from, nan);
    if (columns.count - from == 2) run_stripe<kStride, 2>(x, out, from, nan);
    if (columns.count - from == 1) run_stripe<kStride, 1>(x, out, from, nan);
    if constexpr (Value::kFindsNan) {
      if (columns.padding == 0)  // the first column, the first of its stripe
        for (std::size_t row = 0; row < rows.length; ++row)
          nan = hn::Add(nan, lanes.load(x + row * columns.length * step));
      return hn::AllFalse(lanes.d, hn::IsNaN(nan));
    }
    return true;
  }
};

/// avg_pool_input of windows two apart: along an axis, every second number is in one window and the others in two.
template <class L>
struct SpreadThrees {
  using T = typename L::T;
  using V = typename L::V;

  L lanes;
  Threes rows, columns;
  std::size_t step;
  V share;

  /// A row that is in the windows of one row, or of two.
  template <std::size_t kRows>
  HWY_INLINE void run_row(const T* y, T* out) const {
    const SpreadThrees local = *this;
    const Added<decltype(lanes.d)> added(lanes.d);
    const std::size_t row_step = local.columns.count * local.step;
    V last[kRows], next[kRows], sum[kRows];
    const auto store = [&](const V(&parts)[kRows]) HWY_ATTR {
      V value = parts[0];
      if constexpr (kRows == 2) value = added(value, parts[1]);
      local.lanes.store(hn::Mul(value, local.share), out);
      out += local.step;
    };
    T* const end = out + local.columns.length * local.step;
    for (std::size_t i = 0; i < kRows; ++i) last[i] = local.lanes.load(y + i * row_step);
    if (local.columns.padding == 0) store(last);
    store(last);
    for (std::size_t j = 1; j < local.columns.count; ++j) {
      y += local.step;
      for (std::size_t i = 0; i < kRows; ++i) {
        next[i] = local.lanes.load(y + i * row_step);
        sum[i] = hn::Add(last[i], next[i]);
        last[i] = next[i];
      }
      store(sum);
      store(last);
    }
    if (out < end) store(last);
    for (; out < end; out += local.step) local.lanes.store(hn::Zero(local.lanes.d), out);
  }

  HWY_NOINLINE void run(const T* y, T* out) const {
    const std::size_t y_step = columns.count * step, row_step = columns.length * step;
    T* const end = out + rows.length * row_step;
    const auto one = [&](const T* from) HWY_ATTR {
      run_row<1>(from, out);
      out += row_step;
    };
    if (rows.padding == 0) one(y);
    one(y);
    for (std::size_t i = 1; i < rows.count; ++i, y += y_step) {
      run_row<2>(y, out);
      out += row_step;
      one(y + y_step);
    }
    if (out < end) one(y);
    for (; out < end; out += step) lanes.store(hn::Zero(lanes.d), out);
  }
};

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
