// What conv2d_weights makes of images. Summed over a tile it is a product for each tap, rows of the cotangent's
// channels times columns of the image's channels, whose depth are the lanes at all pixels of a class. As in other long
// sums over lanes (lane_sums.cpp) one side is transposed for it, here the image with channels in the vectors, once for
// all taps, in panels of as many channels as a block of rows takes together. Sums with few channels stay spread over
// the lanes of a vector instead.
//
// Roofline. Bound by the multiply-adds: 64 x 64 channels of 3 x 3 on 6 x 6 to 14 x 14 pixels run at 80 to 89 % of the
// measured peak with one vector of lanes; 4 x 4 by 2 on 26 x 26, whose transposed image is larger than a second-level
// cache, at 72 to 75 % in f32 and 76 to 79 % in f64, a tenth of the time in the transpose; 4 % less with all channels
// in one panel (convolutions_bench, Zen 4, CPU time beside other programs). One channel of 28 x 28 under
// 3 x 3 is at 75 %. Where a channel meets one row, convolve_apart.cpp is faster.
#include <algorithm>
#include <type_traits>
#include <utility>

#include "costate/exec/kernels/convolve_apart.h"
#include "costate/exec/kernels/kernels.h"

// Once for all instruction sets.
#ifndef COSTATE_PANEL_CHANNELS
#define COSTATE_PANEL_CHANNELS
namespace costate::internal {
namespace {

/// Channels of the next panel of those that are left: as many as a block of rows takes together, three vectors or two.
/// Four are two and two.
constexpr std::size_t panel_channels(std::size_t left, std::size_t width) {
  return left >= 5 * width || left / width == 3 ? 3 * width : std::min(left, 2 * width);
}

}  // namespace
}  // namespace costate::internal
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/weight_sums.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/convolution-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Pixels of a panel that are taken together: while all rows read them they stay in a first-level cache.
constexpr std::size_t kPanelBytes = std::size_t{24} << 10;

/// Some rows of a group against the channels of a panel, at some taps.
template <class T>
struct ChannelBlock {
  const WeightSums<T>& sums;
  const Pixel* pixels = nullptr;
  std::size_t num_pixels = 0;
  const Tap* taps = nullptr;
  const T* to;            // of the first row
  const T* from;          // the panel, [pixel, lane, channel]
  std::size_t channels;   // of the panel
  T* partial = nullptr;   // [position, row, channel of the group] from the row and the panel's first channel on
  std::size_t count = 0;  // channels in the last vector
};

/// Columns of a block: vectors of channels at one tap, or one vector at several. kPart: the last vector is not full.
template <std::size_t kVectorsOf, std::size_t kTapsOf, bool kPartOf>
struct BlockColumns {
  static_assert(kVectorsOf == 1 || kTapsOf == 1);
  static constexpr std::size_t kCount = kVectorsOf * kTapsOf, kTaps = kTapsOf;
  static constexpr std::size_t tap(std::size_t column) { return kTaps == 1 ? 0 : column; }
  static constexpr std::size_t vector(std::size_t column) { return kTaps == 1 ? column : 0; }
  static constexpr bool is_part(std::size_t column) { return kPartOf && vector(column) + 1 == kVectorsOf; }
};

