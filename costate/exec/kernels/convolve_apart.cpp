// Convolutions of channels apart from each other (depthwise). What a block of rows and pixels does besides its nine
// steps would take longer than these; here a class of pixels goes through all channels with its taps at hand.
//
// Roofline. 64 channels of 3 x 3 on 7 x 7 pixels, one vector of lanes: 50 % of the multiply-adds' peak, 30 % of a
// copy's bandwidth (convolutions_bench, Zen 4).
#include "costate/exec/kernels/convolve_apart.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/convolve_apart.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/convolution-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// The pixels of a class in all groups of one row and one channel each, for one vector of lanes: the class's weights
/// of a group stay in registers, and each sum is a chain of its own.
template <std::size_t kTaps, bool kPart, class D, class T>
HWY_NOINLINE void single_rows(D d, RowBlock<T> block, const PixelRange& range) {
  const ConvTable& table = block.table;
  std::size_t positions[kTaps];
  std::ptrdiff_t shifts[kTaps];
  for (std::size_t t = 0; t < kTaps; ++t) {
    const Tap& tap = table.taps[range.of->first_tap + t];
    positions[t] = tap.position;
    shifts[t] = tap.shift * static_cast<std::ptrdiff_t>(block.lanes);
  }
  for (std::size_t group = 0; group < table.groups; ++group) {
    VecOf<D> weights[kTaps];
    for (std::size_t t = 0; t < kTaps; ++t) weights[t] = hn::Set(d, block.weights[positions[t]]);
    for (std::size_t p = 0; p < range.count; ++p) {
      const Pixel pixel = range.first[p];
      const T* const from = block.from + pixel.from * block.lanes;
      T* const to = block.to + pixel.to * block.lanes;
      auto sum = block.bias == nullptr ? hn::Zero(d) : hn::Set(d, block.bias[pixel.to]);
      for (std::size_t t = 0; t < kTaps; ++t)
        if constexpr (kPart)
          sum = hn::MulAdd(weights[t], load_first(d, from + shifts[t], block.count), sum);
        else
          sum = hn::MulAdd(weights[t], hn::LoadU(d, from + shifts[t]), sum);
      if constexpr (kPart)
        store_first(sum, d, to, block.count);
      else
        hn::StoreU(sum, d, to);
    }
    block.weights += table.positions;
    block.from += table.from_pixels * block.lanes;
    block.to += table.to_pixels * block.lanes;
    if (block.bias != nullptr) block.bias += table.to_pixels;
  }
}

/// Channels that are convolved apart: a class in all of them before the next class.
template <class T>
void run_apart(const Convolution<T>& c) {
  const ConvTable& table = *c.table;
  const RowBlock<T> block{.table = table,
                          .lanes = c.lanes,
                          .from = c.from,
                          .weights = c.weights,
                          .packed = 1,
                          .to = c.to,
                          .bias = c.bias,
                          .count = c.lanes};
  for (const PixelClass& of : table.classes) {
    const PixelRange range{&of, table.pixels.data() + of.first_pixel, of.num_pixels};
    for_lanes(block, [&](auto d, auto is_part, const RowBlock<T>& at) HWY_ATTR {
      const auto run = [&](auto taps) HWY_ATTR { single_rows<taps(), is_part()>(d, at, range); };
      switch (of.num_taps) {
        case 1:
          return run(std::integral_constant<std::size_t, 1>());
        case 2:
          return run(std::integral_constant<std::size_t, 2>());
        case 3:
          return run(std::integral_constant<std::size_t, 3>());
        case 4:
          return run(std::integral_constant<std::size_t, 4>());
        case 6:
          return run(std::integral_constant<std::size_t, 6>());
        default:
          return run(std::integral_constant<std::size_t, 9>());
      }
    });
    if (c.activation != Activation::kNone) activate(c, 0, table.groups, range);
  }
}

}  // namespace

void apart_f32(const Convolution<float>& convolution) { run_apart(convolution); }
void apart_f64(const Convolution<double>& convolution) { run_apart(convolution); }

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

bool is_apart(const ConvTable& table, std::size_t lanes) {
  constexpr std::uint32_t kNumTaps[] = {1, 2, 3, 4, 6, 9};  // of these kernels, at their borders too
  return lanes > 1 && table.rows == 1 && table.depth == 1 &&
         std::ranges::all_of(table.classes, [&](const ConvTable::PixelClass& of) {
           return std::ranges::find(kNumTaps, of.num_taps) != std::end(kNumTaps);
         });
}

HWY_EXPORT(apart_f32);
HWY_EXPORT(apart_f64);

template <>
void convolve_apart<float>(const Convolution<float>& convolution) {
  HWY_DYNAMIC_DISPATCH(apart_f32)(convolution);
}
template <>
void convolve_apart<double>(const Convolution<double>& convolution) {
  HWY_DYNAMIC_DISPATCH(apart_f64)(convolution);
}

}  // namespace costate::internal
#endif
