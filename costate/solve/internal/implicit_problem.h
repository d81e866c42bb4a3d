// A step of a method that steps by a Function, an implicit one above all, lowered for `lanes` samples side by side.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/step_function.h"

namespace costate::internal {

/// The pointers of a step function's inputs: what it reads of the times [TimeRows, lanes], h [lanes], y [state, lanes],
/// then arguments and Parameters.
template <class T>
void bind_step_inputs(const TimeRows& time, std::size_t lanes, const T* times, const T* h, const T* y,
                      std::span<const T* const> arguments, std::vector<const T*>& pointers);

template <class T>
struct ImplicitProblem {
  ImplicitProblem(const VectorField& field, const SolveOptions& options, std::size_t lanes,
                  StepUse use = StepUse::kForward);

  StepFunction step;
  std::size_t lanes, state_size;
  bool reads_time;  // of the field
  TimeRows time;
  TileFunction<T> function;

  /// TileFunction::prepare for given arguments and Parameters; `shared` has room for shared_size() of the function.
  void prepare(std::span<const T* const> arguments, T* shared) const;
};

extern template struct ImplicitProblem<float>;
extern template struct ImplicitProblem<double>;

}  // namespace costate::internal
