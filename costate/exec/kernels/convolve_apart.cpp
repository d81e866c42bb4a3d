// Convolutions of channels apart from each other (depthwise). What a block of rows and pixels does besides its nine
// steps would take longer than these; here the pixels of a class are walked through in all channels with its weights in
// registers, several beside each other: a number that was loaded serves all that meet it. Pixels at the left and the
// right border go along.
//
// Roofline. 64 channels of 3 x 3 on 7 x 7 pixels: 60 to 66 % of the multiply-adds' peak, the lower limit, forward and
// by the image, 59 to 61 % by the weights; 64 channels of 1 x 1 and one: 65 to 70 % of a copy's bandwidth
// (convolutions_bench, Zen 4, with priority on a busy machine). With more blocks than of five pixels and two it was
// some 3 % faster, for a good deal more code.
#include "costate/exec/kernels/convolve_apart.h"

#include <algorithm>
#include <span>
#include <type_traits>

#include "costate/exec/kernels/pixel_runs.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/convolve_apart.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/convolution-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

/// Takes pixels that are left five or two together where each is a column beside the one before, so that a number that
/// was loaded serves all that meet it; one by one elsewhere. take(how many) counts them down. Five sums fit beside nine
/// weights into 16 registers.
template <bool kBeside, class Take>
HWY_INLINE void take_all(bool are_beside, const std::size_t& left, const Take& take) {
  if constexpr (kBeside) {
    if (are_beside) {
      while (left >= 5) take(std::integral_constant<std::size_t, 5>());
      while (left >= 2) take(std::integral_constant<std::size_t, 2>());
    }
  }
  while (left > 0) take(std::integral_constant<std::size_t, 1>());
}

/// Pixels of a run from one on.
template <class T>
struct Beside {
  const T* from = nullptr;  // of the first tap
  T* to = nullptr;
  const T* bias = nullptr;  // or null
  std::ptrdiff_t row_step = 0, column_step = 0, to_step = 0, bias_step = 0;
  std::size_t count = 0;  // lanes of the vector
};

/// The sums of some pixels, each a chain of its own, over columns from kFirst to kLast.
template <std::size_t kPixels, std::size_t kFirst, std::size_t kLast, bool kPart, std::size_t kRows,
          std::size_t kColumns, class D, class T>
HWY_INLINE void pixels_beside(D d, const VecOf<D> (&weights)[kRows][kColumns], const Beside<T>& at) {
  VecOf<D> sum[kPixels];
  for (std::size_t p = 0; p < kPixels; ++p)
    sum[p] = at.bias == nullptr ? hn::Zero(d) : hn::Set(d, at.bias[static_cast<std::ptrdiff_t>(p) * at.bias_step]);
  const T* row = at.from;
  for (std::size_t i = 0; i < kRows; ++i, row += at.row_step) {
    const T* from = row;
#pragma GCC unroll 8
    for (std::size_t c = kFirst; c < kPixels + kLast; ++c, from += at.column_step) {
      VecOf<D> right;
      if constexpr (kPart)
        right = load_first(d, from, at.count);
      else
        right = in_register(hn::LoadU(d, from));
#pragma GCC unroll 3
      for (std::size_t j = kFirst; j <= kLast; ++j)
        if (c >= j && c - j < kPixels) sum[c - j] = hn::MulAdd(weights[i][j], right, sum[c - j]);
    }
  }
  T* to = at.to;
  for (std::size_t p = 0; p < kPixels; ++p, to += at.to_step) {
    if constexpr (kPart)
      store_first(sum[p], d, to, at.count);
    else
      hn::StoreU(sum[p], d, to);
  }
}

