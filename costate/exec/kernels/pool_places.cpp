// Windows that are apart are read and stored at once. Where they have numbers in common, those of a row are compared
// along the columns once, for all windows, and stay in the first-level cache with their places, until the windows are
// compared along the rows; what is brought to a row goes on along the columns when its last window is done.
#include "costate/exec/kernels/pool_places.h"

#include <algorithm>
#include <type_traits>

#include "costate/exec/kernels/ring_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/pool_places.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/place_threes-inl.h"
#include "costate/exec/kernels/pooling-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

using Run = PoolTable::Run;
using Range = PoolTable::Range;

/// A vector of a small whole number.
template <class D>
HWY_INLINE VecOf<D> number(D d, std::int64_t k) {
  return hn::Set(d, static_cast<hn::TFromD<D>>(static_cast<std::int32_t>(k)));
}

// ---- windows apart: all of a window is stored

template <bool kIsMean, std::size_t kRows, std::size_t kColumns, class L, class T>
HWY_INLINE void bring_to_window(L lanes, const T* x, const T* y, T* out, std::size_t num_rows, std::size_t num_columns,
                                std::size_t row_step, std::size_t step, typename L::V share) {
  using V = typename L::V;
  const auto d = lanes.d;
  const std::size_t rows = kRows == 0 ? num_rows : kRows, columns = kColumns == 0 ? num_columns : kColumns;
  V brought = lanes.load(y), place = hn::Zero(d);
  if constexpr (kIsMean) {
    brought = hn::Mul(brought, share);
  } else {
    V largest = lanes.load(x);
#pragma GCC unroll 3
    for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 3
      for (std::size_t j = i == 0 ? 1 : 0; j < columns; ++j) {
        const V next = lanes.load(x + i * row_step + j * step);
        const auto is_kept = stays(d, largest, next);
        largest = hn::IfThenElse(is_kept, largest, next);
        place = hn::IfThenElse(is_kept, place, number(d, static_cast<std::int64_t>(i * columns + j)));
      }
  }
#pragma GCC unroll 3
  for (std::size_t i = 0; i < rows; ++i)
#pragma GCC unroll 3
    for (std::size_t j = 0; j < columns; ++j) {
      V part = brought;
      if constexpr (!kIsMean)
        part = hn::IfThenElseZero(hn::Eq(place, number(d, static_cast<std::int64_t>(i * columns + j))), brought);
      lanes.store(part, out + i * row_step + j * step);
    }
}

template <bool kIsMean, class L, class T>
HWY_NOINLINE void run_apart(const Pool<T>& pool, L lanes, std::size_t first, std::size_t channels) {
  const PoolTable& table = *pool.table;
  const std::size_t step = pool.lanes, row_step = table.columns.numbers.size() * step;
  const std::size_t channel_step = table.rows.numbers.size() * row_step;
  const std::size_t y_row_step = table.columns.windows.size() * step;
  const auto share = hn::Set(lanes.d, static_cast<T>(1.0 / static_cast<double>(table.window_size)));
  const bool has_gaps = table.rows.numbers.have_gaps || table.columns.numbers.have_gaps;
  const std::size_t y_step = table.rows.windows.size() * y_row_step, at_once = table.rows_divide ? channels : 1;
  const T* x = pool.first + lanes.lane + (kIsMean ? 0 : first * channel_step);
  const T* y = pool.second + lanes.lane + first * y_step;
  T* out = pool.out + lanes.lane + first * channel_step;
  for (std::size_t channel = 0; channel < channels; channel += at_once) {
    if (has_gaps)
      for (std::size_t place = 0; place < at_once * channel_step; place += step)
        lanes.store(hn::Zero(lanes.d), out + place);
    for (Run down : table.rows.windows.runs) {
      down.num *= static_cast<std::uint32_t>(at_once);
      for (const Run& across : table.columns.windows.runs) {
        const auto run = [=](auto rows, auto columns) HWY_ATTR {
          for (std::size_t i = 0; i < down.num; ++i) {
            std::size_t at = (down.from + i * down.from_step) * row_step + across.from * step;
            const T* from = y + (down.to + i) * y_row_step + across.to * step;
            for (std::size_t j = 0; j < across.num; ++j, at += across.from_step * step, from += step)
              bring_to_window<kIsMean, rows(), columns()>(lanes, x + at, from, out + at, down.count, across.count,
                                                          row_step, step, share);
          }
        };
        if (down.count == 2 && across.count == 2)
          run(std::integral_constant<std::size_t, 2>(), std::integral_constant<std::size_t, 2>());
        else
          run(std::integral_constant<std::size_t, 0>(), std::integral_constant<std::size_t, 0>());
      }
    }
    x += kIsMean ? 0 : at_once * channel_step;
    out += at_once * channel_step;
    y += at_once * y_step;
  }
}

