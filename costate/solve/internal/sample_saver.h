// What a solve of numbers keeps in place of states: its save function, evaluated for many output times of one sample
// side by side.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/solve/internal/field_function.h"
#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/save_function.h"

namespace costate::internal {

/// What all threads share.
template <class T>
struct SaveProblem {
  SaveProblem(const SaveFunction& save, const LaneProblem<T>& solved);

  const LaneProblem<T>& problem;
  std::size_t out_size;
  std::size_t lanes;                      // times that are evaluated together
  std::vector<std::size_t> part_offsets;  // of the state, without what a method remembers behind it
  FieldFunction<T> function;
  std::vector<AlignedVector<T>> inputs;  // arguments of the field that it takes, to be filled in, then Parameters
  std::size_t num_arguments;             // of these
};

template <class T>
class SampleSaver {
 public:
  explicit SampleSaver(const SaveProblem<T>& problem);

  /// Where a lane's states go, [time, state].
  T* states(std::size_t lane) { return states_.data() + lane * num_times_ * state_size_; }
  /// Writes out [time, …shape] of a lane that is done; `times` [time, lanes] and `arguments` as in LaneInputs.
  void save(const double* times, std::span<const T* const> arguments, std::size_t lane, T* out);

 private:
  void load_arguments(std::span<const T* const> arguments, std::size_t lane);

  const SaveProblem<T>& problem_;
  const std::size_t num_times_, state_size_;
  FieldFunctionEvaluator<T> evaluator_;
  AlignedVector<T> states_;               // [lane of the solve, time, state]
  std::vector<AlignedVector<T>> inputs_;  // SaveProblem's, of a sample
  std::vector<const T*> pointers_;
  AlignedVector<double> times_;  // [lanes]
  AlignedVector<T> y_, values_;  // [state, lanes], [out, lanes]
};

extern template struct SaveProblem<float>;
extern template struct SaveProblem<double>;
extern template class SampleSaver<float>;
extern template class SampleSaver<double>;

}  // namespace costate::internal
