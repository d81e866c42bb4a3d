// Where a sparse matrix may have numbers other than 0, known before its numbers are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "costate/operations/internal/sparsity.h"

namespace costate::internal {

/// The places of a matrix [n, n], column after column. Its numbers are a vector in this order.
class MatrixPlaces {
 public:
  /// `columns`: the rows of each column.
  explicit MatrixPlaces(IndexLists columns);

  std::size_t size() const { return columns_.size(); }
  std::int64_t count() const { return static_cast<std::int64_t>(columns_.members.size()); }
  const IndexLists& columns() const { return columns_; }
  /// The row and the column of each number.
  std::vector<std::int64_t> rows_of_numbers() const;
  std::vector<std::int64_t> columns_of_numbers() const;
  /// Which numbers are those of the transposed matrix, in the order of its places.
  std::vector<std::int64_t> turned() const;
  std::shared_ptr<const MatrixPlaces> transposed() const;
  /// Of [A E; 0 A], E with the same places; and its numbers by their positions in those of A and, behind them, of E.
  std::shared_ptr<const MatrixPlaces> doubled() const;
  std::vector<std::int64_t> doubled_numbers() const;

 private:
  IndexLists columns_;
};

}  // namespace costate::internal
