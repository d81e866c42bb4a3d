// LU factorization of one large matrix by blocks, most of whose work are products (exec/kernels/gemm.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace costate::internal {

/// P A = L U in place, A [n, n] row-major: L, whose diagonal is 1, below it, and U. Row i has changed places with row
/// swaps[i] >= i, in ascending i. Pivots are the largest of their columns; one that is 0 is left in U. Recursive by
/// columns (Toledo 1997, "Locality of reference in LU decomposition with partial pivoting").
template <class T>
class BlockedLu {
 public:
  void factorize(T* a, std::size_t n, std::uint32_t* swaps);

 private:
  struct Range {
    std::size_t first, last;
    std::size_t size() const { return last - first; }
  };

  // Rows below and columns of the matrix; `inner` are the columns of the left factor and the rows of the right one.
  void factorize_columns(Range columns);
  void eliminate(Range columns);
  void solve_unit_lower(Range inner, Range columns);
  void subtract_product(Range rows, Range inner, Range columns);
  void subtract_block(Range rows, Range inner, Range columns);
  std::size_t pivot_row(std::size_t column) const;
  T* at(std::size_t row, std::size_t column) const { return a_ + row * n_ + column; }

  T* a_ = nullptr;
  std::size_t n_ = 0;
  std::uint32_t* swaps_ = nullptr;
  std::vector<T> left_, right_;  // factors of a product, side by side: rows of the matrix may lie in one cache set
};

}  // namespace costate::internal