/// What a class has in a part, in all rows, for one vector of lanes: a row's weights of the class stay in registers.
template <std::size_t kRows, std::size_t kColumns, bool kPart, class D, class T>
HWY_NOINLINE void class_of_groups(D d, RowBlock<T> block, const ClassRuns& part) {
  const ConvTable& table = block.table;
  const auto lanes = static_cast<std::ptrdiff_t>(block.lanes);
  const Tap* const taps = table.taps.data() + part.of->first_tap;
  const bool has_before = !part.before.empty(), has_behind = !part.behind.empty();
  for (std::size_t row = 0; row < table.groups * table.rows; ++row) {
    VecOf<D> weights[kRows][kColumns];
    for (std::size_t i = 0; i < kRows; ++i)
      for (std::size_t j = 0; j < kColumns; ++j)
        weights[i][j] = hn::Set(d, block.weights[taps[i * kColumns + j].position]);
    for (const PixelRun& run : part.runs) {
      const std::ptrdiff_t from_step = run.from_step * lanes;
      Beside<T> at{.from = block.from + run.from * lanes,
                   .to = block.to + run.to * lanes,
                   .bias = block.bias == nullptr ? nullptr : block.bias + run.to,
                   .row_step = part.grid.row_step * lanes,
                   .column_step = kColumns > 1 ? part.grid.column_step * lanes : from_step,
                   .to_step = run.to_step * lanes,
                   .bias_step = run.to_step,
                   .count = block.count};
      const auto move = [&](std::ptrdiff_t pixels) {
        at.from += pixels * from_step;
        at.to += pixels * at.to_step;
        if (at.bias != nullptr) at.bias += pixels * at.bias_step;
      };
      std::size_t left = run.count;
      const auto take = [&](auto pixels) HWY_ATTR {
        pixels_beside<pixels(), 0, kColumns - 1, kPart>(d, weights, at);
        move(static_cast<std::ptrdiff_t>(pixels()));
        left -= pixels();
      };
      if constexpr (kColumns == 3) {
        if (has_before) {
          Beside<T> before = at;
          before.to -= at.to_step;
          if (at.bias != nullptr) before.bias -= at.bias_step;
          pixels_beside<1, 1, 2, kPart>(d, weights, before);
        }
      }
      take_all<std::is_same_v<D, hn::ScalableTag<T>> && !kPart>(from_step == at.column_step, left, take);
      if constexpr (kColumns == 3)
        if (has_behind) pixels_beside<1, 0, 1, kPart>(d, weights, at);
    }
    block.weights += table.positions;
    if ((row + 1) % table.rows == 0) block.from += table.from_pixels * block.lanes;
    block.to += table.to_pixels * block.lanes;
    if (block.bias != nullptr) block.bias += table.to_pixels;
  }
}

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
  PixelRuns runs(table);
  for (std::span<const ClassRuns> parts = runs.next(); !parts.empty(); parts = runs.next())
    for (const ClassRuns& part : parts) {
      for_lanes(block, [&](auto d, auto is_part, const RowBlock<T>& at) HWY_ATTR {
        with_tap_grid(part.grid, [&](auto rows, auto columns)
                                     HWY_ATTR { class_of_groups<rows(), columns(), is_part()>(d, at, part); });
      });
      if (c.activation != Activation::kNone)
        for (const std::span<const Pixel> pixels : {part.pixels, part.before, part.behind})
          activate(c, 0, table.groups * table.rows, {part.of, pixels.data(), pixels.size()});
    }
}

/// Pixels of a run from one on, of images whose products are summed.
template <class T>
struct Products {
  const T *from = nullptr, *to = nullptr;
  const T* shares = nullptr;
  std::ptrdiff_t row_step = 0, column_step = 0, to_step = 0;
};

/// Adds the products of some pixels to the sums of columns from kFirst to kLast, which stay spread over a vector.
template <std::size_t kPixels, std::size_t kFirst, std::size_t kLast, std::size_t kRows, std::size_t kColumns, class V,
          class T, class Load>
HWY_INLINE void add_products(V (&sum)[kRows][kColumns], const Products<T>& at, const Load& load) {
  V left[kPixels];
  for (std::size_t p = 0; p < kPixels; ++p) left[p] = load(at.to + static_cast<std::ptrdiff_t>(p) * at.to_step);
  if (at.shares != nullptr)
    for (std::size_t p = 0; p < kPixels; ++p) left[p] = hn::Mul(left[p], load(at.shares));
  const T* column = at.from;
#pragma GCC unroll 8
  for (std::size_t c = kFirst; c < kPixels + kLast; ++c, column += at.column_step) {
    const T* from = column;
#pragma GCC unroll 3
    for (std::size_t i = 0; i < kRows; ++i, from += at.row_step) {
      const auto right = in_register(load(from));
#pragma GCC unroll 3
      for (std::size_t j = kFirst; j <= kLast; ++j)
        if (c >= j && c - j < kPixels) sum[i][j] = hn::MulAdd(left[c - j], right, sum[i][j]);
    }
  }
}

/// What the runs of a part add to the sums of one channel's weights, at the lanes that `load` reads.
template <bool kBeside, std::size_t kRows, std::size_t kColumns, class V, class T, class Load>
HWY_INLINE void add_runs(V (&sum)[kRows][kColumns], const ClassRuns& part, std::ptrdiff_t lanes,
                         const Products<T>& images, const Load& load) {
  const bool has_before = !part.before.empty(), has_behind = !part.behind.empty();
  for (const PixelRun& run : part.runs) {
    const std::ptrdiff_t from_step = run.from_step * lanes;
    Products<T> at{.from = images.from + run.from * lanes,
                   .to = images.to + run.to * lanes,
                   .shares = images.shares,
                   .row_step = part.grid.row_step * lanes,
                   .column_step = kColumns > 1 ? part.grid.column_step * lanes : from_step,
                   .to_step = run.to_step * lanes};
    if constexpr (kColumns == 3) {
      if (has_before) {
        Products<T> before = at;
        before.to -= at.to_step;
        add_products<1, 1, 2>(sum, before, load);
      }
    }
    std::size_t left = run.count;
    const auto take = [&](auto pixels) HWY_ATTR {
      add_products<pixels(), 0, kColumns - 1>(sum, at, load);
      at.from += static_cast<std::ptrdiff_t>(pixels()) * from_step;
      at.to += static_cast<std::ptrdiff_t>(pixels()) * at.to_step;
      left -= pixels();
    };
    take_all<kBeside>(from_step == at.column_step, left, take);
    if constexpr (kColumns == 3)
      if (has_behind) add_products<1, 0, 1>(sum, at, load);
  }
}

