// Convolutions. As in a product, the micro-kernel keeps rows x columns of accumulators in registers, but its columns
// are vectors of lanes at some pixels of a class: each step of the depth loads a vector at each pixel and broadcasts
// the packed weights of the rows, so that a weight that was loaded serves every pixel. Where the numbers of a tap stand
// is looked up once for all of the depth, and the image is never copied.
//
// A tile of one lane has its output channels in the vectors: packed weights are vectors of rows already.
//
// Roofline. Bound by the multiply-adds: 64 x 64 channels of 3 x 3 on 6 x 6 to 14 x 14 pixels run at 90 to 97 % of the
// measured peak with one vector of lanes, forward and by the image, in f32 and f64; 4 x 4 by 2 on 26 x 26, whose image
// is in the third-level cache, at 83 to 88 % (convolutions_bench, Zen 4, CPU time beside other programs). 3 x 3 of one
// channel, 9 steps a block, at 77 %. Where a row meets one channel, or many channels meet one row, others are faster:
// convolve_apart.cpp, convolve_to_one.cpp.
#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

#include "costate/exec/kernels/convolve_apart.h"
#include "costate/exec/kernels/convolve_to_one.h"
#include "costate/exec/kernels/image_bytes.h"
#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/convolution.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/convolution-inl.h"
#include "costate/exec/kernels/square-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Fewer rows take more pixels, whose chains hide each other's latency.
template <std::size_t kRows>
constexpr std::size_t kMostPixels = std::min<std::size_t>(3 * kConvRows / kRows, 6);

/// Pixels that are taken together.
using Pass = std::span<const PixelRange>;

/// All sums of some rows at some pixels of a class. kPart: the vector is not full. kDepth: how many numbers of the
/// image a tap has; 0 where it isn't told.
template <std::size_t kRows, std::size_t kPixels, bool kPart, std::size_t kDepth, class D, class T>
HWY_INLINE void pixel_block(D d, const RowBlock<T>& block, const PixelClass& of, const Pixel* pixels) {
  const ConvTable& table = block.table;
  const std::size_t depth = kDepth == 0 ? table.depth : kDepth, packed = block.packed;
  const std::size_t row_step = table.to_pixels * block.lanes, channel_step = table.from_pixels * block.lanes;
  const auto load = [&](const T* x) HWY_ATTR {
    if constexpr (kPart)
      return load_first(d, x, block.count);
    else
      return hn::LoadU(d, x);
  };
  VecOf<D> sum[kRows][kPixels];
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t p = 0; p < kPixels; ++p)
      sum[i][p] = block.bias == nullptr ? hn::Zero(d) : hn::Set(d, block.bias[i * table.to_pixels + pixels[p].to]);
  const T* from[kPixels];
  for (std::size_t p = 0; p < kPixels; ++p) from[p] = block.from + pixels[p].from * block.lanes;
  const Tap* tap = table.taps.data() + of.first_tap;
  for (const Tap* const last = tap + of.num_taps; tap < last; ++tap) {
    const T* weights = block.weights + tap->position * depth * packed;
    std::ptrdiff_t at = tap->shift * static_cast<std::ptrdiff_t>(block.lanes);
    for (std::size_t k = depth; k > 0; --k, weights += packed, at += static_cast<std::ptrdiff_t>(channel_step)) {
      VecOf<D> right[kPixels];
      for (std::size_t p = 0; p < kPixels; ++p) right[p] = load(from[p] + at);
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto left = hn::Set(d, weights[i]);
        for (std::size_t p = 0; p < kPixels; ++p) sum[i][p] = hn::MulAdd(left, right[p], sum[i][p]);
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t p = 0; p < kPixels; ++p) {
      T* to = block.to + i * row_step + pixels[p].to * block.lanes;
      if constexpr (kPart)
        store_first(sum[i][p], d, to, block.count);
      else
        hn::StoreU(sum[i][p], d, to);
    }
}

