// A thread's steps of an implicit method: one step of each lane of a tile.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/solve/internal/implicit_problem.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// Where the steps of a tile's lanes begin, and what the field takes besides.
template <class T>
struct StepInputs {
  const T* y = nullptr;                 // [state, lanes]
  const T* h = nullptr;                 // [lanes]
  std::span<const T* const> arguments;  // of the field, then its Parameters
  const T* shared = nullptr;            // ImplicitProblem::prepare's
  std::size_t num_samples = 0;
};

template <class T>
class ImplicitStepper {
 public:
  explicit ImplicitStepper(const ImplicitProblem<T>& problem);

  /// The times of a lane's step that run() takes.
  void set_times(std::size_t lane, const StepTimes& step) {
    for (std::size_t i = 0; problem_.reads_time && i < problem_.step.nodes.size(); ++i)
      times_.set(lane, step.at(problem_.step.nodes[i]), i);
  }
  /// y_next [state, lanes], other memory than y, and what follows.
  void run(const StepInputs<T>& inputs, T* y_next);

  /// Of the last run, where the step has such: [state, lanes], and [lanes].
  const T* error() const { return error_.data(); }
  const T* newton_error() const { return newton_error_.data(); }
  /// The increments that its dense output is made of.
  Slopes<T> dense() const { return {dense_.data(), size_, problem_.state_size, problem_.lanes}; }
  /// 1 for each lane: DenseStep::h, which the increments have in them.
  const T* ones() const { return ones_.data(); }
  const StepFunction& step() const { return problem_.step; }

 private:
  const ImplicitProblem<T>& problem_;
  TileWorkspace<T> workspace_;
  const std::size_t size_;  // of a state, padded
  AlignedVector<T> saved_, time_values_, dense_, error_, newton_error_, ones_;
  StageTimes<T> times_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
};

extern template class ImplicitStepper<float>;
extern template class ImplicitStepper<double>;

}  // namespace costate::internal
