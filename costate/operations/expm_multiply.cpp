#include "costate/operations/expm_multiply.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"
#include "costate/operations/internal/tile_lane.h"

namespace costate {
namespace {

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Degree of the Taylor polynomial and number of steps.
struct Scheme {
  int degree = 5;
  double steps = 1;
};

/// The fewest products with a matrix of this norm: a polynomial of degree m is exact to 2^-53, in the sense of a
/// backward error, up to the norm theta_m (Table 3.1 there).
Scheme choose_scheme(double norm) {
  constexpr struct {
    int degree;
    double theta;
  } kRows[] = {{5, 2.4e-3}, {10, 1.4e-1}, {15, 6.4e-1}, {20, 1.4}, {25, 2.4}, {30, 3.5},
               {35, 4.7},   {40, 6.0},    {45, 7.2},    {50, 8.5}, {55, 9.9}};
  Scheme best;
  double least = std::numeric_limits<double>::infinity();
  for (const auto& row : kRows) {
    const double steps = std::max(1.0, std::ceil(norm / row.theta));
    if (steps * row.degree >= least) continue;
    least = steps * row.degree;
    best = {row.degree, steps};
  }
  return best;
}

double column_norm(const RowMajorMatrix& a) { return a.cwiseAbs().colwise().sum().maxCoeff(); }
double row_norm(const RowMajorMatrix& a) { return a.cwiseAbs().rowwise().sum().maxCoeff(); }

/// False where it cannot be done.
bool multiply_exponential(RowMajorMatrix a, double t, RowMajorMatrix& b) {
  constexpr double kMostProducts = 1e7, kUnit = 0x1p-53;
  if (!a.allFinite() || !std::isfinite(t)) return false;
  const double shift = a.trace() / static_cast<double>(a.rows());
  a.diagonal().array() -= shift;
  const Scheme scheme = choose_scheme(std::abs(t) * column_norm(a));
  if (scheme.steps * scheme.degree > kMostProducts) return false;
  const double h = t / scheme.steps, growth = std::exp(h * shift);
  for (double step = 0; step < scheme.steps; ++step) {
    RowMajorMatrix term = b;
    double previous = row_norm(term);
    for (int k = 1; k <= scheme.degree; ++k) {
      term = h / k * (a * term);
      b += term;
      const double size = row_norm(term);
      if (previous + size <= kUnit * row_norm(b)) break;
      previous = size;
    }
    b *= growth;
  }
  return true;
}

template <class T>
class ExpmMultiplyOp : public TileOp<T> {
 public:
  explicit ExpmMultiplyOp(const TileOpContext& context) : context_(context) {}

  void run(const TileOpRun<T>& run, T* out) const override {
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const internal::TileLane<T> at{context_, run, lane};
      RowMajorMatrix b = operand(at, 1);
      if (lane >= run.num_samples) {
        b.setZero();
      } else if (!multiply_exponential(operand(at, 0), operand(at, 2)(0, 0), b)) {
        b.setConstant(std::numeric_limits<double>::quiet_NaN());
        if (run.report != nullptr)
          run.report->failures.push_back({at.sample(), "no exponential", 0, 0,
                                          "A and t of expm_multiply must be finite, and |t| norm(A) below a million"});
      }
      at.write(b, out);
    }
  }

 private:
  /// An operand as a matrix; a number is one of [1, 1].
  RowMajorMatrix operand(const internal::TileLane<T>& at, std::size_t i) const {
    const Shape& shape = context_.operand_shapes[i];
    RowMajorMatrix matrix(shape.rank() == 2 ? shape[0] : 1, shape.rank() == 2 ? shape[1] : 1);
    at.read(i, matrix);
    return matrix;
  }

  TileOpContext context_;
};

/// Operands: A [n, n], B [n, columns], t.
class ExpmMultiply : public TileExtension<ExpmMultiplyOp> {
 public:
  std::string name() const override { return "expm_multiply"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const Shape &a = operands[0], &b = operands[1];
    if (a.rank() != 2 || a[0] != a[1] || a[0] == 0 || b.rank() != 2 || b[0] != a[0] || operands[2].rank() != 0)
      throw ShapeError("[expm_multiply] A must be [n, n], b [n] or [n, columns] and t a number; got ", a, ", ", b,
                       " and ", operands[2], ".");
    return b;
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const auto n = static_cast<Eigen::Index>(std::lround(std::sqrt(static_cast<double>(operands[0].size()))));
    RowMajorMatrix b =
        Eigen::Map<const RowMajorMatrix>(operands[1].data(), n, static_cast<Eigen::Index>(operands[1].size()) / n);
    if (!multiply_exponential(Eigen::Map<const RowMajorMatrix>(operands[0].data(), n, n), operands[2][0], b))
      b.setConstant(std::numeric_limits<double>::quiet_NaN());
    return {b.data(), b.data() + b.size()};
  }

  /// The gradient by A is the integral of e^((t - s)A^T) C B^T e^(sA^T) ds with the cotangent C.
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    const Array &a = operands[0], &b = operands[1], &t = operands[2];
    const Array turned = transpose(a);
    std::vector<Array> cotangents(3);
    if (wanted[0]) cotangents[0] = integral(turned, matmul(cotangent, transpose(b)), identity(a.shape()[0]), t);
    if (wanted[1]) cotangents[1] = expm_multiply(turned, cotangent, t);
    if (wanted[2]) cotangents[2] = sum(cotangent * matmul(a, result));
    return cotangents;
  }

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    const Array &a = operands[0], &b = operands[1], &t = operands[2];
    Array moved = zeros(result.shape());
    if (!tangents[0].is_empty()) moved = moved + integral(a, tangents[0], b, t);
    if (!tangents[1].is_empty()) moved = moved + expm_multiply(a, tangents[1], t);
    if (!tangents[2].is_empty()) moved = moved + matmul(a, result) * tangents[2];
    return moved;
  }

  bool equals(const Extension& other) const override { return dynamic_cast<const ExpmMultiply*>(&other) != nullptr; }

 private:
  /// The integral of e^((t - s)A) E e^(sA) b from 0 to t: the upper half of e^(t [A E; 0 A]) [0; b].
  static Array integral(const Array& a, const Array& e, const Array& b, const Array& t) {
    const std::int64_t n = a.shape()[0];
    const Array blocks = concat({concat({a, e}, 1), concat({zeros(a.shape()), a}, 1)});
    return expm_multiply(blocks, concat({zeros(b.shape()), b}), t).slice(0, n);
  }

  static Array identity(std::int64_t n) {
    HostArray numbers(Shape{n, n});
    for (std::int64_t i = 0; i < n; ++i) numbers.set(i * (n + 1), 1);
    return constant(numbers);
  }
};

}  // namespace

Array expm_multiply(Operand a, Operand b, Operand t) {
  const Shape shape = b.array.shape();
  const bool is_vector = shape.rank() == 1;
  const Array operands[] = {a.array, is_vector ? reshape(b, {shape[0], 1}) : b.array, t.array};
  const Array result = apply(std::make_shared<ExpmMultiply>(), operands, a.where);
  return is_vector ? reshape(result, shape) : result;
}

}  // namespace costate