// ---- windows that have numbers in common

template <class L>
struct Places {
  using T = typename L::T;
  using V = typename L::V;

  L lanes;
  const PoolTable& table;
  std::size_t step, row_step;
  Ring<T> largest, place, sums;
  const T *x, *y;
  T* out;

  template <std::size_t kColumns>
  HWY_INLINE void compare_columns(const Run across, std::size_t begin, std::size_t end) const {
    for (std::size_t row = begin; row < end; ++row) compare_row<kColumns>(across, row);
  }

  template <std::size_t kColumns>
  HWY_INLINE void compare_row(const Run across, std::size_t row) const {
    const Places local = *this;
    const auto d = lanes.d;
    T *const maxima = largest.row(row), *const places = place.row(row);
    const std::size_t width = hn::Lanes(d), count = kColumns == 0 ? across.count : kColumns;
    const T* from = x + row * row_step + across.from * step;
    std::size_t to = across.to * width;
    for (std::size_t j = 0; j < across.num; ++j, from += across.from_step * local.step, to += width) {
      V maximum = local.lanes.load(from), found = number(d, across.place);
#pragma GCC unroll 3
      for (std::size_t k = 1; k < count; ++k) {
        const V next = local.lanes.load(from + k * local.step);
        const auto is_kept = stays(d, maximum, next);
        maximum = hn::IfThenElse(is_kept, maximum, next);
        found = hn::IfThenElse(is_kept, found, number(d, across.place + static_cast<std::int64_t>(k)));
      }
      hn::StoreU(maximum, d, maxima + to);
      hn::StoreU(found, d, places + to);
    }
  }

  /// Windows of a row of the result. `num_begun` of their rows have sums already.
  template <std::size_t kRows>
  HWY_INLINE void bring_to_rows(Range range, std::size_t num_begun, const T* from) const {
    const auto d = lanes.d;
    const std::size_t width = hn::Lanes(d), count = kRows == 0 ? range.count() : kRows;
    constexpr std::size_t kTold = kRows == 0 ? 1 : kRows;
    const T* maxima[kTold];
    T* sums_of[kTold];
    const Places local = *this;
    const std::size_t num_columns = table.columns.windows.size();
    for (std::size_t k = 0; k < kTold; ++k) {
      maxima[k] = largest.row(range.first + k);
      sums_of[k] = sums.row(range.first + k);
    }
    for (std::size_t j = 0; j < num_columns; ++j, from += local.step) {
      V maximum = hn::LoadU(d, maxima[0] + j * width), found = hn::Zero(d);
#pragma GCC unroll 3
      for (std::size_t k = 1; k < count; ++k) {
        const V next = hn::LoadU(d, (kRows == 0 ? local.largest.row(range.first + k) : maxima[k]) + j * width);
        const auto is_kept = stays(d, maximum, next);
        maximum = hn::IfThenElse(is_kept, maximum, next);
        found = hn::IfThenElse(is_kept, found, number(d, static_cast<std::int64_t>(k)));
      }
      const V brought = local.lanes.load(from);
#pragma GCC unroll 3
      for (std::size_t k = 0; k < count; ++k) {
        T* sum = (kRows == 0 ? local.sums.row(range.first + k) : sums_of[k]) + j * width;
        V part = hn::IfThenElseZero(hn::Eq(found, number(d, static_cast<std::int64_t>(k))), brought);
        if (k < num_begun) part = hn::Add(hn::LoadU(d, sum), part);
        hn::StoreU(part, d, sum);
      }
    }
  }

