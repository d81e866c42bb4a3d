// Products. The micro-kernel keeps `rows` x `vectors` accumulators in registers: each step of k loads `vectors` vectors
// of b and broadcasts `rows` numbers of a, so 8 x 2 does 16 fused multiply-adds for 10 loads. 12 x 2 would fill
// AVX-512's registers, but has more row addresses than there are general registers: compilers keep those in vector
// registers, where the next block's wait for the multiply-adds under way. The last vector of a row of AVX-512 may be a
// half: 20 samples take 24 lanes, and not 32.
//
// Roofline. Bound by the multiply-adds: 32 or 64 lanes of 64 x 64 to 256 x 256 run at 97 to 99 % of the measured peak
// (kernels_bench, Zen 4, 118 GFLOP/s in f32). A tanh costs about 11 of these units' cycles a vector, 2 of them the
// division's, so that the layer with it reaches 81 % (64 x 64) to 94 % (256 x 256), products alone counted. Products
// with k = 2 are bound by the stores of c (41 %), those of one lane by the latency of their one chain in k (5 %).
#include <array>
#include <type_traits>

#include "costate/exec/kernels/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "costate/exec/kernels/gemm.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
// The target loop comes before what it repeats.
#include <hwy/highway.h>

#include "costate/exec/kernels/activations-inl.h"
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
  with_activation(g.activation, each);
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
  if (lanes == 1) {  // one sample: its columns side by side
    for (std::size_t i = 0; i < m; ++i)
      for_vectors(d, n, [&](std::size_t, auto load, auto store) HWY_ATTR {
        auto sum = hn::Zero(d);
        for (std::size_t step = 0; step < k; ++step)
          sum = hn::MulAdd(hn::Set(d, x.data[i * k + step]), load(y.data + step * n), sum);
        store(sum, out + i * n);
      });
    return;
  }
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

}  // namespace

#define COSTATE_PRODUCTS(T, suffix)                                                                      \
  void gemm_##suffix(const Gemm<T>& product) { run_gemm(product); }                                      \
  void batched_##suffix(Operand<T> x, Operand<T> y, T* out, std::size_t m, std::size_t k, std::size_t n, \
                        std::size_t lanes) {                                                             \
    run_batched(x, y, out, m, k, n, lanes);                                                              \
  }
COSTATE_PRODUCTS(float, f32)
COSTATE_PRODUCTS(double, f64)
#undef COSTATE_PRODUCTS

}  // namespace costate::internal::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace costate::internal {

#define COSTATE_PRODUCTS(T, suffix)                                                                        \
  HWY_EXPORT(gemm_##suffix);                                                                               \
  HWY_EXPORT(batched_##suffix);                                                                            \
  template <>                                                                                              \
  void gemm<T>(const Gemm<T>& product) {                                                                   \
    HWY_DYNAMIC_DISPATCH(gemm_##suffix)(product);                                                          \
  }                                                                                                        \
  template <>                                                                                              \
  void batched_matmul<T>(Operand<T> x, Operand<T> y, T * out, std::size_t m, std::size_t k, std::size_t n, \
                         std::size_t lanes) {                                                              \
    HWY_DYNAMIC_DISPATCH(batched_##suffix)(x, y, out, m, k, n, lanes);                                     \
  }
COSTATE_PRODUCTS(float, f32)
COSTATE_PRODUCTS(double, f64)
#undef COSTATE_PRODUCTS

}  // namespace costate::internal
#endif
