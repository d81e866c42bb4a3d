// What the kernels of pools share. Included once per instruction set by their sources (Highway's foreach_target).
#if defined(COSTATE_POOLING_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_POOLING_INL
#undef COSTATE_POOLING_INL
#else
#define COSTATE_POOLING_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <type_traits>

#include "costate/exec/kernels/pooling.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// One vector of lanes of an image or a result. kPart: it is not full.
template <class D, bool kPart>
struct Lanes {
  using T = hn::TFromD<D>;
  using V = VecOf<D>;
  static constexpr bool kIsWhole = std::is_same_v<std::remove_const_t<D>, hn::ScalableTag<T>> && !kPart;

  D d;
  std::size_t lane = 0, count = 0;

  HWY_INLINE V load(const T* x) const {
    if constexpr (kPart)
      return load_first(d, x, count);
    else
      return hn::LoadU(d, x);
  }
  HWY_INLINE void store(V value, T* out) const {
    if constexpr (kPart)
      store_first(value, d, out, count);
    else
      hn::StoreU(value, d, out);
  }
};

/// Calls run(lanes) for each vector of lanes.
template <class T, class Run>
HWY_INLINE void for_lanes(std::size_t lanes, Run run) {
  const hn::CappedTag<T, 1> one;
  if (lanes == 1) return run(Lanes<decltype(one), false>{one, 0, 1});
  const hn::ScalableTag<T> whole;
  std::size_t lane = 0;
  for (; lane + hn::Lanes(whole) <= lanes; lane += hn::Lanes(whole))
    run(Lanes<decltype(whole), false>{whole, lane, hn::Lanes(whole)});
  const std::size_t rest = lanes - lane;
  if (rest == 0) return;
  if constexpr (kHalfCostsLess) {
    const hn::Half<decltype(whole)> half;
    if (rest == hn::Lanes(half)) return run(Lanes<decltype(half), false>{half, lane, rest});
  }
  run(Lanes<decltype(whole), true>{whole, lane, rest});
}

/// Calls run(lanes, first channel, channels) for each vector of lanes: all channels where there is one, else so many at
/// a time that lines of which a vector is a part stay in the first-level cache for the next one.
template <class T, class Run>
HWY_INLINE void for_channels(const Pool<T>& pool, Run run) {
  constexpr std::size_t kBytes = std::size_t{16} << 10;
  const PoolTable& table = *pool.table;
  const std::size_t bytes = table.image_size() / std::max<std::size_t>(1, table.channels) * pool.lanes * sizeof(T);
  const bool is_one_vector = pool.lanes <= hn::Lanes(hn::ScalableTag<T>());
  const std::size_t most =
      is_one_vector ? table.channels : std::max<std::size_t>(1, kBytes / std::max<std::size_t>(1, bytes));
  for (std::size_t first = 0; first < table.channels; first += most) {
    const std::size_t channels = std::min(most, table.channels - first);
    for_lanes<T>(pool.lanes, [&](auto lanes) HWY_ATTR { run(lanes, first, channels); });
  }
}

/// Where the largest number so far stays the largest: a NaN is larger than any number, and than a NaN before it.
template <class D, class V = VecOf<D>>
HWY_INLINE auto stays(D d, V largest, V next) {
  const V infinity = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
#if HWY_TARGET <= HWY_AVX2  // where either is NaN, the machine's minimum is the second
  return hn::Le(next, hn::Min(largest, infinity));
#else
  return hn::Le(next, hn::IfThenElse(hn::IsNaN(largest), infinity, largest));
#endif
}

/// Calls run(count) with the count as a constant where it is 1, 2 or 3, and 0 where it is larger.
template <class Run>
HWY_INLINE void with_count(std::size_t count, Run run) {
  switch (count) {
    case 1:
      return run(std::integral_constant<std::size_t, 1>());
    case 2:
      return run(std::integral_constant<std::size_t, 2>());
    case 3:
      return run(std::integral_constant<std::size_t, 3>());
    default:
      return run(std::integral_constant<std::size_t, 0>());
  }
}

/// The latest rows. A row's place is its number's last bits.
template <class T>
struct Ring {
  T* data = nullptr;
  std::size_t mask = 0, row_size = 0;

  HWY_INLINE T* row(std::size_t number) const { return data + (number & mask) * row_size; }
};

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