  template <std::size_t kColumns>
  HWY_INLINE void bring_to_columns(const Run across, std::size_t row, T* to) const {
    const Places local = *this;
    const auto stride = static_cast<std::int64_t>(table.columns.stride);
    const auto d = lanes.d;
    const std::size_t width = hn::Lanes(d), count = kColumns == 0 ? across.count : kColumns;
    const auto place_in = [&](std::size_t k)
                              HWY_ATTR { return number(d, across.place - static_cast<std::int64_t>(k) * stride); };
    V places[kColumns == 0 ? 1 : kColumns];
    for (std::size_t k = 0; k < (kColumns == 0 ? 1 : kColumns); ++k) places[k] = place_in(k);
    const T* found = place.row(row) + across.from * width;
    const T* brought = sums.row(row) + across.from * width;
    to += across.to * step;
    for (std::size_t j = 0; j < across.num; ++j, found += width, brought += width, to += across.to_step * local.step) {
      V sum = hn::IfThenElseZero(hn::Eq(hn::LoadU(d, found), places[0]), hn::LoadU(d, brought));
#pragma GCC unroll 3
      for (std::size_t k = 1; k < count; ++k) {
        const auto is_here = hn::Eq(hn::LoadU(d, found + k * width), kColumns == 0 ? place_in(k) : places[k]);
        sum = hn::Add(sum, hn::IfThenElseZero(is_here, hn::LoadU(d, brought + k * width)));
      }
      local.lanes.store(sum, to);
    }
  }

  HWY_INLINE void finish_row(std::size_t row) const {
    T* to = out + row * row_step;
    const bool is_left_out = table.rows.numbers.in_order[row].count() == 0;
    for (const Run& across : table.columns.numbers.runs) {
      if (is_left_out || across.count == 0)
        for (std::size_t j = 0; j < across.num; ++j)
          lanes.store(hn::Zero(lanes.d), to + (across.to + j * across.to_step) * step);
      else
        with_count(across.count, [&](auto count) HWY_ATTR { bring_to_columns<count()>(across, row, to); });
    }
  }

  HWY_INLINE void run_channel() const {
    const T* from = y;
    const std::size_t num_rows = table.rows.numbers.size();
    const std::size_t ahead = (rows_ahead(largest.row_size * sizeof(T)) + 1) / 2;  // three rings share the cache
    std::size_t next = 0, begun = 0, done = 0;  // rows: the first that is not compared, has no sums, is not finished
    for (const Range range : table.rows.windows.in_order) {
      for (; done < range.first; ++done) finish_row(done);
      if (next < range.end) {
        const std::size_t end = std::min(num_rows, std::max<std::size_t>(range.end, next + ahead));
        for (const Run& across : table.columns.windows.runs)
          with_count(across.count, [&](auto count) HWY_ATTR { compare_columns<count()>(across, next, end); });
        next = end;
      }
      const std::size_t num_begun = begun > range.first ? begun - range.first : 0;
      begun = range.end;
      with_count(range.count(), [&](auto count) HWY_ATTR { bring_to_rows<count()>(range, num_begun, from); });
      from += table.columns.windows.size() * step;
    }
    for (; done < num_rows; ++done) finish_row(done);
  }
};

template <class L, class T>
HWY_NOINLINE void run_common(const Pool<T>& pool, L lanes, std::size_t first, std::size_t channels) {
  const PoolTable& table = *pool.table;
  const std::size_t row_size = table.columns.windows.size() * hn::Lanes(lanes.d);
  const std::size_t num_rows = ring_rows(table.rows.windows, row_size * sizeof(T)), size = num_rows * row_size;
  const auto ring = [&](std::size_t i) HWY_ATTR { return Ring<T>{pool.scratch + i * size, num_rows - 1, row_size}; };
  const std::size_t step = pool.lanes, row_step = table.columns.numbers.size() * step;
  const std::size_t channel_step = table.rows.numbers.size() * row_step;
  const std::size_t y_step = table.rows.windows.size() * table.columns.windows.size() * step;
  Places<L> places{.lanes = lanes,
                   .table = table,
                   .step = step,
                   .row_step = row_step,
                   .largest = ring(0),
                   .place = ring(1),
                   .sums = ring(2),
                   .x = pool.first + lanes.lane + first * channel_step,
                   .y = pool.second + lanes.lane + first * y_step,
                   .out = pool.out + lanes.lane + first * channel_step};
  for (std::size_t channel = 0; channel < channels; ++channel) {
    places.run_channel();
    places.x += channel_step;
    places.out += channel_step;
    places.y += y_step;
  }
}

