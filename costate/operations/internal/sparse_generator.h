// e^(t A) b and its gradient at the numbers of one sample, by products with a sparse A.
#pragma once

#include <Eigen/SparseCore>
#include <span>
#include <vector>

#include "costate/operations/internal/matrix_places.h"
#include "costate/operations/internal/taylor_exponential.h"

namespace costate::internal {

class SparseGenerator {
 public:
  using Column = Eigen::VectorXd;

  /// The places must outlive it.
  explicit SparseGenerator(const MatrixPlaces& places);

  /// A's, to be filled in before set().
  std::span<double> numbers() { return {matrix_.valuePtr(), static_cast<std::size_t>(matrix_.nonZeros())}; }
  /// False where no exponential can be computed.
  bool set(double t);

  /// b becomes e^(t A) b.
  void multiply(Column& b) const;
  /// `sums` [count] becomes the gradient of c^T e^(t A) b by A's numbers. States at the starts of steps are kept for
  /// the root of their number, and computed again between.
  void gradient(Column b, Column c, std::span<double> sums) const;

 private:
  /// factor (A - shift) x.
  Column product(double factor, const Column& x) const { return factor * (matrix_ * x - shift_ * x); }
  void take_step(Column& b, std::vector<Column>* terms) const;
  void reverse_step(Column b, Column& c, std::span<double> sums) const;
  void add_outer(double factor, const Column& left, const Column& right, std::span<double> sums) const;

  const MatrixPlaces* places_;
  Eigen::SparseMatrix<double> matrix_;
  double shift_ = 0;  // the mean of the diagonal
  TaylorScheme scheme_;
};

}  // namespace costate::internal
