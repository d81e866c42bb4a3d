#include "costate/operations/internal/sparse_lu.h"

#include <algorithm>
#include <limits>
#include <string>

#include "costate/exec/tile_op.h"
#include "costate/operations/internal/sparse_solver.h"
#include "costate/operations/internal/tile_lane.h"

namespace costate::internal {
namespace {

using Places = std::shared_ptr<const SparsePlaces>;

// From so many unknowns on systems are solved iteratively: of a grid in space, whose factors grow faster than it does,
// in a seventieth of the time at 32 x 32 x 32; of one in the plane in about the same time, and a fifth of the memory.
constexpr std::int64_t kLeastIterated = 10'000;
// A step's formulas take its solutions for exact.
constexpr double kMostResidual = 1e-9;

/// A matrix with these places, its numbers and their factors.
class SparseFactors {
 public:
  explicit SparseFactors(const SparsePlaces& places)
      : is_iterated_(places.size >= kLeastIterated),
        matrix_(places.size, places.size),
        numbers_(Numbers::Constant(static_cast<Eigen::Index>(places.rows.size()),
                                   std::numeric_limits<double>::quiet_NaN())) {
    std::vector<Eigen::Triplet<double>> triplets;
    for (std::size_t i = 0; i < places.rows.size(); ++i)
      triplets.emplace_back(static_cast<int>(places.rows[i]), static_cast<int>(places.columns[i]), 1.0);
    matrix_.setFromTriplets(triplets.begin(), triplets.end());
    matrix_.makeCompressed();
  }

  bool holds(const Numbers& numbers) const { return numbers_ == numbers; }

  void factorize(const Numbers& numbers) {
    numbers_ = numbers;
    is_regular_ = numbers.allFinite();
    if (!is_regular_) return;
    std::copy_n(numbers.data(), numbers.size(), matrix_.valuePtr());
    has_factors_ = !is_iterated_ || !iteration_->factorize(matrix_);
    if (has_factors_) is_regular_ = factors_->factorize(matrix_);
  }

  Numbers solve(Side side, const Numbers& b) {
    if (!is_regular_) return nothing(b.size());
    if (!has_factors_) {
      const std::optional<Numbers> x = iteration_->solve(side, b);
      if (x && residual(side, *x, b) <= kMostResidual * b.norm()) return *x;
      has_factors_ = true;
      is_regular_ = factors_->factorize(matrix_);
      if (!is_regular_) return nothing(b.size());
    }
    const std::optional<Numbers> x = factors_->solve(side, b);
    return x ? *x : nothing(b.size());
  }

 private:
  static Numbers nothing(Eigen::Index size) {
    return Numbers::Constant(size, std::numeric_limits<double>::quiet_NaN());
  }
  double residual(Side side, const Numbers& x, const Numbers& b) const {
    return side == Side::kJacobian ? (matrix_ * x - b).norm() : (matrix_.transpose() * x - b).norm();
  }

  const bool is_iterated_;
  Eigen::SparseMatrix<double> matrix_;
  Numbers numbers_;
  std::unique_ptr<SparseSolver> iteration_ = make_sparse_solver(LinearMethod::kKrylov);
  std::unique_ptr<SparseSolver> factors_ =
      make_sparse_solver(LinearMethod::kFactors);  // where it comes to nothing, too
  bool has_factors_ = false, is_regular_ = false;
};

struct SparseFactorsState : TileOpState {
  SparseFactorsState(const SparsePlaces& places, std::size_t lanes)
      : numbers(static_cast<Eigen::Index>(places.rows.size())), b(places.size) {
    for (std::size_t lane = 0; lane < lanes; ++lane) factors.push_back(std::make_unique<SparseFactors>(places));
  }

  std::vector<std::unique_ptr<SparseFactors>> factors;  // [lane]
  Numbers numbers, b;
};

template <class T>
class SparseFactorsOp : public TileOp<T> {
 public:
  SparseFactorsOp(Places places, TileOpContext context) : places_(std::move(places)), context_(std::move(context)) {}

  std::unique_ptr<TileOpState> make_state() const override {
    return std::make_unique<SparseFactorsState>(*places_, context_.lanes);
  }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<SparseFactorsState&>(*run.state);
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      at.read(0, state.numbers);
      if (lane < run.num_samples) state.factors[lane]->factorize(state.numbers);
      at.write(state.numbers, out);
    }
  }

 private:
  Places places_;
  TileOpContext context_;
};

class SparseLuFactors : public LoweredBy<SparseLuFactors> {
 public:
  explicit SparseLuFactors(Places places) : places_(std::move(places)) {}

  std::string name() const override { return "sparse_lu_factors"; }
  std::string attributes() const override { return text::concat("numbers=", places_->rows.size()); }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override { return operands[0]; }
  std::vector<Array> vjp(std::span<const Array>, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {cotangent};
  }
  Array jvp(std::span<const Array>, const Array&, std::span<const Array> tangents) const override {
    return tangents[0];
  }
  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const SparseLuFactors*>(&other);
    return same != nullptr && *same->places_ == *places_;
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<SparseFactorsOp<T>>(places_, context);
  }

 private:
  Places places_;
};

