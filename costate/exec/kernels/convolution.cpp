// Convolutions. As in a product, the micro-kernel keeps rows x columns of accumulators in registers, but its columns
// are vectors of lanes at some pixels of a class: each step of the depth loads a vector at each pixel and broadcasts
// the packed weights of the rows, so that a weight that was loaded serves every pixel. Where the numbers of a tap stand
// is looked up once for all of the depth, and the image is never copied.
//
// A tile of one lane has channels, or pixels, in the vectors: one_lane-inl.h.
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
#include "costate/exec/kernels/one_lane-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Some rows at the pixels of a pass.
template <std::size_t kRows, bool kPart, std::size_t kDepth, class D, class T>
HWY_NOINLINE void row_block(D d, const RowBlock<T>& block, Pass pass) {
  constexpr std::size_t kMost = kMostPixels<kRows>;
  for (const PixelRange& range : pass) {
    const PixelClass& of = *range.of;
    const Pixel* pixels = range.first;
    const Pixel* const end = pixels + range.count;
    const auto run = [&](auto columns) HWY_ATTR {
      for (; end - pixels >= static_cast<std::ptrdiff_t>(columns()); pixels += columns())
        pixel_block<kRows, columns(), kPart, kDepth, Along::kLanes>(d, block, of, pixels, 1);
    };
    run(std::integral_constant<std::size_t, kMost>());
    if constexpr (kMost > 3) run(std::integral_constant<std::size_t, 3>());
    run(std::integral_constant<std::size_t, 2>());
    run(std::integral_constant<std::size_t, 1>());
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

constexpr std::size_t block_pixels(std::size_t lanes) { return lanes == 1 ? kOnePixels : 6; }

/// So many pixels are taken together that what they read of the image, which every block of rows reads again, stays
/// within kImageBytes; a multiple of the pixels that a block has.
std::size_t pass_pixels(const ConvTable& table, std::size_t lanes, std::size_t number_bytes) {
  const std::size_t stride = std::max<std::size_t>(1, table.from_pixels / table.to_pixels);
  const std::size_t bytes = std::max<std::size_t>(1, table.depth * lanes * number_bytes * stride);
  const std::size_t unit = block_pixels(lanes);
  return std::max<std::size_t>(1, kImageBytes / bytes / unit) * unit;
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
      const std::size_t whole = std::max<std::size_t>(1, room / of.run) * of.run;  // runs stay whole
      const std::size_t count = std::min(of.num_pixels - done, c.lanes == 1 ? whole : room);
      ranges[num_ranges++] = {&of, table.pixels.data() + of.first_pixel + done, count};
      done += count;
      room -= std::min(room, count);
      if (num_ranges == ranges.size() || room < block_pixels(c.lanes)) run();
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
