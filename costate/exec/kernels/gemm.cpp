// Products. The micro-kernel keeps `rows` x `vectors` accumulators in registers: each step of k loads `vectors` vectors
// of b and broadcasts `rows` numbers of a, so 8 x 2 does 16 fused multiply-adds for 10 loads. 12 x 2 would fill
// AVX-512's registers, but has more row addresses than there are general registers: compilers keep those in vector
// registers, where the next block's wait for the multiply-adds under way. The last vector of a row of AVX-512 may be a
// half: 20 samples take 24 lanes, and not 32.
//
// Roofline. Bound by the multiply-adds: 32 or 64 lanes of 64 x 64 to 256 x 256 run at 97 to 99 % of the measured peak
// (kernels_bench, Zen 4, 118 GFLOP/s in f32). A tanh costs about 11 of these units' cycles a vector, 2 of them the
// division's, so that the layer with it reaches 81 % (64 x 64) to 94 % (256 x 256), products alone counted. Products
// with k = 2 are bound by the stores of c (41 %), those of one lane by the latency of their one chain in k (5 %),
// transpose by L1.
#include <array>
#include <type_traits>

#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/gemm.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/math-inl.h"
#include "costate/exec/kernels/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace costate::internal::HWY_NAMESPACE {
namespace {

#if HWY_TARGET <= HWY_AVX3
constexpr std::size_t kBlockRows = 8;
#else
constexpr std::size_t kBlockRows = 6;  // of 16 registers
#endif

/// Applies the activation to what a block has stored: rows [row, row + rows) from `column`. In a loop of its own, so
/// that several elements are under way at once.
template <class T>
HWY_NOINLINE void activate_block(const Gemm<T>& g, std::size_t row, std::size_t rows, std::size_t column,
                                 std::size_t columns) {
  const std::size_t stride = g.c_stride;
  T* const first = g.c + row * stride + column;
  const auto each = [=](auto activation) HWY_ATTR {
    for_vectors_and_half<T>(columns, [=](auto d, auto load, auto store) HWY_ATTR {
      T* c = first;
      for (std::size_t i = 0; i < rows; ++i, c += stride)  // so that constants stay in registers
        store(activation(d, load(c)), c);
    });
  };
  switch (g.activation) {
    case Activation::kTanh:
      return each([](auto d, auto x) HWY_ATTR { return tanh_vector(d, x); });
    case Activation::kRelu:
      return each([](auto d, auto x) HWY_ATTR { return keep_nan<decltype(d)>(x, hn::Max(x, hn::Zero(d))); });
    case Activation::kSigmoid:
      return each([](auto d, auto x) HWY_ATTR { return sigmoid_vector(d, x); });
    case Activation::kSoftplus:
      return each([](auto d, auto x) HWY_ATTR { return softplus_vector(d, x); });
    default:
      return;
  }
}

/// x times a slope, told from z.
template <Activation kSlope, class D>
HWY_INLINE VecOf<D> times_slope(D d, VecOf<D> x, VecOf<D> z) {
  if constexpr (kSlope == Activation::kTanhSlope) return hn::Mul(x, hn::NegMulAdd(z, z, number(d, 1)));
  if constexpr (kSlope == Activation::kReluSlope) return hn::IfThenElseZero(hn::Gt(z, hn::Zero(d)), x);
  if constexpr (kSlope == Activation::kSigmoidSlope) return hn::Mul(x, hn::NegMulAdd(z, z, z));
}

/// What follows the whole vectors of a panel: nothing, half a vector, or some columns of one.
enum class Tail { kNone, kHalf, kPart };

/// One row of a block in registers; `rest` columns are in a tail that is a part of a vector.
template <class T, std::size_t kVectors, Tail kTail>
struct BlockRow {
  using D = hn::ScalableTag<T>;
  using TailTag = std::conditional_t<kTail == Tail::kHalf, hn::Half<D>, D>;
  std::array<VecOf<D>, kVectors> whole;
  VecOf<TailTag> tail;

  static std::size_t whole_columns() { return kVectors * hn::Lanes(D()); }

