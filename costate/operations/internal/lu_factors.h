// The factors of a square matrix, kept for as many solves with it and with its transpose as are wanted.
#pragma once

#include <Eigen/LU>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/operations/internal/blocked_lu.h"

namespace costate::internal {

template <class T>
class LuFactors {
 public:
  /// Factorizes A [n, n], row-major, with partial pivoting. Allocates only where n is new.
  void factorize(std::span<const T> a, std::size_t n);
  /// Whether the smallest pivot is at most rounding beside the largest one, or one is not finite.
  bool is_singular() const { return is_singular_; }

  /// x = A^-1 b, or A^-T b; NaN where A is singular. x and b are different memory.
  void solve(std::span<const T> b, std::span<T> x) const;
  void solve_transposed(std::span<const T> b, std::span<T> x) const;

 private:
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;

  bool is_blocked() const { return !swaps_.empty(); }

  bool is_singular_ = true;
  Matrix copy_;  // of a small matrix, by columns
  Eigen::PartialPivLU<Matrix> small_;
  RowMajor rows_;  // of a large matrix: its factors
  std::vector<std::uint32_t> swaps_;
  BlockedLu<T> blocked_;
};

}  // namespace costate::internal
