// A step of a method that steps by a Function (Tableau::steps_by_function), lowered for `lanes` samples side by side.
#pragma once

#include <cstddef>
#include <memory>
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
struct FunctionStepProblem {
  FunctionStepProblem(const VectorField& field, const SolveOptions& options, std::size_t lanes,
                      StepUse use = StepUse::kForward);

  StepFunction step;
  std::size_t lanes, state_size;
  bool reads_time;  // of the field
  TimeRows time;
  TileFunction<T> function;
  std::unique_ptr<const FunctionStepProblem> explicit_step;  // the other step of a method that switches

  /// TileFunction::prepare for given arguments and Parameters; `shared` has room for shared_size() numbers, those of
  /// the explicit step behind `explicit_shared`.
  void prepare(std::span<const T* const> arguments, T* shared) const;
  std::size_t shared_size() const {
    return explicit_step ? explicit_shared() + explicit_step->shared_size() : function.shared_size();
  }
  std::size_t explicit_shared() const { return padded(function.shared_size()); }

 private:
  FunctionStepProblem(StepFunction step, const VectorField& field, std::size_t lanes);
};

extern template struct FunctionStepProblem<float>;
extern template struct FunctionStepProblem<double>;

}  // namespace costate::internal
