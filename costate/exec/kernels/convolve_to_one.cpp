// Convolutions into one channel, as the gradient by an image of one channel. A block of pixels would read each number
// of the image once for each tap, and with many channels none of them stays in the first-level cache until the next.
// Here a number that was read is added to all sums that it is part of, which wait in the result. The image is walked
// through in the order of the taps, so that each sum is the chain that it is in convolution.cpp.
//
// Roofline. 64 channels of 26 x 26 into one of 28 x 28: 73 % of the multiply-adds' peak with one vector of lanes, 60 %
// with two, whose image is five times as large as a second-level cache (convolutions_bench, Zen 4, with priority on a
// busy machine; 52 % by blocks of pixels).
#include "costate/exec/kernels/convolve_to_one.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "costate/exec/kernels/pixel_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/convolve_to_one.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/convolution-inl.h"

#ifndef COSTATE_SUMS_OF_PIXEL
#define COSTATE_SUMS_OF_PIXEL
namespace costate::internal {
namespace {

/// Numbers of (pixel of the image, position) of which the sums are looked up: of images up to 42 x 42 under 3 x 3.
constexpr std::size_t kMostMeetings = 16384;
constexpr std::uint32_t kNoPixel = ~std::uint32_t{0};

/// 1 if in all classes each tap lies behind the one before, -1 if before it; 0 if neither.
int direction_of(const ConvTable& table) {
  bool ascends = true, descends = true;
  for (const ConvTable::PixelClass& of : table.classes)
    for (std::size_t t = of.first_tap + 1; t < of.first_tap + of.num_taps; ++t) {
      (table.taps[t].shift > table.taps[t - 1].shift ? descends : ascends) = false;
      if (table.taps[t].shift == table.taps[t - 1].shift) return 0;
    }
  return ascends ? 1 : descends ? -1 : 0;
}

}  // namespace
}  // namespace costate::internal
#endif

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// A pixel of the result that a pixel of the image is part of, and by which weights.
struct Meeting {
  std::uint32_t position, to;
};

/// Adds a pixel's channels to kSums sums.
template <std::size_t kSums, bool kPart, class D, class T>
HWY_INLINE void add_channels(D d, const RowBlock<T>& block, const T* from, const Meeting* meetings) {
  const auto load = [&](const T* x) HWY_ATTR {
    if constexpr (kPart)
      return load_first(d, x, block.count);
    else
      return hn::LoadU(d, x);
  };
  const std::size_t depth = block.table.depth, channel_step = block.table.from_pixels * block.lanes;
  T* to[kSums];
  const T* weights[kSums];
  VecOf<D> sum[kSums];
  for (std::size_t i = 0; i < kSums; ++i) {
    to[i] = block.to + meetings[i].to * block.lanes;
    weights[i] = block.weights + meetings[i].position * depth;
    sum[i] = load(to[i]);
  }
  for (std::size_t k = 0; k < depth; ++k, from += channel_step) {
    const auto right = load(from);
    for (std::size_t i = 0; i < kSums; ++i) sum[i] = hn::MulAdd(hn::Set(d, weights[i][k]), right, sum[i]);
  }
  for (std::size_t i = 0; i < kSums; ++i)
    if constexpr (kPart)
      store_first(sum[i], d, to[i], block.count);
    else
      hn::StoreU(sum[i], d, to[i]);
}

/// Adds all pixels of the image for one vector of lanes. `sums` has, for each and each position, the pixel of the
/// result.
template <bool kPart, class D, class T>
HWY_NOINLINE void add_pixels(D d, const RowBlock<T>& block, const std::uint32_t* sums, bool ascends) {
  const ConvTable& table = block.table;
  for (std::size_t p = 0; p < table.from_pixels; ++p) {
    const std::size_t pixel = ascends ? p : table.from_pixels - 1 - p;
    std::array<Meeting, 9> meetings;
    std::size_t count = 0;
    const auto add = [&](auto number) HWY_ATTR {
      add_channels<number(), kPart>(d, block, block.from + pixel * block.lanes, meetings.data() + count - number());
      count -= number();
    };
    for (std::size_t position = 0; position < table.positions; ++position) {
      const std::uint32_t to = sums[pixel * table.positions + position];
      if (to == kNoPixel) continue;
      meetings[count++] = {static_cast<std::uint32_t>(position), to};
      if (count == meetings.size()) add(std::integral_constant<std::size_t, 9>());
    }
    if (count >= 6) add(std::integral_constant<std::size_t, 6>());
    if (count >= 4) add(std::integral_constant<std::size_t, 4>());
    if (count >= 2) add(std::integral_constant<std::size_t, 2>());
    if (count == 1) add(std::integral_constant<std::size_t, 1>());
  }
}

template <class T>
void run_to_one(const Convolution<T>& c) {
  const ConvTable& table = *c.table;
  std::array<std::uint32_t, kMostMeetings> sums;
  std::fill_n(sums.data(), table.from_pixels * table.positions, kNoPixel);
  for (const PixelClass& of : table.classes)
    for (const Pixel& pixel : pixels_of(table, of))
      for (const Tap& tap : taps_of(table, of)) sums[shifted(pixel, tap) * table.positions + tap.position] = pixel.to;
  const bool ascends = direction_of(table) > 0;
  for (std::size_t group = 0; group < table.groups; ++group) {
    const RowBlock<T> block{.table = table,
                            .lanes = c.lanes,
                            .from = c.from + group * table.depth * table.from_pixels * c.lanes,
                            .weights = c.weights + group * table.depth * table.positions,
                            .packed = 1,
                            .to = c.to + group * table.to_pixels * c.lanes,
                            .bias = nullptr,
                            .count = c.lanes};
    for (std::size_t p = 0; p < table.to_pixels; ++p)
      std::fill_n(block.to + p * c.lanes, c.lanes, c.bias == nullptr ? T{0} : c.bias[group * table.to_pixels + p]);
    for_lanes(block, [&](auto d, auto is_part, const RowBlock<T>& at)
                         HWY_ATTR { add_pixels<is_part()>(d, at, sums.data(), ascends); });
    if (c.activation == Activation::kNone) continue;
    for (const PixelClass& of : table.classes)
      activate(c, group, 1, {&of, table.pixels.data() + of.first_pixel, of.num_pixels});
  }
}

}  // namespace

void to_one_f32(const Convolution<float>& convolution) { run_to_one(convolution); }
void to_one_f64(const Convolution<double>& convolution) { run_to_one(convolution); }

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

bool is_to_one(const ConvTable& table, std::size_t lanes) {
  constexpr std::size_t kManyChannels = 32;  // with 16 a block of pixels finds them in the first-level cache
  return lanes > 1 && table.rows == 1 && table.depth >= kManyChannels && table.positions > 1 &&
         table.from_pixels * table.positions <= kMostMeetings && direction_of(table) != 0;
}

HWY_EXPORT(to_one_f32);
HWY_EXPORT(to_one_f64);

template <>
void convolve_to_one<float>(const Convolution<float>& convolution) {
  HWY_DYNAMIC_DISPATCH(to_one_f32)(convolution);
}
template <>
void convolve_to_one<double>(const Convolution<double>& convolution) {
  HWY_DYNAMIC_DISPATCH(to_one_f64)(convolution);
}

}  // namespace costate::internal
#endif
