#include "costate/operations/linear_solve.h"

#include <Eigen/LU>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/exec/tile_op.h"

namespace costate {
namespace {

template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
template <class T>
using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

/// A matrix whose smallest pivot is this small beside its largest is singular to rounding.
template <class T>
bool is_singular(const Eigen::PartialPivLU<Matrix<T>>& lu) {
  const auto pivots = lu.matrixLU().diagonal().cwiseAbs();
  const T largest = pivots.maxCoeff();
  return !(pivots.minCoeff() > largest * std::numeric_limits<T>::epsilon()) || !std::isfinite(largest);
}

template <class T>
struct LuState : TileOpState {
  Matrix<T> a;
  Vector<T> b, x;
  Eigen::PartialPivLU<Matrix<T>> lu;
};

template <class T>
class LinearSolveTileOp : public TileOp<T> {
 public:
  explicit LinearSolveTileOp(const TileOpContext& context) : context_(context) {}

  std::unique_ptr<TileOpState> make_state() const override {
    auto state = std::make_unique<LuState<T>>();
    const auto n = static_cast<Eigen::Index>(context_.operand_shapes[1].size());
    state->a.resize(n, n);
    state->b.resize(n);
    state->x.resize(n);
    state->lu = Eigen::PartialPivLU<Matrix<T>>(n);
    return state;
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<LuState<T>&>(*run.state);
    const auto n = state.b.size();
    const auto at = [&](std::size_t operand, Eigen::Index i, std::size_t lane) {
      const auto index = static_cast<std::size_t>(i);
      return run.operands[operand][context_.operand_is_shared[operand] ? index : index * context_.lanes + lane];
    };
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const bool is_sample = lane < run.num_samples;
      for (Eigen::Index i = 0; is_sample && i < n; ++i) {
        state.b(i) = at(1, i, lane);
        for (Eigen::Index j = 0; j < n; ++j) state.a(i, j) = at(0, i * n + j, lane);
      }
      if (is_sample) solve(state, run, lane);
      for (Eigen::Index i = 0; i < n; ++i)
        out[static_cast<std::size_t>(i) * context_.lanes + lane] = is_sample ? state.x(i) : T{0};
    }
  }

 private:
  static void solve(LuState<T>& state, const TileOpRun<T>& run, std::size_t lane) {
    state.lu.compute(state.a);
    if (is_singular(state.lu)) {
      state.x.setConstant(std::numeric_limits<T>::quiet_NaN());
      if (run.report != nullptr)
        run.report->failures.push_back({run.first_sample + static_cast<std::int64_t>(lane), "singular matrix", 0, 0,
                                        "look at how the matrix is made; it is singular to rounding"});
    } else {
      state.x = state.lu.solve(state.b);
    }
  }

  TileOpContext context_;
};

class LinearSolve : public TileExtension<LinearSolveTileOp> {
 public:
  std::string name() const override { return "linear_solve"; }

  Shape infer_shape(std::span<const Shape> operands) const override {
    const Shape &a = operands[0], &b = operands[1];
    if (a.rank() != 2 || a[0] != a[1] || b.rank() != 1 || b[0] != a[0] || a[0] == 0)
      throw ShapeError("[linear_solve] A must be [n, n] and b [n]; got ", a, " and ", b, ".");
    return b;
  }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    const auto n = static_cast<Eigen::Index>(operands[1].size());
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::PartialPivLU<Matrix<double>> lu(Eigen::Map<const RowMajor>(operands[0].data(), n, n));
    if (is_singular(lu)) return std::vector<double>(operands[1].size(), std::numeric_limits<double>::quiet_NaN());
    const Vector<double> x = lu.solve(Eigen::Map<const Vector<double>>(operands[1].data(), n));
    return {x.begin(), x.end()};
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    const Array lambda = linear_solve(transpose(operands[0]), cotangent);
    return {-outer(lambda, result), lambda};
  }

  /// A x' = b' - A' x.
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    Array moved = tangents[1].is_empty() ? zeros(result.shape()) : tangents[1];
    if (!tangents[0].is_empty()) moved = moved - matmul(tangents[0], result);
    return linear_solve(operands[0], moved);
  }

  bool equals(const Extension& other) const override { return dynamic_cast<const LinearSolve*>(&other) != nullptr; }
};

}  // namespace

Array linear_solve(Operand a, Operand b) {
  const Array operands[] = {a.array, b.array};
  return apply(std::make_shared<LinearSolve>(), operands, a.where);
}

}  // namespace costate
