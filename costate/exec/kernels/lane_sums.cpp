// What sums over the lanes of a tile need: transposed copies for long sums by gemm, and partial sums in vectors for
// those with few rows on one side. Bound by L1 (transpose) and by the loads and stores of the partial sums.
#include <algorithm>
#include <type_traits>

#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/lane_sums.cpp"
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/square-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

template <class T>
void run_transpose(const T* x, std::size_t rows, std::size_t lanes, const T* weights, T* out) {
  if (weights == nullptr && (rows == 1 || lanes == 1)) {
    std::copy_n(x, rows * lanes, out);
    return;
  }
  std::size_t whole_rows = 0, whole_lanes = 0;
#if HWY_TARGET != HWY_SCALAR
  constexpr std::size_t kSide = kSquareBytes / sizeof(T);
  whole_rows = rows / kSide * kSide;
  whole_lanes = lanes / kSide * kSide;
  for (std::size_t lane = 0; lane < whole_lanes; lane += kSide)
    for (std::size_t row = 0; row < whole_rows; row += kSide)
      transpose_square(x + row * lanes + lane, lanes, [&](auto d, std::size_t j, auto column) HWY_ATTR {
        if (weights != nullptr) column = hn::Mul(column, hn::Set(d, weights[lane + j]));
        hn::StoreU(column, d, out + (lane + j) * rows + row);
      });
#endif
  for (std::size_t lane = 0; lane < lanes; ++lane)
    for (std::size_t row = lane < whole_lanes ? whole_rows : 0; row < rows; ++row)
      out[lane * rows + row] = (weights == nullptr ? T{1} : weights[lane]) * x[row * lanes + lane];
}

/// Rows of `many` against kFew rows that stay in registers, kVectors vectors of depth at a time, `last` numbers in the
/// last of them; the partial sum of (i, j) stands at partial + (i * many_stride + j * few_stride) vectors.
template <std::size_t kFew, std::size_t kVectors, bool kPartial, class T>
HWY_INLINE void few_row_products(const T* many, std::size_t rows, const T* few, std::size_t depth, std::size_t offset,
                                 std::size_t last, const T* weights, T* partial, std::size_t many_stride,
                                 std::size_t few_stride) {
  const hn::ScalableTag<T> d;
  using V = VecOf<decltype(d)>;
  const std::size_t width = hn::Lanes(d);
  const auto load = [&](const T* x, std::size_t v) HWY_ATTR {
    return kPartial && v + 1 == kVectors ? load_first(d, x + v * width, last) : hn::LoadU(d, x + v * width);
  };
  V right[kFew][kVectors];
  for (std::size_t j = 0; j < kFew; ++j)
    for (std::size_t v = 0; v < kVectors; ++v) {
      right[j][v] = few == nullptr ? hn::Set(d, T{1}) : load(few + j * depth + offset, v);
      if (weights != nullptr) right[j][v] = hn::Mul(right[j][v], load(weights + offset, v));
    }
  for (std::size_t i = 0; i < rows; ++i) {
    V left[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) left[v] = load(many + i * depth + offset, v);
    T* sums = partial + i * many_stride * width;
    for (std::size_t j = 0; j < kFew; ++j) {
      V sum = hn::LoadU(d, sums + j * few_stride * width);
      for (std::size_t v = 0; v < kVectors; ++v) sum = hn::MulAdd(left[v], right[j][v], sum);
      hn::StoreU(sum, d, sums + j * few_stride * width);
    }
  }
}

/// All of the depth, two vectors at a time.
template <std::size_t kFew, class T>
void few_row_products_of_depth(const T* many, std::size_t rows, const T* few, std::size_t depth, const T* weights,
                               T* partial, std::size_t many_stride, std::size_t few_stride) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  const auto pass = [&](auto vectors, auto is_partial, std::size_t at) HWY_ATTR {
    few_row_products<kFew, vectors(), is_partial()>(many, rows, few, depth, at, (depth - at) % width, weights, partial,
                                                    many_stride, few_stride);
  };
  constexpr std::integral_constant<std::size_t, 1> kOne;
  constexpr std::integral_constant<std::size_t, 2> kTwo;
  constexpr std::true_type kPartial;
  constexpr std::false_type kWhole;
  std::size_t at = 0;
  for (; at + 2 * width <= depth; at += 2 * width) pass(kTwo, kWhole, at);
  const std::size_t rest = depth - at;
  if (rest > width)
    pass(kTwo, kPartial, at);
  else if (rest == width)
    pass(kOne, kWhole, at);
  else if (rest > 0)
    pass(kOne, kPartial, at);
}