/// Windows of three by three, or of three along a series, as far as they meet no NaN; false for any other.
template <class L, class T>
bool run_threes_of(const Pool<T>& pool, L lanes, std::size_t first, std::size_t channels) {
  const PoolTable& table = *pool.table;
  const PoolTable::Ranges &rows = table.rows.windows, &columns = table.columns.windows;
  const std::size_t num_rows = table.rows.numbers.size(), num_columns = table.columns.numbers.size();
  const bool is_series = num_rows == 1 && rows.size() == 1;
  if (!are_threes(columns, num_columns) || (!is_series && !has_sums_of_threes(table, sizeof(T) * hn::Lanes(lanes.d))))
    return false;
  const std::size_t step = pool.lanes;
  const PlacesOfThrees<L> places{.lanes = lanes,
                                 .rows = threes_of(rows, num_rows),
                                 .columns = threes_of(columns, num_columns),
                                 .step = step,
                                 .sums = pool.scratch};
  const std::size_t x_step = num_rows * num_columns * step, y_step = rows.size() * columns.size() * step;
  const T *x = pool.first + lanes.lane + first * x_step, *y = pool.second + lanes.lane + first * y_step;
  T* out = pool.out + lanes.lane + first * x_step;
  if (is_series) {
    if (!(columns.step == 1 ? places.template run_series<1>(x, y, out, channels)
                            : places.template run_series<2>(x, y, out, channels)))
      run_common(pool, lanes, first, channels);
    return true;
  }
  for (std::size_t channel = 0; channel < channels; ++channel, x += x_step, y += y_step, out += x_step)
    if (!(columns.step == 1 ? places.template run<1>(x, y, out) : places.template run<2>(x, y, out)))
      run_common(pool, lanes, first + channel, 1);
  return true;
}

template <class T>
void run_places(const Pool<T>& pool) {
  constexpr std::size_t kMostPlaces = std::size_t{1} << 24;  // whole numbers of f32
  const bool is_apart = are_apart(*pool.table) && pool.table->window_size <= kMostPlaces;
  for_channels(pool, [&](auto lanes, std::size_t first, std::size_t channels) HWY_ATTR {
    if (is_apart) return run_apart<false>(pool, lanes, first, channels);
#if HWY_TARGET <= HWY_AVX2
    if constexpr (decltype(lanes)::kIsWhole)
      if (run_threes_of(pool, lanes, first, channels)) return;
#endif
    run_common(pool, lanes, first, channels);
  });
}

template <class T>
void run_windows(const Pool<T>& pool) {
  for_channels(pool, [&](auto lanes, std::size_t first, std::size_t channels)
                         HWY_ATTR { run_apart<true>(pool, lanes, first, channels); });
}

}  // namespace

void places_f32(const Pool<float>& pool) { run_places(pool); }
void places_f64(const Pool<double>& pool) { run_places(pool); }
void windows_f32(const Pool<float>& pool) { run_windows(pool); }
void windows_f64(const Pool<double>& pool) { run_windows(pool); }

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(places_f32);
HWY_EXPORT(places_f64);
HWY_EXPORT(windows_f32);
HWY_EXPORT(windows_f64);

template <>
void bring_to_places<float>(const Pool<float>& pool) {
  HWY_DYNAMIC_DISPATCH(places_f32)(pool);
}
template <>
void bring_to_places<double>(const Pool<double>& pool) {
  HWY_DYNAMIC_DISPATCH(places_f64)(pool);
}
template <>
void bring_to_windows<float>(const Pool<float>& pool) {
  HWY_DYNAMIC_DISPATCH(windows_f32)(pool);
}
template <>
void bring_to_windows<double>(const Pool<double>& pool) {
  HWY_DYNAMIC_DISPATCH(windows_f64)(pool);
}

}  // namespace costate::internal
#endif