/// Operands: the numbers as factorized, b.
template <class T>
class SparseSolveOp : public TileOp<T> {
 public:
  SparseSolveOp(Places places, Side side, TileOpContext context)
      : places_(std::move(places)), side_(side), context_(std::move(context)) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<SparseFactorsState>(*places_, 1); }

  void run(const TileOpRun<T>& run, T* out) const override {
    auto& state = static_cast<SparseFactorsState&>(*run.state);
    auto* const made = dynamic_cast<SparseFactorsState*>(run.operand_states[0]);
    for (std::size_t lane = 0; lane < context_.lanes; ++lane) {
      const TileLane<T> at{context_, run, lane};
      Numbers x = Numbers::Zero(state.b.size());
      if (lane < run.num_samples) {
        at.read(0, state.numbers);
        at.read(1, state.b);
        SparseFactors& factors =
            made != nullptr && made->factors[lane]->holds(state.numbers) ? *made->factors[lane] : *state.factors[0];
        if (!factors.holds(state.numbers)) factors.factorize(state.numbers);
        x = factors.solve(side_, state.b);
      }
      at.write(x, out);
    }
  }

 private:
  Places places_;
  Side side_;
  TileOpContext context_;
};

class SparseLuSolve : public LoweredBy<SparseLuSolve> {
 public:
  SparseLuSolve(Places places, Side side) : places_(std::move(places)), side_(side) {}

  std::string name() const override { return "sparse_lu_solve"; }
  std::string attributes() const override { return side_ == Side::kJacobian ? "" : "transposed"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[1]; }

  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    SparseFactors factors(*places_);
    const auto as_numbers = [](const std::vector<double>& values) {
      return Numbers(Eigen::Map<const Numbers>(values.data(), static_cast<Eigen::Index>(values.size())));
    };
    factors.factorize(as_numbers(operands[0]));
    const Numbers x = factors.solve(side_, as_numbers(operands[1]));
    return {x.begin(), x.end()};
  }

  std::vector<Array> vjp(std::span<const Array> operands, const Array& result, const Array& cotangent,
                         const std::vector<bool>&) const override {
    const bool is_given = side_ == Side::kJacobian;
    const Array of_b = apply_to(is_given ? Side::kTransposed : Side::kJacobian, operands[0], cotangent);
    const Array left = is_given ? of_b : result, right = is_given ? result : of_b;
    return {-(pick(left, places_->rows) * pick(right, places_->columns)), of_b};
  }

  /// A x' = b' - A' x.
  Array jvp(std::span<const Array> operands, const Array& result, std::span<const Array> tangents) const override {
    Array side = tangents[1].is_empty() ? zeros(result.shape()) : tangents[1];
    const bool is_given = side_ == Side::kJacobian;
    if (!tangents[0].is_empty())
      side = side - scatter(tangents[0] * pick(result, is_given ? places_->columns : places_->rows),
                            is_given ? places_->rows : places_->columns, result.shape());
    return apply_to(side_, operands[0], side);
  }

  bool equals(const Extension& other) const override {
    const auto* same = dynamic_cast<const SparseLuSolve*>(&other);
    return same != nullptr && same->side_ == side_ && *same->places_ == *places_;
  }
  template <class T>
  std::unique_ptr<TileOp<T>> lower(const TileOpContext& context) const {
    return std::make_unique<SparseSolveOp<T>>(places_, side_, context);
  }

 private:
  static Array pick(const Array& x, const std::vector<std::int64_t>& positions) {
    return gather(x, positions, {static_cast<std::int64_t>(positions.size())});
  }
  Array apply_to(Side side, const Array& numbers, const Array& b) const {
    const Array operands[] = {numbers, b};
    return costate::apply(std::make_shared<SparseLuSolve>(places_, side), operands);
  }

  Places places_;
  Side side_;
};

}  // namespace

SparsePlaces SparsePlaces::of(const IndexLists& columns_of_rows) {
  SparsePlaces places{.size = static_cast<std::int64_t>(columns_of_rows.size()), .rows = {}, .columns = {}};
  const IndexLists rows_of_columns = columns_of_rows.transposed(columns_of_rows.size());
  for (std::size_t j = 0; j < rows_of_columns.size(); ++j)
    for (std::size_t k = rows_of_columns.starts[j]; k < rows_of_columns.starts[j + 1]; ++k) {
      places.rows.push_back(rows_of_columns.members[k]);
      places.columns.push_back(static_cast<std::int64_t>(j));
    }
  return places;
}

Array sparse_lu_factors(Places places, const Array& numbers) {
  return costate::apply(std::make_shared<SparseLuFactors>(std::move(places)), std::span(&numbers, 1));
}

Array sparse_lu_solve(Places places, const Array& numbers, const Array& b) {
  const Array operands[] = {numbers, b};
  return costate::apply(std::make_shared<SparseLuSolve>(std::move(places), Side::kJacobian), operands);
}

}  // namespace costate::internal
