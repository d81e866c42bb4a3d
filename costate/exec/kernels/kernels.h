// The kernels of the tile executor: what runs on numbers, written once over Google Highway and compiled for several
// instruction sets; the best one of the machine is taken at run time.
//
// A value of a sample is [rows, lanes]: element (row, lane) at row * lanes + lane. lanes is 1 or any number; tails are
// exact (nothing past the end is read or written).
//
// Bits. An element of a result depends on its own operands alone: not on its position, on the number of rows or lanes,
// or on whether a full vector or a tail computed it. Sums run in a stated order, each step one fused multiply-add;
// add_row_products, add_partial_sums and add_weight_sums, for sums over a tile, are the exception.
//
// | family        | kernels                                                     | file               |
// |---------------|-------------------------------------------------------------|--------------------|
// | elementwise   | unary_kernel, binary_kernel, pair_kernel, where             | elementwise.cpp    |
// | products      | gemm, batched_matmul                                        | gemm.cpp           |
// | convolutions  | convolve, convolve_lanes                                    | convolution.cpp    |
// | their weights | add_weight_sums, finish_weight_sums, weights_of_lanes       | weight_sums.cpp    |
// | windows       | pool (pooling.h)                                            | pooling.cpp        |
// | sums of lanes | transpose, add_row_products, add_partial_sums               | lane_sums.cpp      |
// | groups of rows| group_norm (group_norm.h)                                   | group_norm.cpp     |
// | rows          | spread, gather_rows, scatter_add_rows, reduce_rows          | rows.cpp           |
// | lanes         | copy_lanes                                                  | rows.cpp           |
// | Runge-Kutta   | stage_combine, scaled_error_norm, axpy_lanes, select_lanes  | runge_kutta.cpp    |
// | optimizers    | adam_update                                                 | adam.cpp           |
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "costate/graph/ops.h"
#include "costate/plan/convolution.h"

