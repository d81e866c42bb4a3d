// The polynomials of a problem's dense output.
#pragma once

#include <cstddef>
#include <span>

#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

/// y(t + theta h) = y + h sum_j w_j(theta) k_j with the slopes k_j of a step, or y + sum_j w_j(theta) d_j with the
/// increments d_j of an implicit one; w_j = sum_p coefficients[j, p] theta^(p + 1).
struct DenseForm {
  std::span<const double> coefficients;  // [slope or increment, degree]
  std::size_t degree;
  bool has_increments;

  std::size_t size() const { return coefficients.size() / degree; }
  std::span<const double> row(std::size_t j) const { return coefficients.subspan(j * degree, degree); }
};

template <class T>
DenseForm dense_form(const LaneProblem<T>& problem) {
  if (problem.function_step) return {problem.function_step->step.dense, problem.function_step->step.dense_degree, true};
  return {problem.tableau->dense, static_cast<std::size_t>(problem.tableau->dense_degree), false};
}

}  // namespace costate::internal