template <std::size_t kRows, class Columns, class T>
HWY_INLINE void channel_block(const ChannelBlock<T>& block) {
  constexpr std::size_t kCount = Columns::kCount;
  const hn::ScalableTag<T> d;
  const ConvTable& table = *block.sums.table;
  const std::size_t width = hn::Lanes(d), lanes = block.sums.lanes, channels = block.channels;
  const std::size_t row_step = table.to_pixels * lanes;
  const auto load = [&](const T* x, std::size_t column)
                        HWY_ATTR { return Columns::is_part(column) ? load_first(d, x, block.count) : hn::LoadU(d, x); };
  const auto partial = [&](std::size_t i, std::size_t column) HWY_ATTR {
    const std::size_t row = block.taps[Columns::tap(column)].position * table.rows + i;
    return block.partial + row * table.depth + Columns::vector(column) * width;
  };
  VecOf<decltype(d)> sum[kRows][kCount];
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t c = 0; c < kCount; ++c) sum[i][c] = load(partial(i, c), c);
  std::ptrdiff_t behind[Columns::kTaps] = {};  // the first tap's number
  for (std::size_t t = 1; t < Columns::kTaps; ++t)
    behind[t] = (block.taps[t].shift - block.taps[0].shift) * static_cast<std::ptrdiff_t>(lanes * channels);
  for (std::size_t p = 0; p < block.num_pixels; ++p) {
    const T* to = block.to + block.pixels[p].to * lanes;
    const T* from = block.from + shifted(block.pixels[p], block.taps[0]) * lanes * channels;
    for (std::size_t lane = lanes; lane > 0; --lane, ++to, from += channels) {
      VecOf<decltype(d)> right[kCount];
      for (std::size_t c = 0; c < kCount; ++c)
        right[c] = load(from + behind[Columns::tap(c)] + Columns::vector(c) * width, c);
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto left = hn::Set(d, to[i * row_step]);
        for (std::size_t c = 0; c < kCount; ++c) sum[i][c] = hn::MulAdd(left, right[c], sum[i][c]);
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t c = 0; c < kCount; ++c) {
      if (Columns::is_part(c))
        store_first(sum[i][c], d, partial(i, c), block.count);
      else
        hn::StoreU(sum[i][c], d, partial(i, c));
    }
}

/// All rows of the group against the same columns.
template <class Columns, class T>
HWY_NOINLINE void channel_columns(ChannelBlock<T> block) {
  const ConvTable& table = *block.sums.table;
  std::size_t left = table.rows;
  const auto pass = [&](auto rows) HWY_ATTR {
    for (; left >= rows(); left -= rows()) {
      channel_block<rows(), Columns>(block);
      block.to += rows() * table.to_pixels * block.sums.lanes;
      block.partial += rows() * table.depth;
    }
  };
  if constexpr (kConvRows == 8) pass(std::integral_constant<std::size_t, 8>());
  pass(std::integral_constant<std::size_t, 4>());
  pass(std::integral_constant<std::size_t, 2>());
  pass(std::integral_constant<std::size_t, 1>());
}

/// All rows of the group against the channels of a panel at the taps of a class.
template <class T>
void panel_rows(ChannelBlock<T> block, std::size_t num_taps) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  block.count = block.channels % width;
  const Tap* const end = block.taps + num_taps;
  const auto run = [&](auto columns) HWY_ATTR {
    using Taken = decltype(columns);
    for (; end - block.taps >= static_cast<std::ptrdiff_t>(Taken::kTaps); block.taps += Taken::kTaps)
      channel_columns<Taken>(block);
  };
  if (block.channels == 3 * width) return run(BlockColumns<3, 1, false>());
  if (block.channels == 2 * width) return run(BlockColumns<2, 1, false>());
  if (block.channels > width) return run(BlockColumns<2, 1, true>());
  // One vector of channels: a cotangent that was loaded serves three taps.
  if (block.channels == width) {
    run(BlockColumns<1, 3, false>());
    return run(BlockColumns<1, 1, false>());
  }
  run(BlockColumns<1, 3, true>());
  run(BlockColumns<1, 1, true>());
}

