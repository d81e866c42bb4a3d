#include "costate/operations/expm_multiply.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/array/identity_matrix.h"
#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/tile_op.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/reach.h"
#include "costate/graph/simplify.h"
#include "costate/graph/trace.h"
#include "costate/operations/internal/sparse_expm.h"
#include "costate/operations/internal/sparsity.h"
#include "costate/operations/internal/taylor_exponential.h"
#include "costate/operations/internal/tile_lane.h"
#include "costate/operations/internal/traced_system.h"

namespace costate {
namespace {

/// Columns of a full matrix that are computed one by one.
constexpr std::int64_t kMostOfDense = 4096;

using RowMajorMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double column_norm(const RowMajorMatrix& a) { return a.cwiseAbs().colwise().sum().maxCoeff(); }

/// False where it cannot be done.
bool multiply_by_dense(RowMajorMatrix a, double t, RowMajorMatrix& b) {
  if (!a.allFinite() || !std::isfinite(t)) return false;
  const double shift = a.trace() / static_cast<double>(a.rows());
  a.diagonal().array() -= shift;
  const internal::TaylorScheme scheme = internal::choose_scheme(column_norm(a), t);
  if (!scheme.is_feasible()) return false;
  const auto multiply = [&](double factor, const RowMajorMatrix& x) -> RowMajorMatrix { return factor * (a * x); };
  internal::multiply_exponential(scheme, shift, multiply, b);
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
      } else if (!multiply_by_dense(operand(at, 0), operand(at, 2)(0, 0), b)) {
        b.setConstant(std::numeric_limits<double>::quiet_NaN());
        if (run.report != nullptr)
          run.report->failures.push_back({at.sample(), "no exponential", 0, 0, internal::kNoExponential});
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
    if (!multiply_by_dense(Eigen::Map<const RowMajorMatrix>(operands[0].data(), n, n), operands[2][0], b))
      b.setConstant(std::numeric_limits<double>::quiet_NaN());
    return {b.data(), b.data() + b.size()};
  }

  /// The gradient by A is the integral of e^((t - s)A^T) C B^T e^(sA^T) ds with the cotangent C.
  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    const Array &a = operands[0], &b = operands[1], &t = operands[2];
    const Array turned = transpose(a);
    std::vector<Array> cotangents(3);
    if (wanted[0])
      cotangents[0] = integral(turned, matmul(cotangent, transpose(b)), constant(identity_matrix(a.shape()[0])), t);
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
};

// ---- A as a linear function

/// f's derivative as a function of its own: (x, arguments, v) -> df/dx v.
Function derivative_of(const Function& f) {
  constexpr std::size_t kOfX[] = {0};
  const Function both = jvp(f, kOfX, InputKind::kSample);
  std::vector<ArgumentSpec> inputs;
  for (const Input& input : both.inputs()) inputs.push_back({text::concat("in", inputs.size()), input.shape});
  return simplify(trace_list(
      inputs, [&](std::span<const Array> in) { return std::vector<Array>{internal::inline_function(both, in)[1]}; }));
}

/// A v for each of some v, in the trace.
class LinearFunction {
 public:
  LinearFunction(const std::function<Array(Array)>& f, const Shape& shape)
      : traced_(internal::trace_system("expm_multiply", f, shape)), derivative_(derivative_of(traced_.function)) {
    if (internal::reached_from(derivative_, 0, 1)[derivative_.outputs()[0].node])
      throw InvalidArgument("[expm_multiply] the function must be linear; by its graph, its derivative depends on x.");
  }

  const Function& function() const { return traced_.function; }

  Array times(const HostArray& v) const {
    std::vector<Array> inputs = {zeros(v.shape())};
    inputs.insert(inputs.end(), traced_.arguments.begin(), traced_.arguments.end());
    inputs.push_back(constant(v));
    return internal::inline_function(derivative_, inputs)[0];
  }

 private:
  internal::TracedSystem traced_;
  Function derivative_;
};

/// A's numbers at its places: each color's columns in one product.
Array numbers_of(const LinearFunction& a, const internal::MatrixPlaces& places,
                 const std::vector<std::int32_t>& colors) {
  const auto n = static_cast<std::int64_t>(colors.size());
  const std::int32_t count = *std::ranges::max_element(colors) + 1;
  std::vector<Array> products;
  for (std::int32_t color = 0; color < count; ++color) {
    HostArray seed(Shape{n});
    for (std::int64_t j = 0; j < n; ++j) seed.set(j, colors[static_cast<std::size_t>(j)] == color ? 1 : 0);
    products.push_back(a.times(seed));
  }
  const std::vector<std::int64_t> rows = places.rows_of_numbers(), columns = places.columns_of_numbers();
  std::vector<std::int64_t> positions;
  for (std::size_t k = 0; k < rows.size(); ++k)
    positions.push_back(colors[static_cast<std::size_t>(columns[k])] * n + rows[k]);
  return gather(concat(products), std::move(positions), {places.count()});
}

/// A [n, n], column after column.
Array matrix_of(const LinearFunction& a, std::int64_t n) {
  std::vector<Array> columns;
  const HostArray units = identity_matrix(n);
  for (std::int64_t j = 0; j < n; ++j) columns.push_back(a.times(units[j]));
  return transpose(stack(columns));
}

}  // namespace

Array expm_multiply(Operand a, Operand b, Operand t) {
  const Shape shape = b.array.shape();
  const bool is_vector = shape.rank() == 1;
  const Array operands[] = {a.array, is_vector ? reshape(b, {shape[0], 1}) : b.array, t.array};
  const Array result = apply(std::make_shared<ExpmMultiply>(), operands, a.where);
  return is_vector ? reshape(result, shape) : result;
}

Array expm_multiply(const std::function<Array(Array)>& a, Operand b, Operand t) {
  constexpr std::size_t kMostNumbers = std::size_t{1} << 24;
  const Shape shape = b.array.shape();
  if (shape.rank() != 1 || shape.size() == 0 || t.array.shape().rank() != 0)
    throw ShapeError("[expm_multiply] of a function, b must be [n] and t a number; got ", shape, " and ",
                     t.array.shape(), ".");
  const std::int64_t n = shape[0];
  const LinearFunction function(a, shape);
  const std::optional<internal::IndexLists> rows = internal::dependencies(function.function(), 0, kMostNumbers);
  if (!rows && n > kMostOfDense)
    throw InvalidArgument("[expm_multiply] the matrix of a function from ", n, " to ", n,
                          " numbers must be sparse; by its graph more than 2^24 of its numbers may be other than 0. ",
                          "Write it without sums over all numbers.");
  if (!rows) return expm_multiply(matrix_of(function, n), b.array, t.array);
  internal::IndexLists columns = rows->transposed(static_cast<std::size_t>(n));
  const std::vector<std::int32_t> colors = internal::color_columns(*rows, columns);
  if (4 * (*std::ranges::max_element(colors) + 1) > n && n <= kMostOfDense)
    return expm_multiply(matrix_of(function, n), b.array, t.array);
  const auto places = std::make_shared<const internal::MatrixPlaces>(std::move(columns));
  return internal::sparse_expm_multiply(places, numbers_of(function, *places, colors), b.array, t.array, b.where);
}

}  // namespace costate
