// Loads and stores of the last, partial vector of a row: never past the end, and computed by the same vector code as
// whole vectors. Included once per instruction set by the kernels' sources (Highway's foreach_target).
#if defined(COSTATE_VECTOR_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_VECTOR_INL
#undef COSTATE_VECTOR_INL
#else
#define COSTATE_VECTOR_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using VecOf = hn::Vec<D>;

/// A vector that the compiler knows nothing of, as one that several multiply-adds read: GCC would rather give each of
/// them the place in memory.
template <class V>
HWY_INLINE V in_register(V v) {
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
  asm("" : "+v"(v.raw));
#elif HWY_ARCH_X86
  asm("" : "+x"(v.raw));
#endif
  return v;
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE VecOf<D> load_first(D d, const T* x, std::size_t count) {
#if HWY_TARGET <= HWY_AVX2
  return hn::MaskedLoad(hn::FirstN(d, count), d, x);
#else
  HWY_ALIGN T buffer[hn::MaxLanes(d)] = {};
  std::memcpy(buffer, x, count * sizeof(T));
  return hn::Load(d, buffer);
#endif
}

template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_first(VecOf<D> value, D d, T* out, std::size_t count) {
#if HWY_TARGET <= HWY_AVX2
  hn::BlendedStore(value, hn::FirstN(d, count), d, out);
#else
  HWY_ALIGN T buffer[hn::MaxLanes(d)];
  hn::Store(value, d, buffer);
  std::memcpy(out, buffer, count * sizeof(T));
#endif
}

/// Calls body(i, load, store) for each vector of [0, count): load(pointer) reads at i, store(value, pointer) writes at
/// i.
template <class D, class Body>
HWY_INLINE void for_vectors(D d, std::size_t count, Body body) {
  using T = hn::TFromD<D>;
  const std::size_t width = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + width <= count; i += width)
    body(
        i, [&](const T* x) HWY_ATTR { return hn::LoadU(d, x + i); },
        [&](VecOf<D> value, T* out) HWY_ATTR { hn::StoreU(value, d, out + i); });
  if (i < count)
    body(
        i, [&](const T* x) HWY_ATTR { return load_first(d, x + i, count - i); },
        [&](VecOf<D> value, T* out) HWY_ATTR { store_first(value, d, out + i, count - i); });
}

#if HWY_TARGET <= HWY_AVX3
// Zen 4 does operations of 512 bits as two of 256.
constexpr bool kHalfCostsLess = true;
#else
constexpr bool kHalfCostsLess = false;
#endif

/// As for_vectors with body(d, load, store): half a vector or less at the end goes through vectors of half the size
/// where they cost less.
template <class T, class Body>
HWY_INLINE void for_vectors_and_half(std::size_t count, Body body) {
  const hn::ScalableTag<T> whole;
  const std::size_t rest = count % hn::Lanes(whole);
  const auto pass = [&](auto d, std::size_t first, std::size_t end) HWY_ATTR {
    for_vectors(d, end - first, [&](std::size_t, auto load, auto store) HWY_ATTR {
      body(
          d, [&](const T* x) HWY_ATTR { return load(x + first); },
          [&](VecOf<decltype(d)> value, T* out) HWY_ATTR { store(value, out + first); });
    });
  };
  if constexpr (kHalfCostsLess) {
    if (rest > 0 && rest <= hn::Lanes(whole) / 2) {
      pass(whole, 0, count - rest);
      return pass(hn::Half<decltype(whole)>(), count - rest, count);
    }
  }
  pass(whole, 0, count);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
