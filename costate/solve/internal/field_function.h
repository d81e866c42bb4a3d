// A Function that is evaluated beside the field of a solve, of its events or of what it saves: lowered for tiles, and a
// thread's evaluations of it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/internal/stage_times.h"

namespace costate::internal {

/// A Function whose inputs are those of a field and then more.
template <class T>
struct FieldFunction {
  FieldFunction(LinearField linear, std::size_t lanes);

  std::size_t num_others;  // inputs besides t
  TimeRows time;           // what it reads of t
  TileFunction<T> function;
};

/// What a tile's evaluation of a FieldFunction reads.
template <class T>
struct FieldPlace {
  const double* times = nullptr;        // [lanes]
  const T* y = nullptr;                 // [state, lanes]
  std::span<const T* const> arguments;  // LaneInputs::arguments
  std::span<const T* const> more = {};  // the inputs behind the field's
  std::size_t num_samples = 0;
};

template <class T>
class FieldFunctionEvaluator {
 public:
  /// `part_offsets`: the rows at which the parts of the state begin.
  FieldFunctionEvaluator(std::span<const std::size_t> part_offsets, const FieldFunction<T>& function,
                         std::size_t lanes);

  /// What the function makes of the arguments that all samples share; before the first run() with new ones.
  void prepare(std::span<const T* const> arguments);
  void run(const FieldPlace<T>& place, std::span<T* const> outputs) { run(Phase::kForward, place, outputs); }
  /// kReverse and kAccumulate go by the kForward before them.
  void run(Phase phase, const FieldPlace<T>& place, std::span<T* const> outputs);
  void finish_sums(std::span<T* const> outputs) { function_.function.finish_sums(outputs, workspace_); }

 private:
  void bind(const FieldPlace<T>& place, const T* times);

  const std::vector<std::size_t> part_offsets_;
  const FieldFunction<T>& function_;
  const std::size_t lanes_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_, saved_, rows_;
  StageTimes<T> times_;
  std::vector<const T*> inputs_;
};

extern template struct FieldFunction<float>;
extern template struct FieldFunction<double>;
extern template class FieldFunctionEvaluator<float>;
extern template class FieldFunctionEvaluator<double>;

}  // namespace costate::internal
