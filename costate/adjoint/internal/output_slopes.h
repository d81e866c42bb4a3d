// The slope of a solution where it is put out or restarted, by which times move it.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/solve/internal/stage_walk.h"

namespace costate::internal {

template <class T>
class OutputSlopes {
 public:
  explicit OutputSlopes(const LaneProblem<T>& problem);

  void start(const FinishedSolve<T>& solve, const Lender<T>& lender);

  /// Which of a time's sides a slope belongs to, where the field jumps: that of the steps that lead there, or of those
  /// that follow.
  enum class Side { kBefore, kAfter };
  void set(std::size_t lane, double t, Side side);
  /// f [state, lanes] at the times that were set and z [state, lanes].
  const T* at(const T* z);

 private:
  const LaneProblem<T>& problem_;
  const std::size_t lanes_;
  FieldEvaluator<T> field_;
  StageWalk<T> walk_;
  AlignedVector<T> shared_, slope_, times_;
  AlignedVector<double> output_times_;  // [lanes]
  FinishedSolve<T> solve_;
  const Lender<T>* lender_ = nullptr;
};

extern template class OutputSlopes<float>;
extern template class OutputSlopes<double>;

}  // namespace costate::internal
