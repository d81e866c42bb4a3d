// What windows of three by three numbers, one or two apart, bring to the places of their maxima: down the rows for some
// columns of windows at once, with each row's maxima in registers, then along the columns of a row. What stands between
// is a row of sums for each row of the image. Included once per instruction set by the kernels' sources (Highway's
// foreach_target).
#if defined(COSTATE_PLACE_THREES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_PLACE_THREES_INL
#undef COSTATE_PLACE_THREES_INL
#else
#define COSTATE_PLACE_THREES_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <limits>

#include "costate/exec/kernels/pool_threes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Windows along an axis, of some lines at once: where the largest of three numbers is, what is brought to the window
/// goes. Numbers are not NaN. In all of these, load(place, numbers), brought(window, numbers) and store(place, sums)
/// are of all lines.
template <std::size_t kStride, std::size_t kLines, class L>
struct Bringing {
  using T = typename L::T;
  using V = typename L::V;
  using Numbers = V[kLines];

  L lanes;
  std::size_t next = 0;          // the first number that was not loaded
  Numbers before, last;          // the two numbers before it; of windows two apart only the last one is needed
  Numbers sum_before, sum_last;  // what was brought to these

  HWY_INLINE explicit Bringing(L lanes) : lanes(lanes) {}

  template <class Load>
  HWY_INLINE void begin(const Threes& axis, const Load& load) {
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kLines; ++k) {
      before[k] = last[k] = hn::Set(lanes.d, std::numeric_limits<T>::quiet_NaN());  // outside, never a maximum
      sum_before[k] = sum_last[k] = hn::Set(lanes.d, -T{0});                        // to which -0 may be added
    }
    if constexpr (kStride == 1) load(next++, last);
    if (axis.padding == 0) {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kLines; ++k) before[k] = last[k];
      load(next++, last);
    }
  }

  /// The parts of what is brought to a window: of three numbers, of which the first may be NaN, outside.
  static HWY_INLINE void part(V first, V second, V third, V brought, V (&parts)[3]) {
    const auto first_stays = hn::Le(second, first);
    const auto stays = hn::Le(third, hn::Max(first, second));  // the second where the first is NaN
    const V rest = hn::IfThenElseZero(stays, brought);
    parts[0] = hn::IfThenElseZero(first_stays, rest);
    parts[1] = hn::IfThenZeroElse(first_stays, rest);
    parts[2] = hn::IfThenZeroElse(stays, brought);
  }

  template <class Load, class Brought, class Store>
  HWY_INLINE void run(const Threes& axis, const Load& load, const Brought& brought, const Store& store) {
    // All that a loop steps by is told, or its branches would take as long as the windows.
    const bool begins_outside = axis.padding > 0, ends_outside = next + kStride * axis.count > axis.length;
    const std::size_t full = axis.count - (ends_outside ? 1 : 0);
    std::size_t window = 0;
    if (begins_outside && full > 0) run_window<false, true>(window++, load, brought, store);
    for (; window < full; ++window) run_window<true, true>(window, load, brought, store);
    if (window < axis.count)
      window == 0 && begins_outside ? run_window<false, false>(window, load, brought, store)
                                    : run_window<true, false>(window, load, brought, store);
  }

  /// kHasFirst, kHasThird: of three numbers, these are of the image.
  template <bool kHasFirst, bool kHasThird, class Load, class Brought, class Store>
  HWY_INLINE void run_window(std::size_t window, const Load& load, const Brought& brought, const Store& store) {
    const Added<decltype(lanes.d)> added(lanes.d);  // of one sum in two, for the units of both
    Numbers second, third, y, done, done_second;
    if constexpr (kStride == 2) load(next, second);
    if constexpr (kHasThird) {
      load(next + kStride - 1, third);
    } else {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kLines; ++k) third[k] = hn::Set(lanes.d, -std::numeric_limits<T>::infinity());
    }
    brought(window, y);
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kLines; ++k) {
      V parts[3];
      if constexpr (kStride == 1) {
        part(before[k], last[k], third[k], y[k], parts);
        done[k] = hn::Add(sum_before[k], parts[0]);
        sum_before[k] = added(parts[1], sum_last[k]);
        before[k] = last[k];
      } else {
        part(last[k], second[k], third[k], y[k], parts);
        done[k] = added(parts[0], sum_last[k]);
        done_second[k] = parts[1];
      }
      sum_last[k] = parts[2];
      last[k] = third[k];
    }
    if constexpr (kHasFirst) store(next - (kStride == 1 ? 2 : 1), done);
    if constexpr (kStride == 2) store(next, done_second);
    next += kStride;
  }

  /// What remains behind the last window.
  template <class Store>
  HWY_INLINE void finish(const Threes& axis, const Store& store) {
    if constexpr (kStride == 1) store(next - 2, sum_before);
    if (next - 1 < axis.length) store(next - 1, sum_last);
    const Numbers none = {};
    for (; next < axis.length; ++next) store(next, none);
  }
};

/// max_pool_input of a channel.
template <class L>
struct PlacesOfThrees {
  using T = typename L::T;
  using V = typename L::V;

  L lanes;
  Threes rows, columns;
  std::size_t step;  // from a number of an image to the next one
  T* sums;           // rows of a vector for each window