/// Some rows at the pixels of a pass.
template <std::size_t kRows, bool kPart, std::size_t kDepth, class D, class T>
HWY_NOINLINE void row_block(D d, const RowBlock<T>& block, Pass pass) {
  constexpr std::size_t kMost = kMostPixels<kRows>;
  for (const PixelRange& range : pass) {
    const PixelClass& of = *range.of;
    const Pixel* pixels = range.first;
    const Pixel* const end = pixels + range.count;
    for (; end - pixels >= static_cast<std::ptrdiff_t>(kMost); pixels += kMost)
      pixel_block<kRows, kMost, kPart, kDepth>(d, block, of, pixels);
    if constexpr (kMost > 3)
      for (; end - pixels >= 3; pixels += 3) pixel_block<kRows, 3, kPart, kDepth>(d, block, of, pixels);
    for (; end - pixels >= 2; pixels += 2) pixel_block<kRows, 2, kPart, kDepth>(d, block, of, pixels);
    for (; pixels < end; ++pixels) pixel_block<kRows, 1, kPart, kDepth>(d, block, of, pixels);
  }
}

/// The rows that are packed together, for one vector of lanes.
template <bool kPart, class D, class T>
void packed_block(D d, RowBlock<T> block, Pass pass) {
  const auto run = [&](auto rows) HWY_ATTR {
    block.table.depth == 1 ? row_block<rows(), kPart, 1>(d, block, pass) : row_block<rows(), kPart, 0>(d, block, pass);
  };
  for (std::size_t row = 0; row < block.packed; row += kConvRows) {
    switch (std::min(block.packed, kConvRows)) {
      case 8:
        if constexpr (kConvRows == 8) run(std::integral_constant<std::size_t, 8>());
        break;
      case 4:
        run(std::integral_constant<std::size_t, 4>());
        break;
      case 2:
        run(std::integral_constant<std::size_t, 2>());
        break;
      default:
        run(std::integral_constant<std::size_t, 1>());
    }
    block.weights += kConvRows;
    block.to += kConvRows * block.table.to_pixels * block.lanes;
    if (block.bias != nullptr) block.bias += kConvRows * block.table.to_pixels;
  }
}