namespace costate::internal {

// ---- the machine

/// Numbers of type T in a vector register of the instruction set in use.
template <class T>
std::size_t simd_lanes();
/// The least multiple of a vector that holds `count` lanes; of half a vector where vectors have 512 bits, so that few
/// lanes are not padded to 16.
template <class T>
std::size_t rounded_lanes(std::size_t count) {
  const std::size_t unit = std::min(simd_lanes<T>(), 32 / sizeof(T));
  return (count + unit - 1) / unit * unit;
}
/// "AVX3", "AVX2", …: the instruction set in use.
std::string simd_target_name();
/// Runs independent chains x = factor x + factor for some rounds; returns their sum and the number of operations.
template <class T>
T multiply_add_chains(std::size_t rounds, T factor, std::size_t* operations);

// ---- elementwise

/// How an operand moves over [rows, lanes].
enum class Spread : std::uint8_t {
  kFull,    // x[row * lanes + lane]
  kLane,    // x[lane], the same for each row
  kRow,     // x[row], the same for each lane
  kScalar,  // x[0]
};

template <class T>
struct Operand {
  const T* data = nullptr;
  Spread spread = Spread::kFull;
};

/// out[i] = op(x[i]), i < count. out may be x.
template <class T>
using UnaryKernel = void (*)(const T* x, T* out, std::size_t count);
/// out = op(x, y) over [rows, lanes]. out may be a kFull operand.
template <class T>
using BinaryKernel = void (*)(Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes);

/// The kernel of an elementwise operation of ops.def with one or two operands.
template <class T>
UnaryKernel<T> unary_kernel(Op op);
template <class T>
BinaryKernel<T> binary_kernel(Op op);
/// out = outer(inner(x, y), z), both of kAdd, kSub and kMul; outer(z, inner(x, y)) if `inner_is_right`. out may be a
/// kFull operand.
template <class T>
using PairKernel = void (*)(Operand<T> x, Operand<T> y, Operand<T> z, T* out, std::size_t rows, std::size_t lanes);
template <class T>
PairKernel<T> pair_kernel(Op inner, Op outer, bool inner_is_right);
/// out = condition != 0 ? x : y. out may be a kFull operand.
template <class T>
void where(Operand<T> condition, Operand<T> x, Operand<T> y, T* out, std::size_t rows, std::size_t lanes);

// ---- products

/// The slopes are factors that the derivative of z = tanh(x), … brings, told from z, which stands in `slope_of`.
enum class Activation : std::uint8_t {
  kNone,
  kTanh,
  kRelu,
  kSigmoid,
  kSoftplus,
  kTanhSlope,     // x (1 - z²)
  kReluSlope,     // z > 0 ? x : 0
  kSigmoidSlope,  // x z (1 - z)
};
enum class GemmStart : std::uint8_t { kZero, kAccumulate, kBiasRow, kBiasColumn };

/// c [m, n] = activation(start + a [m, k] · b [k, n]); each element is one chain of fused multiply-adds in ascending k
/// that begins with the start value.
template <class T>
struct Gemm {
  std::size_t m = 0, k = 0, n = 0;
  const T* a = nullptr;  // element (i, j) at a[i * a_row_stride + j * a_column_stride]
  std::size_t a_row_stride = 0, a_column_stride = 1;
  const T* b = nullptr;  // rows contiguous, b_stride apart
  std::size_t b_stride = 0;
  T* c = nullptr;  // rows contiguous, c_stride apart
  std::size_t c_stride = 0;
  GemmStart start = GemmStart::kZero;
  const T* bias = nullptr;  // kBiasRow [m], kBiasColumn [n]
  Activation activation = Activation::kNone;
  const T* slope_of = nullptr;  // z of a slope: stands as c does
};

template <class T>
void gemm(const Gemm<T>& product);

/// Lane by lane: out [m, n] = x [m, k] · y [k, n], k ascending. kFull or kRow operands.
template <class T>
void batched_matmul(Operand<T> x, Operand<T> y, T* out, std::size_t m, std::size_t k, std::size_t n, std::size_t lanes);

// ---- convolutions: images are [channels · pixels, lanes]; where numbers meet is in the table (plan/convolution.h)

/// out = activation(start + the sums of the table); each element is one chain of fused multiply-adds in the table's
/// order that begins with its bias.
template <class T>
struct Convolution {
  const ConvTable* table = nullptr;
  std::size_t lanes = 1;
  const T* from = nullptr;     // [from_size, lanes]
  const T* weights = nullptr;  // packed
  T* to = nullptr;             // [to_size, lanes]
  const T* bias = nullptr;     // [to_size]; null: 0
  Activation activation = Activation::kNone;
  const T* slope_of = nullptr;  // z of a slope: stands as `to` does
};
template <class T>
void convolve(const Convolution<T>& convolution);

/// The same sums lane by lane, weights as they stand. kFull or kRow operands.
template <class T>
void convolve_lanes(const ConvTable& table, Operand<T> from, Operand<T> weights, T* to, std::size_t lanes);
/// Lane by lane what conv2d_weights makes of the two images: weights as they stand. kFull or kRow operands.
template <class T>
void weights_of_lanes(const ConvTable& table, Operand<T> from, Operand<T> to, T* weights, std::size_t lanes);

/// What conv2d_weights makes of the two images, summed over the lanes, each times its share.
template <class T>
struct WeightSums {
  const ConvTable* table = nullptr;
  std::size_t lanes = 1;
  const T* from = nullptr;    // [from_size, lanes]
  const T* to = nullptr;      // [to_size, lanes]
  const T* shares = nullptr;  // [from_pixels, lanes], the same for each pixel; null: 1
  T* scratch = nullptr;       // weight_sum_scratch() numbers
  T* partial = nullptr;       // weight_sum_size() numbers: added to here, in an order of their own
};
template <class T>
std::size_t weight_sum_size(const ConvTable& table, std::size_t lanes);
std::size_t weight_sum_scratch(const ConvTable& table, std::size_t lanes);
template <class T>
void add_weight_sums(const WeightSums<T>& sums);
/// weights += what stands in partial, which becomes 0.
template <class T>
void finish_weight_sums(const ConvTable& table, std::size_t lanes, T* partial, T* weights);

// ---- sums of lanes

/// out [lanes, rows] = transpose of x [rows, lanes], row `lane` times weights[lane] (null: 1).
template <class T>
void transpose(const T* x, std::size_t rows, std::size_t lanes, const T* weights, T* out);

/// Partial sums of c(i, j) = Σ_k weights[k] a[i, k] b[j, k]: rows of a [m, depth] against rows of b [n, depth], both
/// contiguous (null b: a row of ones; null weights: 1). Adds to partial [m, n, simd_lanes]. For sums over a tile with
/// few rows on one side.
template <class T>
void add_row_products(const T* a, std::size_t m, const T* b, std::size_t n, std::size_t depth, const T* weights,
                      T* partial);
/// out[i] += the sum of partial [count, simd_lanes] row i, which becomes 0.
template <class T>
void add_partial_sums(T* partial, std::size_t count, T* out);

// ---- rows

/// A lane, and where its numbers go, one after the other.
template <class T>
struct LaneCopy {
  std::size_t lane = 0;
  T* to = nullptr;
};
/// Lanes of x [rows, lanes].
template <class T>
void copy_lanes(const T* x, std::size_t rows, std::size_t lanes, std::span<const LaneCopy<T>> copies);

/// out [rows, lanes] = x, spread as it says.
template <class T>
void spread(Operand<T> x, T* out, std::size_t rows, std::size_t lanes);
/// out row i = x row table[i].
template <class T>
void gather_rows(const T* x, std::span<const std::uint32_t> table, T* out, std::size_t lanes);
/// out row table[i] += x row i, i ascending.
template <class T>
void scatter_add_rows(const T* x, std::span<const std::uint32_t> table, T* out, std::size_t lanes);
/// out row i = fold by op (kSum, kReduceMin, kReduceMax) of x rows table[i * group + j], j ascending.
template <class T>
void reduce_rows(Op op, const T* x, std::span<const std::uint32_t> table, std::size_t group, T* out, std::size_t lanes);

// ---- Runge-Kutta steps; h, alpha, mask and norm have one number a lane

/// out = y + h Σ_j coefficients[j] k[j]: the sum by fma, j ascending, starting with c_0 k_0; then fma(h, sum, y).
/// out may be y.
template <class T>
void stage_combine(const T* y, const T* h, const T* const* k, const T* coefficients, std::size_t count, T* out,
                   std::size_t rows, std::size_t lanes);

/// weights[j * stride + lane] = Σ_p coefficients[j * degree + p] theta[lane]^(p + 1), in f64 by Horner's rule, p
/// descending by fma. `derivative` gives Σ_p (p + 1) coefficients[…] theta^p instead.
enum class Polynomial : std::uint8_t { kValue, kDerivative };
template <class T>
void polynomial_weights(Polynomial which, std::span<const double> coefficients, std::size_t degree, const double* theta,
                        T* weights, std::size_t stride, std::size_t lanes);

/// States within a step, by its continuous extension: out = y + h Σ_j w_j k_j, the sum as in stage_combine, with each
/// lane's own w_j = Σ_p coefficients[j * degree + p] theta^(p + 1) as in polynomial_weights, theta = (time - start) /
/// size.
inline constexpr std::size_t kMaxDenseSlopes = 26;
template <class T>
struct DenseOutput {
  const T* y = nullptr;
  const T* h = nullptr;
  const T* const* k = nullptr;
  std::size_t count = 0;  // of slopes, at most kMaxDenseSlopes
  const double* coefficients = nullptr;
  std::size_t degree = 0;
  const double *time = nullptr, *start = nullptr, *size = nullptr;  // [lane]
  T* out = nullptr;
  std::size_t rows = 0, lanes = 0;
};
template <class T>
void dense_combine(const DenseOutput<T>& output);

/// norm[lane] = sqrt(Σ_row r² / rows), r = h Σ_j c_j k_j / fma(rtol, max(|y0|, |y1|), atol); rows ascending, by fma.
/// NaN where y1 is not finite.
template <class T>
void scaled_error_norm(const T* y0, const T* y1, const T* h, const T* const* k, const T* coefficients,
                       std::size_t count, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes);

/// norm[lane] = sqrt(Σ_row (x / fma(rtol, |y|, atol))² / rows), rows ascending.
template <class T>
void scaled_norm(const T* x, const T* y, T rtol, T atol, T* norm, std::size_t rows, std::size_t lanes);

/// The same with tolerances of their own for each row, and the larger of |y0| and |y1|:
/// r = x / fma(rtol[row], max(|y0|, |y1|), atol[row]), norm = sqrt(Σ_row r² / count), or the largest |r|. NaN where an
/// r or y1 is not a number.
template <class T>
struct RowNorm {
  const T *x = nullptr, *y0 = nullptr, *y1 = nullptr;  // [rows, lanes]
  const T *rtol = nullptr, *atol = nullptr;            // [rows]
  bool is_largest = false;
  T count = 1;
  T* norm = nullptr;  // [lanes]
  std::size_t rows = 0, lanes = 0;
};
template <class T>
void row_norm(const RowNorm<T>& norm);

/// y(row, lane) = fma(alpha[lane], x(row, lane), y(row, lane)).
template <class T>
void axpy_lanes(const T* alpha, const T* x, T* y, std::size_t rows, std::size_t lanes);

/// out = mask[lane] != 0 ? x : y. out may be either.
template <class T>
void select_lanes(const T* mask, const T* x, const T* y, T* out, std::size_t rows, std::size_t lanes);

/// y += x where mask[lane] != 0.
template <class T>
void add_lanes(const T* mask, const T* x, T* y, std::size_t rows, std::size_t lanes);

/// out = x and x = 0 where mask[lane] != 0.
template <class T>
void move_lanes(const T* mask, T* x, T* out, std::size_t rows, std::size_t lanes);

// ---- optimizers, in f64

struct AdamUpdate {
  double beta1 = 0, beta2 = 0;
  double decay = 1, rate = 0, epsilon = 0;
};

/// One pass over all elements:
///   first = beta1 first + (1 - beta1) gradient,  second = beta2 second + (1 - beta2) gradient²,
///   x = decay x - rate first / (sqrt(second) + epsilon).
void adam_update(const AdamUpdate& update, const double* gradient, double* first, double* second, double* x,
                 std::size_t count);

}  // namespace costate::internal
