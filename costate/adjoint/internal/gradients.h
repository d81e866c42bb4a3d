// What every adjoint of a lane solve is given and gives.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// A solve that was just run.
template <class T>
struct FinishedSolve {
  const LaneSolver<T>* solver = nullptr;
  LaneInputs<T> inputs;
  const T* states = nullptr;  // [time, state, lanes]
};

/// Gradients of a lane solve. A sample whose solve failed has zeros.
template <class T>
struct SolveGradients {
  AlignedVector<T> z0;                      // [state, lanes]
  AlignedVector<T> times;                   // [time, lanes]
  std::vector<AlignedVector<T>> arguments;  // one a wanted argument: [n, lanes], or [n] summed where shared

  /// Sizes all for a problem and sets them to 0.
  void clear(const LaneProblem<T>& problem, const std::vector<WantedArgument>& wanted);
};

extern template struct SolveGradients<float>;
extern template struct SolveGradients<double>;

}  // namespace costate::internal
