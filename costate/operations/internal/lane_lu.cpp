#include "costate/operations/internal/lane_lu.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/exec/kernels/lane_lu.h"
#include "costate/exec/tile_op.h"

namespace costate::internal {
namespace {

/// Operands that all samples share, spread over the lanes.
template <class T>
struct SpreadOperands : TileOpState {
  std::vector<std::vector<T>> numbers;  // [operand]

  const T* of(const TileOpRun<T>& run, const TileOpContext& context, std::size_t operand) {
    if (!context.operand_is_shared[operand]) return run.operands[operand];
    const auto size = static_cast<std::size_t>(context.operand_shapes[operand].size());
    numbers.resize(context.operand_shapes.size());
    numbers[operand].resize(size * context.lanes);
    spread<T>({run.operands[operand], Spread::kRow}, numbers[operand].data(), size, context.lanes);
    return numbers[operand].data();
  }
};

std::size_t rows_of(const Shape& matrix) { return static_cast<std::size_t>(matrix[0]); }

template <class T>
class LuFactorsTileOp : public TileOp<T> {
 public:
  explicit LuFactorsTileOp(const TileOpContext& context) : context_(context) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<SpreadOperands<T>>(); }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& operands = static_cast<SpreadOperands<T>&>(*run.state);
    factor_lanes(operands.of(run, context_, 0), out, rows_of(context_.operand_shapes[0]), context_.lanes);
  }

 private:
  TileOpContext context_;
};

class FactorizeLanes : public TileExtension<LuFactorsTileOp> {
 public:
  std::string name() const override { return "lu_factors"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const Shape& a = operands[0];
    if (a.rank() != 2 || a[0] != a[1] || a[0] == 0) throw ShapeError("[lu_factors] A must be [n, n]; got ", a, ".");
    return {a[0] * (a[0] + 1)};
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    std::size_t n = 1;
    while (n * n < operands[0].size()) ++n;
    std::vector<double> factors(n * (n + 1));
    factor_lanes(operands[0].data(), factors.data(), n, 1);
    return factors;
  }

  std::vector<Array> vjp(std::span<const Array>, const Array&, const Array&, const std::vector<bool>&) const override {
    return {Array()};
  }
  Array jvp(std::span<const Array>, const Array&, std::span<const Array>) const override { return {}; }

  bool equals(const Extension& other) const override { return dynamic_cast<const FactorizeLanes*>(&other) != nullptr; }
};

enum class Matrix { kGiven, kTransposed };

template <class T>
void solve_by(Matrix matrix, const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes) {
  matrix == Matrix::kGiven ? solve_lanes(factors, b, x, n, lanes) : solve_transposed_lanes(factors, b, x, n, lanes);
}

template <class T>
class LuSolveTileOp : public TileOp<T> {
 public:
  LuSolveTileOp(const TileOpContext& context, Matrix matrix) : context_(context), matrix_(matrix) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<SpreadOperands<T>>(); }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& operands = static_cast<SpreadOperands<T>&>(*run.state);
    solve_by(matrix_, operands.of(run, context_, 1), operands.of(run, context_, 2), out,
             rows_of(context_.operand_shapes[0]), context_.lanes);
  }

 private:
  TileOpContext context_;
  Matrix matrix_;
};

/// Operands A, its factors and b.
class SolveLanes : public LoweredBy<SolveLanes> {
 public:
  explicit SolveLanes(Matrix matrix) : matrix_(matrix) {}

  std::string name() const override { return "lu_solve"; }
  std::string attributes() const override { return matrix_ == Matrix::kGiven ? "" : "transposed"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const Shape &a = operands[0], &b = operands[2];
    if (b.rank() != 1 || b[0] != a[0]) throw ShapeError("[lu_solve] b must be [", a[0], "]; got ", b, ".");
    return b;
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    std::vector<double> x(operands[2].size());
    solve_by(matrix_, operands[1].data(), operands[2].data(), x.data(), x.size(), 1);
    return x;
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>& wanted) const override {
    const bool is_given = matrix_ == Matrix::kGiven;
    const Array lambda = apply_to(is_given ? Matrix::kTransposed : Matrix::kGiven, operands, cotangent);
    Array of_a;
    if (wanted[0]) of_a = is_given ? -outer(lambda, result) : -outer(result, lambda);
    return {of_a, {}, lambda};
  }

  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    Array side = tangents[2].is_empty() ? zeros(result.shape()) : tangents[2];
    if (!tangents[0].is_empty())
      side = side - matmul(matrix_ == Matrix::kGiven ? tangents[0] : transpose(tangents[0]), result);
    return apply_to(matrix_, operands, side);
  }

  bool equals(const Extension& other) const override {
    const auto* const same = dynamic_cast<const SolveLanes*>(&other);
    return same != nullptr && same->matrix_ == matrix_;
  }

  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<LuSolveTileOp<T>>(context, matrix_);
  }

 private:
  static Array apply_to(Matrix matrix, std::span<const Array> operands, const Array& b) {
    const Array all[] = {operands[0], operands[1], b};
    return costate::apply(std::make_shared<SolveLanes>(matrix), all);
  }

  Matrix matrix_;
};

}  // namespace

Array lu_factors(const Array& a) { return costate::apply(std::make_shared<FactorizeLanes>(), std::span(&a, 1)); }

Array lu_solve(const Array& a, const Array& factors, const Array& b) {
  const Array operands[] = {a, factors, b};
  return costate::apply(std::make_shared<SolveLanes>(Matrix::kGiven), operands);
}

}  // namespace costate::internal