/// All weights of a panel's channels: those from `first` of the group on.
template <class T>
void panel_sums(const WeightSums<T>& sums, std::size_t group, std::size_t first, std::size_t channels) {
  const ConvTable& table = *sums.table;
  const std::size_t most = std::max<std::size_t>(1, kPanelBytes / (sizeof(T) * channels * sums.lanes));
  ChannelBlock<T> block{.sums = sums,
                        .to = sums.to + group * table.rows * table.to_pixels * sums.lanes,
                        .from = sums.scratch + (group * table.depth + first) * table.from_pixels * sums.lanes,
                        .channels = channels};
  for (const PixelClass& of : table.classes) {
    const std::size_t passes = (of.num_pixels + most - 1) / most;
    for (std::size_t pass = 0; pass < passes; ++pass) {
      const std::size_t begin = of.num_pixels * pass / passes, end = of.num_pixels * (pass + 1) / passes;
      block.pixels = table.pixels.data() + of.first_pixel + begin;
      block.num_pixels = end - begin;
      block.taps = table.taps.data() + of.first_tap;
      block.partial = sums.partial + group * table.positions * table.rows * table.depth + first;
      panel_rows(block, of.num_taps);
    }
  }
}

/// Of an image whose panels stand in `scratch`.
template <class T>
void sum_channels(const WeightSums<T>& sums) {
  const ConvTable& table = *sums.table;
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  for (std::size_t group = 0; group < table.groups; ++group)
    for (std::size_t first = 0; first < table.depth;) {
      const std::size_t channels = panel_channels(table.depth - first, width);
      panel_sums(sums, group, first, channels);
      first += channels;
    }
}

/// Some rows of a group against one of its channels at some taps of a class.
template <class T>
struct TapBlock {
  const WeightSums<T>& sums;
  const Pixel* pixels;
  std::size_t num_pixels;
  const Tap* taps;
  const T* to;    // of the first row
  const T* from;  // of the channel
  T* partial;     // [row, depth, position] of the first row and the channel, each a vector
};

/// The sums over whole vectors of lanes, or over the lanes that fill no vector.
template <std::size_t kRows, std::size_t kTaps, bool kPart, class T>
HWY_NOINLINE void tap_block(const TapBlock<T>& block) {
  const hn::ScalableTag<T> d;
  const ConvTable& table = *block.sums.table;
  const std::size_t width = hn::Lanes(d), lanes = block.sums.lanes, rest = lanes % width;
  const std::size_t row_step = table.to_pixels * lanes, weight_step = table.depth * table.positions;
  const T* const shares = block.sums.shares;
  const auto load = [&](const T* x) HWY_ATTR { return kPart ? load_first(d, x, rest) : hn::LoadU(d, x); };
  const auto partial = [&](std::size_t i, std::size_t t)
                           HWY_ATTR { return block.partial + (i * weight_step + block.taps[t].position) * width; };
  VecOf<decltype(d)> sum[kRows][kTaps];
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t t = 0; t < kTaps; ++t) sum[i][t] = hn::LoadU(d, partial(i, t));
  std::ptrdiff_t shifts[kTaps];
  for (std::size_t t = 0; t < kTaps; ++t) shifts[t] = block.taps[t].shift * static_cast<std::ptrdiff_t>(lanes);
  for (std::size_t p = 0; p < block.num_pixels; ++p) {
    const Pixel pixel = block.pixels[p];
    const T* const from = block.from + pixel.from * lanes;
    const T* const to = block.to + pixel.to * lanes;
    for (std::size_t lane = kPart ? lanes - rest : 0; lane + (kPart ? rest : width) <= lanes; lane += width) {
      VecOf<decltype(d)> left[kRows];
      for (std::size_t i = 0; i < kRows; ++i) left[i] = load(to + i * row_step + lane);
      if (shares != nullptr)
        for (std::size_t i = 0; i < kRows; ++i) left[i] = hn::Mul(left[i], load(shares + lane));
      for (std::size_t t = 0; t < kTaps; ++t) {
        const auto right = load(from + shifts[t] + lane);
        for (std::size_t i = 0; i < kRows; ++i) sum[i][t] = hn::MulAdd(left[i], right, sum[i][t]);
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t t = 0; t < kTaps; ++t) hn::StoreU(sum[i][t], d, partial(i, t));
}

/// Some rows against one channel at all taps of a class.
template <std::size_t kRows, class T>
void all_taps(TapBlock<T> block, std::size_t num_taps) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>()), lanes = block.sums.lanes;
  const Tap* const end = block.taps + num_taps;
  const auto pass = [&](auto taps) HWY_ATTR {
    for (; end - block.taps >= static_cast<std::ptrdiff_t>(taps()); block.taps += taps()) {
      if (lanes >= width) tap_block<kRows, taps(), false>(block);
      if (lanes % width > 0) tap_block<kRows, taps(), true>(block);
    }
  };
  if constexpr (kRows == 1) pass(std::integral_constant<std::size_t, 9>());
  if constexpr (kConvRows == 8 || kRows < 4) pass(std::integral_constant<std::size_t, 6>());
  if constexpr (kRows == 1) pass(std::integral_constant<std::size_t, 4>());
  pass(std::integral_constant<std::size_t, 3>());
  pass(std::integral_constant<std::size_t, 1>());
}

