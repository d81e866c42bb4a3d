// What the kernels of convolutions and of their weights share. Included once per instruction set by the kernels'
// sources (Highway's foreach_target).
#if defined(COSTATE_CONVOLUTION_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef COSTATE_CONVOLUTION_INL
#undef COSTATE_CONVOLUTION_INL
#else
#define COSTATE_CONVOLUTION_INL
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <type_traits>

#include "costate/exec/kernels/activations-inl.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/vector-inl.h"
#include "costate/plan/convolution.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {

/// Rows of a block of accumulators, which has three columns: pixels, or vectors of channels.
#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kConvRows = 8;  // of 32 registers
#else
constexpr std::size_t kConvRows = 4;  // of 16 registers
#endif

using Pixel = ConvTable::Pixel;
using PixelClass = ConvTable::PixelClass;
using Tap = ConvTable::Tap;

/// Pixels of one class.
struct PixelRange {
  const PixelClass* of = nullptr;
  const Pixel* first = nullptr;
  std::size_t count = 0;
};
/// Some rows of a group at one vector of lanes.
template <class T>
struct RowBlock {
  const ConvTable& table;
  std::size_t lanes;
  const T* from;       // image of the group
  const T* weights;    // packed; of the first row
  std::size_t packed;  // rows that are packed together
  T* to;               // of the first row
  const T* bias;       // of the first row, or null
  std::size_t count;   // lanes of the vector
};

/// Calls run(vector type, whether the vector is not full, the block at its lanes) for each vector of lanes.
template <class T, class Run>
HWY_INLINE void for_lanes(const RowBlock<T>& block, Run run) {
  const hn::ScalableTag<T> whole;
  const auto run_at = [&](auto d, auto is_part, std::size_t lane, std::size_t lanes) HWY_ATTR {
    RowBlock<T> at = block;
    at.from += lane;
    at.to += lane;
    at.count = lanes;
    run(d, is_part, at);
  };
  std::size_t lane = 0;
  for (; lane + hn::Lanes(whole) <= block.lanes; lane += hn::Lanes(whole))
    run_at(whole, std::false_type(), lane, hn::Lanes(whole));
  const std::size_t rest = block.lanes - lane;
  if (rest == 0) return;
  if constexpr (kHalfCostsLess) {
    const hn::Half<decltype(whole)> half;
    if (rest == hn::Lanes(half)) return run_at(half, std::false_type(), lane, rest);
    if (rest < hn::Lanes(half)) return run_at(half, std::true_type(), lane, rest);
  }
  run_at(whole, std::true_type(), lane, rest);
}

/// Fewer rows take more pixels, whose chains hide each other's latency.
template <std::size_t kRows>
constexpr std::size_t kMostPixels = std::min<std::size_t>(3 * kConvRows / kRows, 6);

/// Pixels that are taken together.
using Pass = std::span<const PixelRange>;

/// What a vector holds: lanes of one pixel, or one lane's pixels behind each other, those of a column `apart` from the
/// next one's.
enum class Along { kLanes, kPixels };

/// All sums of some rows at some pixels of a class. kPart: the vector is not full. kDepth: how many numbers of the
/// image a tap has; 0 where it isn't told.
template <std::size_t kRows, std::size_t kColumns, bool kPart, std::size_t kDepth, Along kAlong, class D, class T>
HWY_INLINE void pixel_block(D d, const RowBlock<T>& block, const PixelClass& of, const Pixel* first,
                            std::size_t apart) {
  const ConvTable& table = block.table;
  const std::size_t depth = kDepth == 0 ? table.depth : kDepth, packed = block.packed;
  const std::size_t row_step = table.to_pixels * block.lanes, channel_step = table.from_pixels * block.lanes;
  const auto load = [&](const T* x) HWY_ATTR {
    if constexpr (kPart)
      return load_first(d, x, block.count);
    else
      return hn::LoadU(d, x);
  };
  const auto bias = [&](const T* x) HWY_ATTR {
    if constexpr (kAlong == Along::kLanes)
      return hn::Set(d, *x);
    else
      return load(x);
  };
  Pixel pixels[kColumns];
  for (std::size_t p = 0; p < kColumns; ++p) pixels[p] = first[p * apart];
  VecOf<D> sum[kRows][kColumns];
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t p = 0; p < kColumns; ++p)
      sum[i][p] = block.bias == nullptr ? hn::Zero(d) : bias(block.bias + i * table.to_pixels + pixels[p].to);
  const T* from[kColumns];
  for (std::size_t p = 0; p < kColumns; ++p) from[p] = block.from + pixels[p].from * block.lanes;
  const Tap* tap = table.taps.data() + of.first_tap;
  for (const Tap* const last = tap + of.num_taps; tap < last; ++tap) {
    const T* weights = block.weights + tap->position * depth * packed;
    std::ptrdiff_t at = tap->shift * static_cast<std::ptrdiff_t>(block.lanes);
    for (std::size_t k = depth; k > 0; --k, weights += packed, at += static_cast<std::ptrdiff_t>(channel_step)) {
      VecOf<D> right[kColumns];
      for (std::size_t p = 0; p < kColumns; ++p) right[p] = load(from[p] + at);
      for (std::size_t i = 0; i < kRows; ++i) {
        const auto left = hn::Set(d, weights[i]);
        for (std::size_t p = 0; p < kColumns; ++p) sum[i][p] = hn::MulAdd(left, right[p], sum[i][p]);
      }
    }
  }
  for (std::size_t i = 0; i < kRows; ++i)
    for (std::size_t p = 0; p < kColumns; ++p) {
      T* to = block.to + i * row_step + pixels[p].to * block.lanes;
      if constexpr (kPart)
        store_first(sum[i][p], d, to, block.count);
      else
        hn::StoreU(sum[i][p], d, to);
    }
}

/// Applies the activation, or the slope of one, to rows from `row` on, which were just stored.
template <class T>
void activate(const Convolution<T>& c, std::size_t row, std::size_t rows, const PixelRange& range) {
  // Pixels that lie behind each other are one row of numbers.
  const auto at_each = [&](auto change) HWY_ATTR {
    const Pixel* const end = range.first + range.count;
    for (const Pixel* pixel = range.first; pixel < end;) {
      const Pixel* const first = pixel++;
      while (pixel < end && pixel->to == first->to + static_cast<std::uint32_t>(pixel - first)) ++pixel;
      const std::size_t count = static_cast<std::size_t>(pixel - first) * c.lanes;
      for (std::size_t i = row; i < row + rows; ++i) {
        T* const to = c.to + (i * c.table->to_pixels + first->to) * c.lanes;
        for_vectors_and_half<T>(count, [&](auto d, auto load, auto store) HWY_ATTR { store(change(d, load, to), to); });
      }
    }
  };
  const auto slope = [&](auto kind) HWY_ATTR {
    at_each([&](auto d, auto load, const T* to)
                HWY_ATTR { return times_slope<kind()>(d, load(to), load(c.slope_of + (to - c.to))); });
  };
  switch (c.activation) {
    case Activation::kNone:
      return;
    case Activation::kTanhSlope:
      return slope(std::integral_constant<Activation, Activation::kTanhSlope>());
    case Activation::kReluSlope:
      return slope(std::integral_constant<Activation, Activation::kReluSlope>());
    case Activation::kSigmoidSlope:
      return slope(std::integral_constant<Activation, Activation::kSigmoidSlope>());
    default:
      return with_activation(c.activation, [&](auto activation) HWY_ATTR {
        at_each([&](auto d, auto load, const T* to) HWY_ATTR { return activation(d, load(to)); });
      });
  }
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
