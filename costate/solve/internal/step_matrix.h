// The Jacobian of a field and the matrices of a step's linear systems, inside a trace: dense, in lanes, or, of a large
// state whose Jacobian has few numbers, sparse (Curtis, Powell and Reid 1974 for its columns).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/graph.h"
#include "costate/operations/internal/sparse_lu.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// A matrix of a step with its factors.
class FactoredMatrix {
 public:
  FactoredMatrix(const Array& matrix, std::shared_ptr<const SparsePlaces> places);

  Array solve(const Array& b) const;

 private:
  Array matrix_, factors_;
  std::shared_ptr<const SparsePlaces> places_;
};

/// How a field's Jacobian is held. Matrices are Arrays [n, n], or the numbers of a sparse one.
class StepMatrices {
 public:
  /// `mass` [n, n] row by row, or empty: I. `function`: of the field, or of a part of it.
  StepMatrices(const VectorField& field, const Function& function, const std::vector<double>& mass);

  bool is_sparse() const { return places_ != nullptr; }
  /// d slope / d y.
  Array jacobian(const Array& slope, const Array& y) const;
  /// Whether the field says itself what that is; and what it says, at t, y and the field's other inputs.
  bool is_given() const { return !given_.is_empty(); }
  Array given(std::span<const Array> inputs) const;
  Array mass() const;
  FactoredMatrix factored(const Array& matrix) const { return {matrix, places_}; }
  /// Of a matrix made of such matrices, [row][column].
  FactoredMatrix factored_blocks(const std::vector<std::vector<Array>>& blocks) const;
  /// min(|J|_1, |J|_inf).
  Array norm(const Array& jacobian) const;

 private:
  std::int64_t size_;
  const std::vector<double>& mass_;
  Function given_;                              // flat (t, y, ...) -> slope, J; empty: none
  std::shared_ptr<const SparsePlaces> places_;  // null: dense
  std::vector<std::int32_t> colors_;            // [column]
  std::int64_t num_colors_ = 0;
  std::vector<std::int64_t> positions_;  // [number] among the compressed columns, one behind the other, and a 0
};

}  // namespace costate::internal
