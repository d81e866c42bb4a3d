// Linear systems with a sparse matrix and its transpose: by its factors, or iteratively, where they would be too large.
#pragma once

#include <Eigen/SparseCore>
#include <cstdint>
#include <memory>
#include <optional>

namespace costate::internal {

using Numbers = Eigen::VectorXd;

/// Which of two products, or of two systems of equations.
enum class Side : std::uint8_t { kJacobian, kTransposed };

enum class LinearMethod : std::uint8_t { kFactors, kKrylov };

/// Where an iteration ended that came to no solution.
struct LinearFailure {
  int iterations = 0;
  double residual = 0;  // |b - A x| / |b|, of Euclid's norm
};

class SparseSolver {
 public:
  virtual ~SparseSolver() = default;
  /// The places that the matrix has are those of the first call. False if it is singular.
  virtual bool factorize(const Eigen::SparseMatrix<double>& matrix) = 0;
  /// x with A x = b or A^T x = b for the matrix of the last factorize(), which must still be there.
  virtual std::optional<Numbers> solve(Side side, const Numbers& b) = 0;
  /// Of the last solve() that gave nothing.
  virtual std::optional<LinearFailure> failure() const { return std::nullopt; }
};

/// kFactors: LU (SparseLU, with columns ordered by approximate minimum degree). kKrylov: BiCGSTAB (van der Vorst 1992)
/// with an incomplete LU factorization by threshold (Saad 1994) for a preconditioner, one for each side, made when it
/// is asked for.
std::unique_ptr<SparseSolver> make_sparse_solver(LinearMethod method);

}  // namespace costate::internal
