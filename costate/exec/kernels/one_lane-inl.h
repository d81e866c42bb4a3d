// Convolutions of a tile of one lane. Included once per instruction set by convolution.cpp (Highway's foreach_target).
#if defined(COSTATE_ONE_LANE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_ONE_LANE_INL
#undef COSTATE_ONE_LANE_INL
#else
#define COSTATE_ONE_LANE_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "costate/exec/kernels/convolution-inl.h"
#include "costate/exec/kernels/square-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Pixels of one lane that are taken together.
constexpr std::size_t kOnePixels = 8;

/// Vectors of the rows whose weights are packed from `weights` on, and `pack_step` behind for each further eight.
template <std::size_t kVectors, class D, class T>
HWY_INLINE void load_rows(D d, const T* weights, std::size_t pack_step, VecOf<D> (&rows)[kVectors]) {
  constexpr std::size_t kLanes = hn::MaxLanes(d);
#if HWY_TARGET <= HWY_AVX3
  if constexpr (kLanes > kPackedRows) {
    static_assert(kLanes == 2 * kPackedRows);
    const hn::Half<D> half;
    for (std::size_t v = 0; v < kVectors; ++v)
      rows[v] = hn::Combine(d, hn::LoadU(half, weights + (2 * v + 1) * pack_step),
                            hn::LoadU(half, weights + 2 * v * pack_step));
    return;
  }
#endif
  for (std::size_t v = 0; v < kVectors; ++v) {
    const std::size_t first = v * kLanes;
    rows[v] = hn::LoadU(d, weights + first / kPackedRows * pack_step + first % kPackedRows);
  }
}

/// Sums [pixel, row] to where they belong.
template <std::size_t kRows, std::size_t kPixels, class T>
HWY_INLINE void store_rows(const T* sums, const RowBlock<T>& block, const Pixel* pixels) {
  const std::size_t to_pixels = block.table.to_pixels;
#if HWY_TARGET != HWY_SCALAR
  constexpr std::size_t kSide = kSquareBytes / sizeof(T);
  if constexpr (kRows % kSide == 0 && kPixels % kSide == 0) {
    if (pixels[kPixels - 1].to == pixels[0].to + kPixels - 1) {
      for (std::size_t row = 0; row < kRows; row += kSide)
        for (std::size_t p = 0; p < kPixels; p += kSide)
          transpose_square(sums + p * kRows + row, kRows, [&](auto d, std::size_t i, auto numbers) HWY_ATTR {
            hn::StoreU(numbers, d, block.to + (row + i) * to_pixels + pixels[p].to);
          });
      return;
    }
  }
#endif
  for (std::size_t p = 0; p < kPixels; ++p)
    for (std::size_t i = 0; i < kRows; ++i) block.to[i * to_pixels + pixels[p].to] = sums[p * kRows + i];
}

/// Of one lane, kPixels pixels at a time: vectors of rows.
template <std::size_t kVectors, std::size_t kPixels, class D, class T>
HWY_INLINE void one_lane_block(D d, const RowBlock<T>& block, const PixelClass& of, const Pixel* pixels) {
  constexpr std::size_t kLanes = hn::MaxLanes(d), kRows = kVectors * kLanes;
  const ConvTable& table = block.table;
  const std::size_t tap_step = table.depth * block.packed, pack_step = tap_step * table.positions;
  HWY_ALIGN T numbers[kPixels * kRows] = {};  // [pixel, row]: biases, and then sums
  for (std::size_t p = 0; block.bias != nullptr && p < kPixels; ++p)
    for (std::size_t i = 0; i < kRows; ++i) numbers[p * kRows + i] = block.bias[i * table.to_pixels + pixels[p].to];
  VecOf<D> sum[kVectors][kPixels];
  for (std::size_t p = 0; p < kPixels; ++p)
    for (std::size_t v = 0; v < kVectors; ++v) sum[v][p] = hn::LoadU(d, numbers + p * kRows + v * kLanes);
  const T* from[kPixels];
  for (std::size_t p = 0; p < kPixels; ++p) from[p] = block.from + pixels[p].from;
  const Tap* tap = table.taps.data() + of.first_tap;
  for (const Tap* const last = tap + of.num_taps; tap < last; ++tap) {
    const T* weights = block.weights + tap->position * tap_step;
    std::ptrdiff_t at = tap->shift;
    for (std::size_t k = table.depth; k > 0;
         --k, weights += block.packed, at += static_cast<std::ptrdiff_t>(table.from_pixels)) {
      VecOf<D> left[kVectors];
      load_rows(d, weights, pack_step, left);
      for (std::size_t p = 0; p < kPixels; ++p) {
        const auto right = hn::Set(d, from[p][at]);
        for (std::size_t v = 0; v < kVectors; ++v) sum[v][p] = hn::MulAdd(left[v], right, sum[v][p]);
      }
    }
  }
  for (std::size_t p = 0; p < kPixels; ++p)
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(sum[v][p], d, numbers + p * kRows + v * kLanes);
  store_rows<kRows, kPixels>(numbers, block, pixels);
}