template <class T>
void sum_taps(const WeightSums<T>& sums) {
  const ConvTable& table = *sums.table;
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>()), all_rows = table.groups * table.rows;
  for (const PixelClass& of : table.classes)
    for (std::size_t row = 0; row < all_rows;) {
      const std::size_t group = row / table.rows, left = (group + 1) * table.rows - row;
      const std::size_t rows = std::min<std::size_t>(packed_rows(left), 4);
      for (std::size_t channel = 0; channel < table.depth; ++channel) {
        const TapBlock<T> block{.sums = sums,
                                .pixels = table.pixels.data() + of.first_pixel,
                                .num_pixels = of.num_pixels,
                                .taps = table.taps.data() + of.first_tap,
                                .to = sums.to + row * table.to_pixels * sums.lanes,
                                .from = sums.from + (group * table.depth + channel) * table.from_pixels * sums.lanes,
                                .partial = sums.partial + (row * table.depth + channel) * table.positions * width};
        if (rows == 4)
          all_taps<4>(block, of.num_taps);
        else if (rows == 2)
          all_taps<2>(block, of.num_taps);
        else
          all_taps<1>(block, of.num_taps);
      }
      row += rows;
    }
}

template <class T>
void run_weights_of_lanes(const ConvTable& table, Operand<T> from, Operand<T> to, T* weights, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  const auto at = [&](const Operand<T>& operand, std::size_t i)
                      HWY_ATTR { return operand.data + (operand.spread == Spread::kFull ? i * lanes : i); };
  std::fill_n(weights, table.num_weights() * lanes, T{0});
  for (std::size_t row = 0; row < table.groups * table.rows; ++row)
    for (std::size_t k = 0; k < table.depth; ++k) {
      const std::size_t channel = row / table.rows * table.depth + k;
      for (const PixelClass& of : table.classes)
        for (std::size_t t = of.first_tap; t < of.first_tap + of.num_taps; ++t) {
          T* weight = weights + ((row * table.depth + k) * table.positions + table.taps[t].position) * lanes;
          for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
            auto sum = load(weight);
            for (std::size_t p = of.first_pixel; p < of.first_pixel + of.num_pixels; ++p) {
              const T* left = at(from, channel * table.from_pixels + shifted(table.pixels[p], table.taps[t]));
              const T* right = at(to, row * table.to_pixels + table.pixels[p].to);
              sum = hn::MulAdd(from.spread == Spread::kFull ? load(left) : hn::Set(d, *left),
                               to.spread == Spread::kFull ? load(right) : hn::Set(d, *right), sum);
            }
            store(sum, weight);
          });
        }
    }
}

}  // namespace

#define COSTATE_WEIGHT_SUMS(T, suffix)                                                               \
  void sum_channels_##suffix(const WeightSums<T>& sums) { sum_channels(sums); }                      \
  void sum_taps_##suffix(const WeightSums<T>& sums) { sum_taps(sums); }                              \
  void weights_of_lanes_##suffix(const ConvTable& table, Operand<T> from, Operand<T> to, T* weights, \
                                 std::size_t lanes) {                                                \
    run_weights_of_lanes(table, from, to, weights, lanes);                                           \
  }