  static HWY_INLINE void prefetch(const T* from) {
    for (std::size_t v = 0; v < kVectors; ++v) hwy::Prefetch(from + v * hn::Lanes(D()));
  }
  HWY_INLINE void set(T value) {
    for (auto& x : whole) x = hn::Set(D(), value);
    if constexpr (kTail != Tail::kNone) tail = hn::Set(TailTag(), value);
  }
  HWY_INLINE void load(const T* from, std::size_t rest) {
    for (std::size_t v = 0; v < kVectors; ++v) whole[v] = hn::LoadU(D(), from + v * hn::Lanes(D()));
    if constexpr (kTail == Tail::kHalf) tail = hn::LoadU(TailTag(), from + whole_columns());
    if constexpr (kTail == Tail::kPart) tail = load_first(TailTag(), from + whole_columns(), rest);
  }
  HWY_INLINE void add_product(T left, const BlockRow& right) {
    for (std::size_t v = 0; v < kVectors; ++v) whole[v] = hn::MulAdd(hn::Set(D(), left), right.whole[v], whole[v]);
    if constexpr (kTail != Tail::kNone) tail = hn::MulAdd(hn::Set(TailTag(), left), right.tail, tail);
  }
  template <Activation kSlope>
  HWY_INLINE void multiply_by_slope(const T* z, std::size_t rest) {
    for (std::size_t v = 0; v < kVectors; ++v)
      whole[v] = times_slope<kSlope>(D(), whole[v], hn::LoadU(D(), z + v * hn::Lanes(D())));
    if constexpr (kTail == Tail::kHalf)
      tail = times_slope<kSlope>(TailTag(), tail, hn::LoadU(TailTag(), z + whole_columns()));
    if constexpr (kTail == Tail::kPart)
      tail = times_slope<kSlope>(TailTag(), tail, load_first(TailTag(), z + whole_columns(), rest));
  }
  HWY_INLINE void store(T* to, std::size_t rest) const {
    for (std::size_t v = 0; v < kVectors; ++v) hn::StoreU(whole[v], D(), to + v * hn::Lanes(D()));
    if constexpr (kTail == Tail::kHalf) hn::StoreU(tail, TailTag(), to + whole_columns());
    if constexpr (kTail == Tail::kPart) store_first(tail, TailTag(), to + whole_columns(), rest);
  }
};

/// The columns of a panel, and the rows that come next.
template <class T>
struct Panel {
  Panel(const Gemm<T>& g, std::size_t column, std::size_t rest)
      : column(column),
        rest(rest),
        k(g.k),
        a_row_stride(g.a_row_stride),
        a_column_stride(g.a_column_stride),
        b_stride(g.b_stride),
        c_stride(g.c_stride),
        a(g.a),
        b(g.b + column),
        c(g.c + column) {}
  std::size_t column, rest;
  std::size_t k, a_row_stride, a_column_stride, b_stride, c_stride;
  std::size_t row = 0;
  const T* a;
  const T* b;
  T* c;
};

/// The next kRows rows of a panel. kSlope is kNone where the activation is no slope.
template <std::size_t kRows, std::size_t kVectors, Tail kTail, Activation kSlope, class T>
HWY_INLINE void block(const Gemm<T>& g, Panel<T>& panel) {
  using Row = BlockRow<T, kVectors, kTail>;
  const std::size_t c_stride = panel.c_stride, rest = panel.rest;
  Row sum[kRows];
  switch (g.start) {
    case GemmStart::kZero:
      for (std::size_t i = 0; i < kRows; ++i) sum[i].set(T{0});
      break;
    case GemmStart::kAccumulate:
      for (std::size_t i = 0; i < kRows; ++i) sum[i].load(panel.c + i * c_stride, rest);
      break;
    case GemmStart::kBiasRow:
      for (std::size_t i = 0; i < kRows; ++i) sum[i].set(g.bias[panel.row + i]);
      break;
    default:  // kBiasColumn
      for (std::size_t i = 0; i < kRows; ++i) sum[i].load(g.bias + panel.column, rest);
      break;
  }
  const T* slope_of = nullptr;
  if constexpr (kSlope != Activation::kNone) {
    slope_of = g.slope_of + panel.row * c_stride + panel.column;
    // What the forward phase saved may be far away: it comes while the product runs.
    for (std::size_t i = 0; i < kRows; ++i) Row::prefetch(slope_of + i * c_stride);
  }
  const T* a = panel.a;
  const T* b = panel.b;
  for (std::size_t k = panel.k; k > 0; --k, a += panel.a_column_stride, b += panel.b_stride) {
    Row right;
    right.load(b, rest);
    for (std::size_t i = 0; i < kRows; ++i) sum[i].add_product(a[i * panel.a_row_stride], right);
  }
  if constexpr (kSlope != Activation::kNone)
    for (std::size_t i = 0; i < kRows; ++i) sum[i].template multiply_by_slope<kSlope>(slope_of + i * c_stride, rest);
  for (std::size_t i = 0; i < kRows; ++i) sum[i].store(panel.c + i * c_stride, rest);
  if (kSlope == Activation::kNone && g.activation != Activation::kNone)
    activate_block(g, panel.row, kRows, panel.column, Row::whole_columns() + rest);
  panel.row += kRows;
  panel.a += kRows * panel.a_row_stride;
  panel.c += kRows * c_stride;
}

/// All rows of one panel of columns: kVectors whole vectors, and `rest` columns in its tail.
template <std::size_t kVectors, Tail kTail, Activation kSlope, class T>
HWY_NOINLINE void panel_rows(const Gemm<T>& g, std::size_t column, std::size_t rest) {
  Panel<T> panel(g, column, rest);
  while (panel.row + kBlockRows <= g.m) block<kBlockRows, kVectors, kTail, kSlope>(g, panel);
  while (panel.row + 4 <= g.m) block<4, kVectors, kTail, kSlope>(g, panel);
  while (panel.row + 2 <= g.m) block<2, kVectors, kTail, kSlope>(g, panel);
  while (panel.row < g.m) block<1, kVectors, kTail, kSlope>(g, panel);
}

/// Each slope in code of its own: an epilogue in registers must not cost the other products any.
template <std::size_t kVectors, Tail kTail, class T>
void run_panel(const Gemm<T>& g, std::size_t column, std::size_t rest) {
  switch (g.activation) {
    case Activation::kTanhSlope:
      return panel_rows<kVectors, kTail, Activation::kTanhSlope>(g, column, rest);
    case Activation::kReluSlope:
      return panel_rows<kVectors, kTail, Activation::kReluSlope>(g, column, rest);
    case Activation::kSigmoidSlope:
      return panel_rows<kVectors, kTail, Activation::kSigmoidSlope>(g, column, rest);
    default:
      return panel_rows<kVectors, kTail, Activation::kNone>(g, column, rest);
  }
}

/// One row: several vectors of columns side by side hide the latency of the chain in k.
template <std::size_t kVectors, class T>
HWY_NOINLINE void row_panel(const Gemm<T>& g, std::size_t column) {
  Panel<T> panel(g, column, 0);
  while (panel.row < g.m) block<1, kVectors, Tail::kNone, Activation::kNone>(g, panel);
}

template <class T>
void run_gemm(const Gemm<T>& g) {
  const std::size_t width = hn::Lanes(hn::ScalableTag<T>());
  std::size_t column = 0;
  if (g.m <= 2 && g.slope_of == nullptr)
    for (; column + 4 * width <= g.n; column += 4 * width) row_panel<4>(g, column);
  for (; column + 2 * width <= g.n; column += 2 * width) run_panel<2, Tail::kNone>(g, column, 0);
  const bool has_whole = column + width <= g.n;
  const std::size_t rest = (g.n - column) % width;
  if constexpr (kHalfCostsLess) {
    if (rest == width / 2)
      return has_whole ? run_panel<1, Tail::kHalf>(g, column, rest) : run_panel<0, Tail::kHalf>(g, column, rest);
  }
  if (has_whole) run_panel<1, Tail::kNone>(g, column, 0);
  if (rest > 0) run_panel<0, Tail::kPart>(g, g.n - rest, rest);
}

template <class T>
void run_batched(Operand<T> x, Operand<T> y, T* out, std::size_t m, std::size_t k, std::size_t n, std::size_t lanes) {
  const hn::ScalableTag<T> d;
  const auto element = [&](const Operand<T>& matrix, std::size_t at)
                           HWY_ATTR { return matrix.data + (matrix.spread == Spread::kFull ? at * lanes : at); };
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j)
      for_vectors(d, lanes, [&](std::size_t, auto load, auto store) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (std::size_t step = 0; step < k; ++step) {
          const T* left = element(x, i * k + step);
          const T* right = element(y, step * n + j);
          sum = hn::MulAdd(x.spread == Spread::kFull ? load(left) : hn::Set(d, *left),
                           y.spread == Spread::kFull ? load(right) : hn::Set(d, *right), sum);
        }
        store(sum, out + (i * n + j) * lanes);
      });
}

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

