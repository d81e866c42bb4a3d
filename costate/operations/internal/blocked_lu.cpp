// Half of the columns are factorized, the other half follow by a triangular solve and a product, and are factorized in
// turn. Only blocks of kBase columns are eliminated number by number.
#include "costate/operations/internal/blocked_lu.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {
namespace {

constexpr std::size_t kBase = 8;      // columns: a row of a block is one line of the cache in f64
constexpr std::size_t kInner = 128;   // factors of a product, with kColumns, stay in the second-level cache
constexpr std::size_t kColumns = 64;  // of the right factor

/// Half of a range, in whole blocks.
std::size_t middle_of(std::size_t first, std::size_t last) {
  const std::size_t blocks = (last - first + kBase - 1) / kBase;
  return first + blocks / 2 * kBase;
}

}  // namespace

template <class T>
void BlockedLu<T>::factorize(T* a, std::size_t n, std::uint32_t* swaps) {
  a_ = a;
  n_ = n;
  swaps_ = swaps;
  left_.resize(n * kInner);
  right_.resize(kInner * kColumns);
  factorize_columns({0, n});
}

template <class T>
void BlockedLu<T>::factorize_columns(Range columns) {
  if (columns.size() <= kBase) return eliminate(columns);
  const std::size_t middle = middle_of(columns.first, columns.last);
  const Range done{columns.first, middle}, rest{middle, columns.last};
  factorize_columns(done);
  solve_unit_lower(done, rest);
  subtract_product({middle, n_}, done, rest);
  factorize_columns(rest);
}

template <class T>
std::size_t BlockedLu<T>::pivot_row(std::size_t column) const {
  std::size_t best = column;
  T largest = std::abs(*at(column, column));
  for (std::size_t row = column + 1; row < n_; ++row) {
    const T size = std::abs(*at(row, column));
    if (size <= largest) continue;
    largest = size;
    best = row;
  }
  return best;
}

template <class T>
void BlockedLu<T>::eliminate(Range columns) {
  for (std::size_t j = columns.first; j < columns.last; ++j) {
    const std::size_t pivot = pivot_row(j);
    swaps_[j] = static_cast<std::uint32_t>(pivot);
    if (pivot != j) std::swap_ranges(at(j, 0), at(j, 0) + n_, at(pivot, 0));
    const T* const upper = at(j, 0);
    if (upper[j] == T{0}) continue;
    for (std::size_t i = j + 1; i < n_; ++i) {
      T* const row = at(i, 0);
      row[j] /= upper[j];
      for (std::size_t c = j + 1; c < columns.last; ++c) row[c] -= row[j] * upper[c];
    }
  }
}

/// The rows `inner` of `columns` become L^-1 of them, L the unit lower triangle of the block (inner, inner).
template <class T>
void BlockedLu<T>::solve_unit_lower(Range inner, Range columns) {
  if (inner.size() <= kBase) {
    for (std::size_t i = inner.first + 1; i < inner.last; ++i) subtract_product({i, i + 1}, {inner.first, i}, columns);
    return;
  }
  const std::size_t middle = middle_of(inner.first, inner.last);
  const Range above{inner.first, middle}, below{middle, inner.last};
  solve_unit_lower(above, columns);
  subtract_product(below, above, columns);
  solve_unit_lower(below, columns);
}

/// (rows, columns) -= (rows, inner) · (inner, columns).
template <class T>
void BlockedLu<T>::subtract_product(Range rows, Range inner, Range columns) {
  for (std::size_t k = inner.first; k < inner.last; k += kInner)
    subtract_block(rows, {k, std::min(k + kInner, inner.last)}, columns);
}

template <class T>
void BlockedLu<T>::subtract_block(Range rows, Range inner, Range columns) {
  constexpr std::size_t kFewRows = 8;  // which read the right factor too seldom for a copy
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::transform(at(rows.first + i, inner.first), at(rows.first + i, inner.last), left_.data() + i * inner.size(),
                   [](T value) { return -value; });
  const std::size_t width = rows.size() <= kFewRows ? columns.size() : kColumns;
  for (std::size_t column = columns.first; column < columns.last; column += width) {
    const std::size_t count = std::min(width, columns.last - column);
    const bool is_copied = rows.size() > kFewRows;
    for (std::size_t k = 0; k < inner.size() && is_copied; ++k)
      std::copy_n(at(inner.first + k, column), count, right_.data() + k * count);
    gemm(Gemm<T>{.m = rows.size(),
                 .k = inner.size(),
                 .n = count,
                 .a = left_.data(),
                 .a_row_stride = inner.size(),
                 .a_column_stride = 1,
                 .b = is_copied ? right_.data() : at(inner.first, column),
                 .b_stride = is_copied ? count : n_,
                 .c = at(rows.first, column),
                 .c_stride = n_,
                 .start = GemmStart::kAccumulate,
                 .bias = nullptr,
                 .activation = Activation::kNone,
                 .slope_of = nullptr});
  }
}

template class BlockedLu<float>;
template class BlockedLu<double>;

}  // namespace costate::internal
