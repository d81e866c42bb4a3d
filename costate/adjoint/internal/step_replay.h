// The states before recorded steps, handed out last step first. What the record keeps is read, what lies between is
// stepped again from the nearest state before it, bit for bit; states met on the way are kept as far as the memory
// budget goes, where that saves the most steps (binomial_checkpoints.h). By Adjoint::kReversible nothing is kept: each
// state is taken back from the one after it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/stage_walk.h"

namespace costate::internal {

template <class T>
class StepReplay {
 public:
  explicit StepReplay(const LaneProblem<T>& problem);

  /// Forgets what it kept of an earlier solve.
  void start(const LaneSolver<T>& solver, const LaneInputs<T>& inputs);

  /// Column `lane` of y [state, lanes] becomes the state before step remaining[lane] - 1; other columns (remaining 0)
  /// stay. Steps must be asked for in descending order. Returns the evaluations of the field, over all samples.
  std::int64_t load(std::span<const std::size_t> remaining, T* y);

 private:
  /// A lane's states met on the way, in ascending order of their steps.
  struct Kept {
    std::vector<std::size_t> steps;
    std::vector<T> states;  // [kept, state]
    std::size_t next = 0;   // the step before which the next one is kept
  };

  std::int64_t step_back(std::span<const std::size_t> remaining, T* y);
  std::size_t go_to_nearest(std::size_t lane, std::size_t target);
  void plan(std::size_t lane, std::size_t step, std::size_t target);
  void keep(std::size_t lane, std::size_t step);
  void advance(std::span<const std::size_t> targets);
  void take_steps();

  const LaneProblem<T>& problem_;
  const std::size_t lanes_, size_, most_states_;
  FieldEvaluator<T> field_;
  AlignedVector<T> y_, slopes_, stage_, times_, mask_;
  StageWalk<T> walk_;
  std::unique_ptr<FunctionStepper<T>> stepper_;  // of methods that step by a Function; else null
  /// How a step is taken back.
  struct Inverse {
    explicit Inverse(const LaneProblem<T>& problem)
        : step(problem.field, problem.options, problem.lanes, StepUse::kInverse),
          stepper(step),
          shared(step.function.shared_size()) {}

    FunctionStepProblem<T> step;
    FunctionStepper<T> stepper;
    AlignedVector<T> shared;
  };
  std::unique_ptr<Inverse> inverse_;  // of Adjoint::kReversible
  std::vector<Kept> kept_;
  std::vector<std::size_t> position_, targets_;
  std::int64_t evaluations_ = 0;   // of function steps in this load()
  std::vector<char> is_explicit_;  // [lane] of the steps that are taken
  const LaneSolver<T>* solver_ = nullptr;
  LaneInputs<T> inputs_;
};

extern template class StepReplay<float>;
extern template class StepReplay<double>;

}  // namespace costate::internal