  /// Lines whose windows have what is brought to them.
  struct Lines {
    const T* x;
    const T* brought;
    T* out;
    std::size_t num, step, brought_step, brought_line_step;
  };

  template <std::size_t kStride, std::size_t kLines>
  HWY_INLINE void bring_along(const Lines& lines, std::size_t line, V& nan) const {
    const PlacesOfThrees local = *this;
    const Lines all = lines;
    const T *x = all.x + line * all.step, *y = all.brought + line * all.brought_line_step;
    T* out = all.out + line * all.step;
    V found = nan;
    const auto load = [&](std::size_t place, V(&numbers)[kLines]) HWY_ATTR {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kLines; ++k) numbers[k] = local.lanes.load(x + place * local.step + k * all.step);
      const V sum = kLines == 1 ? numbers[0] : hn::Add(numbers[0], numbers[kLines - 1]);
      found = hn::Add(found, sum);  // the only sum that waits for the column before
    };
    const auto brought = [&](std::size_t window, V(&numbers)[kLines]) HWY_ATTR {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kLines; ++k)
        numbers[k] = local.lanes.load(y + window * all.brought_step + k * all.brought_line_step);
    };
    const auto store = [&](std::size_t place, const V(&numbers)[kLines]) HWY_ATTR {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kLines; ++k) local.lanes.store(numbers[k], out + place * local.step + k * all.step);
    };
    Bringing<kStride, kLines, L> bringing(lanes);
    bringing.begin(local.columns, load);
    bringing.run(local.columns, load, brought, store);
    bringing.finish(local.columns, store);
    nan = found;
  }
  /// Whether all numbers of x are numbers; else the result is nothing.
  template <std::size_t kStride>
  HWY_NOINLINE bool bring_along_all(const Lines& lines) const {
    V nan = hn::Zero(lanes.d);  // stays no NaN while no number is
    std::size_t line = 0;
    for (; line + 2 <= lines.num; line += 2) bring_along<kStride, 2>(lines, line, nan);
    if (line < lines.num) bring_along<kStride, 1>(lines, line, nan);
    return hn::AllFalse(lanes.d, hn::IsNaN(nan));
  }

  /// Down all rows, for some columns of windows.
  template <std::size_t kStride, std::size_t kColumns>
  HWY_INLINE void bring_down(const T* x, const T* y, const T* none, std::size_t from) const {
    constexpr std::size_t kLoaded = (kColumns - 1) * kStride + 3;
    const PlacesOfThrees local = *this;
    const ImageColumns<kLoaded, L> image(
        lanes, x, static_cast<std::ptrdiff_t>(from * kStride) - static_cast<std::ptrdiff_t>(columns.padding),
        columns.length, step, none, none);
    const std::size_t width = hn::Lanes(lanes.d);
    const LargestOfThrees<decltype(lanes.d)> largest;
    const auto load = [&](std::size_t row, V(&maxima)[kColumns]) HWY_ATTR {
      V loaded[kLoaded];
      image.load(row, loaded);
      join_three<kStride>(largest, loaded, maxima);
    };
    const auto brought = [&](std::size_t row, V(&numbers)[kColumns]) HWY_ATTR {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kColumns; ++k)
        numbers[k] = local.lanes.load(y + (row * local.columns.count + from + k) * local.step);
    };
    const auto store = [&](std::size_t row, const V(&numbers)[kColumns]) HWY_ATTR {
#pragma GCC unroll 4
      for (std::size_t k = 0; k < kColumns; ++k)
        hn::StoreU(numbers[k], local.lanes.d, local.sums + (row * local.columns.count + from + k) * width);
    };
    Bringing<kStride, kColumns, L> bringing(lanes);
    bringing.begin(local.rows, load);
    bringing.run(local.rows, load, brought, store);
    bringing.finish(local.rows, store);
  }

  template <std::size_t kStride>
  HWY_NOINLINE void bring_down_all(const T* x, const T* y) const {
    HWY_ALIGN T none[hn::MaxLanes(decltype(lanes.d)())];
    hn::Store(LargestOfThrees<decltype(lanes.d)>::none(lanes.d), lanes.d, none);
    std::size_t from = 0;
    for (; from + 2 <= columns.count; from += 2) bring_down<kStride, 2>(x, y, none, from);
    if (from < columns.count) bring_down<kStride, 1>(x, y, none, from);
  }

  /// Of images of one row: each is a line. Whether all numbers of x are numbers; else the result is nothing.
  template <std::size_t kStride>
  bool run_series(const T* x, const T* y, T* out, std::size_t channels) const {
    return bring_along_all<kStride>({.x = x,
                                     .brought = y,
                                     .out = out,
                                     .num = channels,
                                     .step = columns.length * step,
                                     .brought_step = step,
                                     .brought_line_step = columns.count * step});
  }

  /// The same of a channel of rows.
  template <std::size_t kStride>
  HWY_INLINE bool run(const T* x, const T* y, T* out) const {
    bring_down_all<kStride>(x, y);
    const std::size_t row_step = columns.length * step, width = hn::Lanes(lanes.d);
    return bring_along_all<kStride>({.x = x,
                                     .brought = sums,
                                     .out = out,
                                     .num = rows.length,
                                     .step = row_step,
                                     .brought_step = width,
                                     .brought_line_step = columns.count * width});
  }
};

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
