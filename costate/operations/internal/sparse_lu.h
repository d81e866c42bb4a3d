// Large linear systems of a step whose matrix has few numbers: lane_lu.h's counterpart, sample by sample.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "costate/graph/array.h"
#include "costate/operations/internal/sparsity.h"

namespace costate::internal {

/// Where a square matrix has numbers, in the order of its columns and, within each, of its rows.
struct SparsePlaces {
  std::int64_t size = 0;                    // rows
  std::vector<std::int64_t> rows, columns;  // [number]

  /// Of lists of the columns of each row.
  static SparsePlaces of(const IndexLists& columns_of_rows);
  bool operator==(const SparsePlaces&) const = default;
};

/// The numbers of a matrix as they are, factorized by SparseLU (sparse_solver.h): for sparse_lu_solve() to go on with.
/// From 10,000 unknowns on incompletely, for an iteration; wholly where that comes to no solution.
Array sparse_lu_factors(std::shared_ptr<const SparsePlaces> places, const Array& numbers);

/// A^-1 b, or A^-T b, by the factors that sparse_lu_factors() left when it gave `numbers`; made anew, with the same
/// bits, where another sample's have come in between. Derivatives go by the numbers and b, to any order. An A that is
/// singular gives NaNs.
Array sparse_lu_solve(std::shared_ptr<const SparsePlaces> places, const Array& numbers, const Array& b);

}  // namespace costate::internal
