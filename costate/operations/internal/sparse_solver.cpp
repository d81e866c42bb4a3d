#include "costate/operations/internal/sparse_solver.h"

#include <Eigen/IterativeLinearSolvers>
#include <Eigen/SparseLU>

namespace costate::internal {
namespace {

using SparseMatrix = Eigen::SparseMatrix<double>;

class FactorSolver : public SparseSolver {
 public:
  bool factorize(const SparseMatrix& matrix) override {
    if (!is_analysed_) lu_.analyzePattern(matrix);
    is_analysed_ = true;
    lu_.factorize(matrix);
    return lu_.info() == Eigen::Success;
  }

  std::optional<Numbers> solve(Side side, const Numbers& b) override {
    return side == Side::kJacobian ? Numbers(lu_.solve(b)) : Numbers(lu_.transpose().solve(b));
  }

 private:
  Eigen::SparseLU<SparseMatrix> lu_;
  bool is_analysed_ = false;
};

/// Dropped are fill-ins below 1e-4 of their row, and those beyond 20 times the row's own numbers: on grids in the plane
/// this takes a tenth of the iterations of none, and of the memory of full factors.
constexpr double kDropBelow = 1e-4;
constexpr int kMostFill = 20;
constexpr int kMostIterations = 500;
/// Newton's method and the refinement of derivatives both go on from what is left.
constexpr double kTolerance = 1e-10, kEnough = 1e-4;

class KrylovSolver : public SparseSolver {
 public:
  bool factorize(const SparseMatrix& matrix) override {
    matrix_ = &matrix;
    for (Half& half : halves_) half.is_made = false;
    return half_of(Side::kJacobian).iteration.info() == Eigen::Success;
  }

  std::optional<Numbers> solve(Side side, const Numbers& b) override {
    Half& half = half_of(side);
    if (half.iteration.info() == Eigen::NumericalIssue) return std::nullopt;
    const Numbers x = half.iteration.solve(b);
    failure_.reset();
    if (x.allFinite() && half.iteration.error() <= kEnough) return x;
    failure_ = {static_cast<int>(half.iteration.iterations()), half.iteration.error()};
    return std::nullopt;
  }

  std::optional<LinearFailure> failure() const override { return failure_; }

 private:
  struct Half {
    SparseMatrix transposed;  // of kTransposed alone
    Eigen::BiCGSTAB<SparseMatrix, Eigen::IncompleteLUT<double>> iteration;
    bool is_made = false;
  };

  Half& half_of(Side side) {
    Half& half = halves_[static_cast<std::size_t>(side)];
    if (half.is_made) return half;
    if (side == Side::kTransposed) half.transposed = matrix_->transpose();
    half.iteration.preconditioner().setDroptol(kDropBelow);
    half.iteration.preconditioner().setFillfactor(kMostFill);
    half.iteration.setTolerance(kTolerance);
    half.iteration.setMaxIterations(kMostIterations);
    half.iteration.compute(side == Side::kTransposed ? half.transposed : *matrix_);
    half.is_made = true;
    return half;
  }

  const SparseMatrix* matrix_ = nullptr;
  Half halves_[2];  // by Side
  std::optional<LinearFailure> failure_;
};

}  // namespace

std::unique_ptr<SparseSolver> make_sparse_solver(LinearMethod method) {
  if (method == LinearMethod::kKrylov) return std::make_unique<KrylovSolver>();
  return std::make_unique<FactorSolver>();
}

}  // namespace costate::internal