/// The rows that are packed together, for all lanes.
template <class T>
void all_lanes(const RowBlock<T>& block, Pass pass) {
  for_lanes(block, [&](auto d, auto is_part, const RowBlock<T>& at) HWY_ATTR { packed_block<is_part()>(d, at, pass); });
}

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
  const auto run = [&](auto of) HWY_ATTR {
    if constexpr (of() <= kPackedRows || of() <= 2 * hn::MaxLanes(hn::ScalableTag<T>()))
      one_lane_rows<of()>(block, pass);
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

/// All rows of a group at the pixels of a pass.
template <class T>
void group_pass(const Convolution<T>& c, std::size_t group, Pass pass) {
  const ConvTable& table = *c.table;
  const std::size_t step = table.depth * table.positions;
  for (std::size_t row = 0; row < table.rows;) {
    const std::size_t left = table.rows - row, first = group * table.rows + row;
    const std::size_t rows = c.lanes == 1 ? rows_of_one_lane<T>(left) : packed_rows(left);
    const RowBlock<T> block{.table = table,
                            .lanes = c.lanes,
                            .from = c.from + group * table.depth * table.from_pixels * c.lanes,
                            .weights = c.weights + first * step,
                            .packed = packed_rows(left),
                            .to = c.to + first * table.to_pixels * c.lanes,
                            .bias = c.bias == nullptr ? nullptr : c.bias + first * table.to_pixels,
                            .count = c.lanes};
    c.lanes == 1 ? one_lane(block, rows, pass) : all_lanes(block, pass);
    if (c.activation != Activation::kNone)
      for (const PixelRange& range : pass) activate(c, first, rows, range);
    row += rows;
  }
}

/// So many pixels are taken together that what they read of the image, which every block of rows reads again, stays
/// within kImageBytes; a multiple of the pixels that a block has.
std::size_t pass_pixels(const ConvTable& table, std::size_t lanes, std::size_t number_bytes) {
  const std::size_t stride = std::max<std::size_t>(1, table.from_pixels / table.to_pixels);
  const std::size_t bytes = std::max<std::size_t>(1, table.depth * lanes * number_bytes * stride);
  return std::max<std::size_t>(1, kImageBytes / bytes / 6) * 6;
}

template <class T>
void run_convolution(const Convolution<T>& c) {
  const ConvTable& table = *c.table;
  const std::size_t most = pass_pixels(table, c.lanes, sizeof(T));
  std::array<PixelRange, 16> ranges;
  std::size_t num_ranges = 0, room = most;
  const auto run = [&] {
    for (std::size_t group = 0; group < table.groups; ++group) group_pass(c, group, Pass(ranges.data(), num_ranges));
    num_ranges = 0;
    room = most;
  };
  for (const PixelClass& of : table.classes)
    for (std::size_t done = 0; done < of.num_pixels;) {
      const std::size_t count = std::min(of.num_pixels - done, room);
      ranges[num_ranges++] = {&of, table.pixels.data() + of.first_pixel + done, count};
      done += count;
      room -= count;
      if (num_ranges == ranges.size() || room < 6) run();
    }
  if (num_ranges > 0) run();
}

template <class T>
void run_convolve_lanes(const ConvTable& table, Operand<T> from, Operand<T> weights, T* to, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  const auto at = [&](const Operand<T>& operand, std::size_t i)
                      HWY_ATTR { return operand.data + (operand.spread == Spread::kFull ? i * lanes : i); };
  for (std::size_t row = 0; row < table.groups * table.rows; ++row) {
    const std::size_t group = row / table.rows, group_weights = group * table.rows * table.depth * table.positions;
    const std::size_t row_weights = group_weights + row % table.rows * table.row_stride;
    for (const PixelClass& of : table.classes)
      for (std::size_t p = of.first_pixel; p < of.first_pixel + of.num_pixels; ++p)
        for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
          auto sum = hn::Zero(d);
          for (std::size_t t = of.first_tap; t < of.first_tap + of.num_taps; ++t)
            for (std::size_t k = 0; k < table.depth; ++k) {
              const T* left = at(weights, row_weights + k * table.depth_stride + table.taps[t].position);
              const T* right =
                  at(from, (group * table.depth + k) * table.from_pixels + shifted(table.pixels[p], table.taps[t]));
              sum = hn::MulAdd(weights.spread == Spread::kFull ? load(left) : hn::Set(d, *left),
                               from.spread == Spread::kFull ? load(right) : hn::Set(d, *right), sum);
            }
          store(sum, to + (row * table.to_pixels + table.pixels[p].to) * lanes);
        });
  }
}

}  // namespace

#define COSTATE_CONVOLUTIONS(T, suffix)                                                            \
  void convolve_##suffix(const Convolution<T>& convolution) { run_convolution(convolution); }      \
  void convolve_lanes_##suffix(const ConvTable& table, Operand<T> from, Operand<T> weights, T* to, \
                               std::size_t lanes) {                                                \
    run_convolve_lanes(table, from, weights, to, lanes);                                           \
  }
COSTATE_CONVOLUTIONS(float, f32)
COSTATE_CONVOLUTIONS(double, f64)
#undef COSTATE_CONVOLUTIONS

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

#define COSTATE_CONVOLUTIONS(T, suffix)                                                                           \
  HWY_EXPORT(convolve_##suffix);                                                                                  \
  HWY_EXPORT(convolve_lanes_##suffix);                                                                            \
  template <>                                                                                                     \
  void convolve<T>(const Convolution<T>& convolution) {                                                           \
    if (is_apart(*convolution.table, convolution.lanes)) return convolve_apart(convolution);                      \
    if (is_to_one(*convolution.table, convolution.lanes)) return convolve_to_one(convolution);                    \
    HWY_DYNAMIC_DISPATCH(convolve_##suffix)(convolution);                                                         \
  }                                                                                                               \
  template <>                                                                                                     \
  void convolve_lanes<T>(const ConvTable& table, Operand<T> from, Operand<T> weights, T* to, std::size_t lanes) { \
    HWY_DYNAMIC_DISPATCH(convolve_lanes_##suffix)(table, from, weights, to, lanes);                               \
  }
COSTATE_CONVOLUTIONS(float, f32)
COSTATE_CONVOLUTIONS(double, f64)
#undef COSTATE_CONVOLUTIONS

}  // namespace costate::internal
#endif