/// What a class in a part adds to the weights of all channels, where each meets one row.
template <std::size_t kRows, std::size_t kColumns, class T>
HWY_NOINLINE void class_sums(const WeightSums<T>& sums, const ClassRuns& part) {
  const hn::ScalableTag<T> d;
  const ConvTable& table = *sums.table;
  const std::size_t width = hn::Lanes(d), rest = sums.lanes % width;
  const Tap* const taps = table.taps.data() + part.of->first_tap;
  for (std::size_t channel = 0; channel < table.groups * table.depth; ++channel) {
    const auto partial = [&](std::size_t i, std::size_t j) HWY_ATTR {
      return sums.partial + (channel * table.positions + taps[i * kColumns + j].position) * width;
    };
    VecOf<decltype(d)> sum[kRows][kColumns];
    for (std::size_t i = 0; i < kRows; ++i)
      for (std::size_t j = 0; j < kColumns; ++j) sum[i][j] = hn::LoadU(d, partial(i, j));
    const Products<T> images{.from = sums.from + channel * table.from_pixels * sums.lanes,
                             .to = sums.to + channel / table.depth * table.to_pixels * sums.lanes,
                             .shares = sums.shares};
    const auto lanes = static_cast<std::ptrdiff_t>(sums.lanes);
    std::size_t lane = 0;
    for (; lane + width <= sums.lanes; lane += width)
      add_runs<true>(sum, part, lanes, images, [&](const T* x) HWY_ATTR { return hn::LoadU(d, x + lane); });
    if (rest > 0)
      add_runs<false>(sum, part, lanes, images, [&](const T* x) HWY_ATTR { return load_first(d, x + lane, rest); });
    for (std::size_t i = 0; i < kRows; ++i)
      for (std::size_t j = 0; j < kColumns; ++j) hn::StoreU(sum[i][j], d, partial(i, j));
  }
}

template <class T>
void run_apart_sums(const WeightSums<T>& sums) {
  PixelRuns runs(*sums.table);
  for (std::span<const ClassRuns> parts = runs.next(); !parts.empty(); parts = runs.next())
    for (const ClassRuns& part : parts)
      with_tap_grid(part.grid, [&](auto rows, auto columns) HWY_ATTR { class_sums<rows(), columns()>(sums, part); });
}

}  // namespace

void apart_f32(const Convolution<float>& convolution) { run_apart(convolution); }
void apart_f64(const Convolution<double>& convolution) { run_apart(convolution); }
void apart_sums_f32(const WeightSums<float>& sums) { run_apart_sums(sums); }
void apart_sums_f64(const WeightSums<double>& sums) { run_apart_sums(sums); }

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

bool is_apart(const ConvTable& table, std::size_t lanes) {
  return lanes > 1 && table.depth == 1 && (table.rows == 1 || table.positions == 1) && has_tap_grids(table);
}

bool has_apart_sums(const ConvTable& table, std::size_t lanes) {
  return lanes > 1 && table.rows == 1 && (table.depth == 1 || table.positions == 1) && has_tap_grids(table);
}

HWY_EXPORT(apart_f32);
HWY_EXPORT(apart_f64);
HWY_EXPORT(apart_sums_f32);
HWY_EXPORT(apart_sums_f64);

template <>
void convolve_apart<float>(const Convolution<float>& convolution) {
  HWY_DYNAMIC_DISPATCH(apart_f32)(convolution);
}
template <>
void convolve_apart<double>(const Convolution<double>& convolution) {
  HWY_DYNAMIC_DISPATCH(apart_f64)(convolution);
}
template <>
void add_apart_sums<float>(const WeightSums<float>& sums) {
  HWY_DYNAMIC_DISPATCH(apart_sums_f32)(sums);
}
template <>
void add_apart_sums<double>(const WeightSums<double>& sums) {
  HWY_DYNAMIC_DISPATCH(apart_sums_f64)(sums);
}

}  // namespace costate::internal
#endif