/// Of one lane: up to two vectors of rows at a time. The last pixels of a class are taken with some before them, whose
/// sums are then computed twice, rather than one by one, where a chain of sums waits for itself.
template <std::size_t kRows, class T>
HWY_NOINLINE void one_lane_rows(RowBlock<T> block, Pass pass) {
  const hn::CappedTag<T, kRows> d;
  constexpr std::size_t kAll = kRows / hn::MaxLanes(d), kVectors = std::min<std::size_t>(kAll, 2);
  for (std::size_t vector = 0; vector < kAll; vector += kVectors) {
    for (const auto& [of, first, count] : pass) {
      if (count >= kOnePixels)
        for (std::size_t i = 0; i < count; i += kOnePixels)
          one_lane_block<kVectors, kOnePixels>(d, block, *of, first + std::min(i, count - kOnePixels));
      else
        for (std::size_t i = 0; i < count; ++i) one_lane_block<kVectors, 1>(d, block, *of, first + i);
    }
    constexpr std::size_t kDone = kVectors * hn::MaxLanes(d);
    block.weights += kDone;
    block.to += kDone * block.table.to_pixels;
    if (block.bias != nullptr) block.bias += kDone * block.table.to_pixels;
  }
}

/// Shorter runs of pixels leave a vector of them nearly empty.
constexpr std::size_t kShortestRun = 4;

/// Of one lane and a few rows, which would leave a vector of rows nearly empty: vectors of pixels along their runs, and
/// several runs at once.
template <std::size_t kRows, bool kPart, class D, class T>
HWY_NOINLINE void run_block(D d, const RowBlock<T>& block, const PixelClass& of, const Pixel* pixels,
                            std::size_t runs) {
  const auto pass = [&](auto columns) HWY_ATTR {
    for (; runs >= columns(); runs -= columns(), pixels += columns() * of.run)
      pixel_block<kRows, columns(), kPart, 0, Along::kPixels>(d, block, of, pixels, of.run);
  };
  pass(std::integral_constant<std::size_t, kMostPixels<kRows>>());
  pass(std::integral_constant<std::size_t, 1>());
}

template <std::size_t kRows, class T>
void along_runs(RowBlock<T> block, const PixelRange& range) {
  const hn::ScalableTag<T> d;
  const PixelClass& of = *range.of;
  const std::size_t width = hn::Lanes(d), runs = range.count / of.run;
  std::size_t at = 0;
  for (; at + width <= of.run; at += width) run_block<kRows, false>(d, block, of, range.first + at, runs);
  block.count = of.run - at;
  if (block.count > 0) run_block<kRows, true>(d, block, of, range.first + at, runs);
}

/// As many rows of those that are left as one lane takes together: whole vectors, or those that are packed together.
template <class T>
std::size_t rows_of_one_lane(std::size_t left) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  for (const std::size_t rows : {2 * width, width})
    if (rows > kPackedRows && left >= rows) return rows;
  return packed_rows(left);
}

template <class T>
void one_lane(const RowBlock<T>& block, std::size_t rows, Pass pass) {
  const auto run = [&](auto many) HWY_ATTR {
    if constexpr (many() < kPackedRows) {
      for (const PixelRange& range : pass)
        range.of->run < kShortestRun ? one_lane_rows<many()>(block, Pass(&range, 1)) : along_runs<many()>(block, range);
    } else if constexpr (many() == kPackedRows || many() <= 2 * hn::MaxLanes(hn::ScalableTag<T>())) {
      one_lane_rows<many()>(block, pass);
    }
  };
  switch (rows) {
    case 32:
      return run(std::integral_constant<std::size_t, 32>());
    case 16:
      return run(std::integral_constant<std::size_t, 16>());
    case 8:
      return run(std::integral_constant<std::size_t, 8>());
    case 4:
      return run(std::integral_constant<std::size_t, 4>());
    case 2:
      return run(std::integral_constant<std::size_t, 2>());
    default:
      return run(std::integral_constant<std::size_t, 1>());
  }
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
