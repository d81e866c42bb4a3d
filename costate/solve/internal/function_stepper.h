// A thread's steps of a method that steps by a Function: one step of each lane of a tile.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "costate/solve/internal/function_step_problem.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// Where the steps of a tile's lanes begin, and what the field takes besides.
template <class T>
struct StepInputs {
  const T* y = nullptr;                 // [state, lanes]
  const T* h = nullptr;                 // [lanes]
  std::span<const T* const> arguments;  // of the field, then its Parameters
  const T* shared = nullptr;            // FunctionStepProblem::prepare's
  std::size_t num_samples = 0;
  const char* is_explicit = nullptr;  // [lanes] of a method that switches: which of its steps
};

template <class T>
class FunctionStepper {
 public:
  explicit FunctionStepper(const FunctionStepProblem<T>& problem);

  /// The times of a lane's step that run() takes.
  void set_times(std::size_t lane, const StepTimes& step) {
    for (std::size_t i = 0; problem_.reads_time && i < problem_.step.nodes.size(); ++i)
      times_.set(lane, step.at(problem_.step.nodes[i]), i);
    if (explicit_) explicit_->set_times(lane, step);
  }
  /// y_next [state, lanes], other memory than y, and what follows.
  void run(const StepInputs<T>& inputs, T* y_next);

  /// Of the last run, where the step has such: [state, lanes], and [lanes].
  const T* error() const { return shown().error_.data(); }
  const T* newton_error() const { return newton_error_.data(); }
  const T* stiffness() const { return shown().stiffness_.data(); }
  /// The increments that its dense output is made of.
  Slopes<T> dense() const { return {shown().dense_.data(), size_, problem_.state_size, problem_.lanes}; }
  /// 1 for each lane: DenseStep::h, which the increments have in them.
  const T* ones() const { return ones_.data(); }
  const StepFunction& step() const { return problem_.step; }
  /// Evaluations of the field in a step.
  int evaluations(bool is_explicit) const {
    return is_explicit ? problem_.explicit_step->step.evaluations : problem_.step.evaluations;
  }

 private:
  void run_own(const StepInputs<T>& inputs, T* y_next);
  void take_over_explicit(const StepInputs<T>& inputs, T* y_next);
  const FunctionStepper& shown() const { return shows_explicit_ ? *explicit_ : *this; }

  const FunctionStepProblem<T>& problem_;
  TileWorkspace<T> workspace_;
  const std::size_t size_;  // of a state, padded
  AlignedVector<T> saved_, time_values_, dense_, error_, newton_error_, stiffness_, ones_;
  StageTimes<T> times_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
  std::unique_ptr<FunctionStepper> explicit_;  // of a method that switches
  AlignedVector<T> explicit_end_, mask_;
  bool shows_explicit_ = false;  // all lanes of the last run were explicit
};

extern template class FunctionStepper<float>;
extern template class FunctionStepper<double>;

}  // namespace costate::internal