template <class T>
void run_row_products(const T* a, std::size_t m, const T* b, std::size_t n, std::size_t depth, const T* weights,
                      T* partial) {
  const bool few_right = n <= m;
  const T* many = few_right ? a : b;
  const T* few = few_right ? b : a;
  const std::size_t rows = few_right ? m : n, count = few_right ? n : m;
  const std::size_t many_stride = few_right ? n : 1, few_stride = few_right ? 1 : n;
  const std::size_t step = few_stride * hn::Lanes(hn::ScalableTag<T>());
  std::size_t j = 0;
  for (; j + 2 <= count; j += 2)
    few_row_products_of_depth<2>(many, rows, few + j * depth, depth, weights, partial + j * step, many_stride,
                                 few_stride);
  if (j < count)
    few_row_products_of_depth<1>(many, rows, few == nullptr ? nullptr : few + j * depth, depth, weights,
                                 partial + j * step, many_stride, few_stride);
}

template <class T>
void run_partial_sums(T* partial, std::size_t count, T* out) {
  const hn::ScalableTag<T> d;
  for (std::size_t i = 0; i < count; ++i, partial += hn::Lanes(d)) {
    out[i] += hn::GetLane(hn::SumOfLanes(d, hn::LoadU(d, partial)));
    hn::StoreU(hn::Zero(d), d, partial);
  }
}

}  // namespace

#define COSTATE_LANE_SUMS(T, suffix)                                                                           \
  void row_products_##suffix(const T* a, std::size_t m, const T* b, std::size_t n, std::size_t depth,          \
                             const T* weights, T* partial) {                                                   \
    run_row_products(a, m, b, n, depth, weights, partial);                                                     \
  }                                                                                                            \
  void partial_sums_##suffix(T* partial, std::size_t count, T* out) { run_partial_sums(partial, count, out); } \
  void transpose_##suffix(const T* x, std::size_t rows, std::size_t lanes, const T* weights, T* out) {         \
    run_transpose(x, rows, lanes, weights, out);                                                               \
  }
COSTATE_LANE_SUMS(float, f32)
COSTATE_LANE_SUMS(double, f64)
#undef COSTATE_LANE_SUMS

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

#define COSTATE_LANE_SUMS(T, suffix)                                                                                  \
  HWY_EXPORT(row_products_##suffix);                                                                                  \
  HWY_EXPORT(partial_sums_##suffix);                                                                                  \
  HWY_EXPORT(transpose_##suffix);                                                                                     \
  template <>                                                                                                         \
  void add_row_products<T>(const T* a, std::size_t m, const T* b, std::size_t n, std::size_t depth, const T* weights, \
                           T* partial) {                                                                              \
    HWY_DYNAMIC_DISPATCH(row_products_##suffix)(a, m, b, n, depth, weights, partial);                                 \
  }                                                                                                                   \
  template <>                                                                                                         \
  void add_partial_sums<T>(T * partial, std::size_t count, T * out) {                                                 \
    HWY_DYNAMIC_DISPATCH(partial_sums_##suffix)(partial, count, out);                                                 \
  }                                                                                                                   \
  template <>                                                                                                         \
  void transpose<T>(const T* x, std::size_t rows, std::size_t lanes, const T* weights, T* out) {                      \
    HWY_DYNAMIC_DISPATCH(transpose_##suffix)(x, rows, lanes, weights, out);                                           \
  }
COSTATE_LANE_SUMS(float, f32)
COSTATE_LANE_SUMS(double, f64)
#undef COSTATE_LANE_SUMS

}  // namespace costate::internal
#endif