template <class T>
void run_transpose(const T* x, std::size_t rows, std::size_t lanes, const T* weights, T* out) {
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

void row_products_f32(const float* a, std::size_t m, const float* b, std::size_t n, std::size_t depth,
                      const float* weights, float* partial) {
  run_row_products(a, m, b, n, depth, weights, partial);
}
void row_products_f64(const double* a, std::size_t m, const double* b, std::size_t n, std::size_t depth,
                      const double* weights, double* partial) {
  run_row_products(a, m, b, n, depth, weights, partial);
}
void partial_sums_f32(float* partial, std::size_t count, float* out) { run_partial_sums(partial, count, out); }
void partial_sums_f64(double* partial, std::size_t count, double* out) { run_partial_sums(partial, count, out); }
void transpose_f32(const float* x, std::size_t rows, std::size_t lanes, const float* weights, float* out) {
  run_transpose(x, rows, lanes, weights, out);
}
void transpose_f64(const double* x, std::size_t rows, std::size_t lanes, const double* weights, double* out) {
  run_transpose(x, rows, lanes, weights, out);
}
void gemm_f32(const Gemm<float>& g) { run_gemm(g); }
void gemm_f64(const Gemm<double>& g) { run_gemm(g); }
void batched_f32(Operand<float> x, Operand<float> y, float* out, std::size_t m, std::size_t k, std::size_t n,
                 std::size_t lanes) {
  run_batched(x, y, out, m, k, n, lanes);
}
void batched_f64(Operand<double> x, Operand<double> y, double* out, std::size_t m, std::size_t k, std::size_t n,
                 std::size_t lanes) {
  run_batched(x, y, out, m, k, n, lanes);
}

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

HWY_EXPORT(row_products_f32);
HWY_EXPORT(row_products_f64);
HWY_EXPORT(partial_sums_f32);
HWY_EXPORT(partial_sums_f64);
HWY_EXPORT(transpose_f32);
HWY_EXPORT(transpose_f64);
HWY_EXPORT(gemm_f32);
HWY_EXPORT(gemm_f64);
HWY_EXPORT(batched_f32);
HWY_EXPORT(batched_f64);

template <>
void add_row_products<float>(const float* a, std::size_t m, const float* b, std::size_t n, std::size_t depth,
                             const float* weights, float* partial) {
  HWY_DYNAMIC_DISPATCH(row_products_f32)(a, m, b, n, depth, weights, partial);
}
template <>
void add_row_products<double>(const double* a, std::size_t m, const double* b, std::size_t n, std::size_t depth,
                              const double* weights, double* partial) {
  HWY_DYNAMIC_DISPATCH(row_products_f64)(a, m, b, n, depth, weights, partial);
}
template <>
void add_partial_sums<float>(float* partial, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(partial_sums_f32)(partial, count, out);
}
template <>
void add_partial_sums<double>(double* partial, std::size_t count, double* out) {
  HWY_DYNAMIC_DISPATCH(partial_sums_f64)(partial, count, out);
}
template <>
void transpose<float>(const float* x, std::size_t rows, std::size_t lanes, const float* weights, float* out) {
  HWY_DYNAMIC_DISPATCH(transpose_f32)(x, rows, lanes, weights, out);
}
template <>
void transpose<double>(const double* x, std::size_t rows, std::size_t lanes, const double* weights, double* out) {
  HWY_DYNAMIC_DISPATCH(transpose_f64)(x, rows, lanes, weights, out);
}
template <>
void gemm<float>(const Gemm<float>& product) {
  HWY_DYNAMIC_DISPATCH(gemm_f32)(product);
}
template <>
void gemm<double>(const Gemm<double>& product) {
  HWY_DYNAMIC_DISPATCH(gemm_f64)(product);
}
template <>
void batched_matmul<float>(Operand<float> x, Operand<float> y, float* out, std::size_t m, std::size_t k, std::size_t n,
                           std::size_t lanes) {
  HWY_DYNAMIC_DISPATCH(batched_f32)(x, y, out, m, k, n, lanes);
}
template <>
void batched_matmul<double>(Operand<double> x, Operand<double> y, double* out, std::size_t m, std::size_t k,
                            std::size_t n, std::size_t lanes) {
  HWY_DYNAMIC_DISPATCH(batched_f64)(x, y, out, m, k, n, lanes);
}

}  // namespace costate::internal
#endif
