// Squares of numbers, transposed in registers. Included once per instruction set by the kernels' sources (Highway's
// foreach_target).
#if defined(COSTATE_SQUARE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_SQUARE_INL
#undef COSTATE_SQUARE_INL
#else
#define COSTATE_SQUARE_INL
#endif

#include <hwy/highway.h>

#include <array>
#include <cstddef>

#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR
#if HWY_TARGET <= HWY_AVX2
constexpr std::size_t kSquareBytes = 32;
#else
constexpr std::size_t kSquareBytes = 16;
#endif

/// Column j of each 128-bit block of as many rows of x as such a block has numbers.
template <class T, class D>
HWY_INLINE auto block_columns(D d, const T* x, std::size_t stride) {
  const auto row0 = hn::LoadU(d, x), row1 = hn::LoadU(d, x + stride);
  if constexpr (sizeof(T) == 8) {
    return std::array{hn::InterleaveLower(d, row0, row1), hn::InterleaveUpper(d, row0, row1)};
  } else {
    const auto row2 = hn::LoadU(d, x + 2 * stride), row3 = hn::LoadU(d, x + 3 * stride);
    const auto even_low = hn::InterleaveLower(d, row0, row2), odd_low = hn::InterleaveLower(d, row1, row3);
    const auto even_high = hn::InterleaveUpper(d, row0, row2), odd_high = hn::InterleaveUpper(d, row1, row3);
    return std::array{hn::InterleaveLower(d, even_low, odd_low), hn::InterleaveUpper(d, even_low, odd_low),
                      hn::InterleaveLower(d, even_high, odd_high), hn::InterleaveUpper(d, even_high, odd_high)};
  }
}

/// A square of kSquareBytes a side: put(j, column j of the rows of x).
template <class T, class Put>
HWY_INLINE void transpose_square(const T* x, std::size_t stride, Put put) {
  const hn::FixedTag<T, kSquareBytes / sizeof(T)> d;
  constexpr std::size_t kBlock = 16 / sizeof(T);
  const auto upper = block_columns(d, x, stride);
  if constexpr (kSquareBytes == 16) {
    for (std::size_t j = 0; j < kBlock; ++j) put(d, j, upper[j]);
  } else {
    const auto lower = block_columns(d, x + kBlock * stride, stride);
    for (std::size_t j = 0; j < kBlock; ++j) {
      put(d, j, hn::ConcatLowerLower(d, lower[j], upper[j]));
      put(d, kBlock + j, hn::ConcatUpperUpper(d, lower[j], upper[j]));
    }
  }
}
#endif

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