COSTATE_WEIGHT_SUMS(float, f32)
COSTATE_WEIGHT_SUMS(double, f64)
#undef COSTATE_WEIGHT_SUMS

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {
namespace {

/// With few channels, vectors of them would be mostly empty; for one weight a channel, to transpose takes longer.
bool stays_spread(const ConvTable& table, std::size_t lanes) {
  return lanes > 1 && (table.depth < 8 || has_apart_sums(table, lanes));
}

/// The image in `scratch`, panel by panel: [group, panel, pixel, lane, channel of the panel]. Channels that are not in
/// the panel would take places of a first-level cache's sets.
template <class T>
void transpose_panels(const WeightSums<T>& sums) {
  const ConvTable& table = *sums.table;
  const std::size_t numbers = table.from_pixels * sums.lanes;  // of a channel
  for (std::size_t group = 0; group < table.groups; ++group)
    for (std::size_t first = 0; first < table.depth;) {
      const std::size_t channels = panel_channels(table.depth - first, simd_lanes<T>());
      const std::size_t at = (group * table.depth + first) * numbers;
      transpose(sums.from + at, channels, numbers, sums.shares, sums.scratch + at);
      first += channels;
    }
}

}  // namespace

template <class T>
std::size_t weight_sum_size(const ConvTable& table, std::size_t lanes) {
  return table.num_weights() * (stays_spread(table, lanes) ? simd_lanes<T>() : 1);
}

std::size_t weight_sum_scratch(const ConvTable& table, std::size_t lanes) {
  return stays_spread(table, lanes) ? 0 : table.from_size() * lanes;
}

template <class T>
void finish_weight_sums(const ConvTable& table, std::size_t lanes, T* partial, T* weights) {
  if (stays_spread(table, lanes)) return add_partial_sums(partial, table.num_weights(), weights);
  for (std::size_t group = 0; group < table.groups; ++group)
    for (std::size_t position = 0; position < table.positions; ++position)
      for (std::size_t row = group * table.rows; row < (group + 1) * table.rows; ++row)
        for (std::size_t k = 0; k < table.depth; ++k)
          weights[(row * table.depth + k) * table.positions + position] += std::exchange(*partial++, T{0});
}

#define COSTATE_WEIGHT_SUMS(T, suffix)                                                                              \
  HWY_EXPORT(sum_channels_##suffix);                                                                                \
  HWY_EXPORT(sum_taps_##suffix);                                                                                    \
  HWY_EXPORT(weights_of_lanes_##suffix);                                                                            \
  template std::size_t weight_sum_size<T>(const ConvTable&, std::size_t);                                           \
  template void finish_weight_sums<T>(const ConvTable&, std::size_t, T*, T*);                                       \
  template <>                                                                                                       \
  void add_weight_sums<T>(const WeightSums<T>& sums) {                                                              \
    const ConvTable& table = *sums.table;                                                                           \
    if (has_apart_sums(table, sums.lanes)) return add_apart_sums(sums);                                             \
    if (stays_spread(table, sums.lanes)) return HWY_DYNAMIC_DISPATCH(sum_taps_##suffix)(sums);                      \
    transpose_panels(sums);                                                                                         \
    HWY_DYNAMIC_DISPATCH(sum_channels_##suffix)(sums);                                                              \
  }                                                                                                                 \
  template <>                                                                                                       \
  void weights_of_lanes<T>(const ConvTable& table, Operand<T> from, Operand<T> to, T* weights, std::size_t lanes) { \
    HWY_DYNAMIC_DISPATCH(weights_of_lanes_##suffix)(table, from, to, weights, lanes);                               \
  }
COSTATE_WEIGHT_SUMS(float, f32)
COSTATE_WEIGHT_SUMS(double, f64)
#undef COSTATE_WEIGHT_SUMS

}  // namespace costate::internal
#endif
