// The reverse of a step by a Function on tiles: the vjp of its step function, whose cotangents are late. Each
// step is taken again first, from the state before it. Of a method that switches there are two such functions; a lane
// whose step is of the other kind goes through the first one with h = 0 and cotangents 0, and the other way round.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/solve/internal/function_stepper.h"
#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

template <class T>
class FunctionStepReverse {
 public:
  FunctionStepReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// What a step costs, in evaluations of the field or of its vjp.
  std::int64_t evaluations(bool is_explicit) const {
    if (is_explicit) return explicit_->evaluations(false);
    return step_.evaluations + static_cast<std::int64_t>(step_.nodes.size());
  }

  /// Reads what all samples share, for the steps to come.
  void start(std::span<const T* const> arguments);
  void set_times(std::size_t lane, const StepTimes& times) {
    for (std::size_t i = 0; i < step_.nodes.size(); ++i) times_.set(lane, times.at(step_.nodes[i]), i);
    if (explicit_) explicit_->set_times(lane, times);
  }
  /// Takes the steps again, and sets all cotangents to 0.
  void run_forward(const StepInputs<T>& inputs);
  /// The increments that the dense output is made of.
  Slopes<T> dense() const { return {dense_.data(), size_, problem_.state_size, problem_.lanes}; }

  /// Cotangents of y1 and of the increments [state, lanes]: for the caller to fill.
  T* y_next_cotangent() { return y_next_cotangent_.data(); }
  T* dense_cotangent(std::size_t j) { return dense_cotangents_[j].data(); }
  /// Those of y and, where times are wanted, of the step's h and t [lanes]; those of arguments go to `arguments`
  /// (FieldCotangents), and `add_own` is called when those of samples are there: twice if the lanes' steps are of two
  /// kinds.
  void run_reverse(std::span<T* const> arguments, const std::function<void()>& add_own);
  const T* y_cotangent() const { return y_cotangent_.data(); }
  const T* h_cotangent() const { return h_cotangent_.data(); }
  const T* t_cotangent() const { return t_cotangent_.data(); }

  /// TileFunction::finish_sums.
  void finish_sums(std::span<T* const> arguments);

 private:
  FunctionStepReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field, StepFunction step);
  void run_forward_own(const StepInputs<T>& inputs);
  void run_reverse_own(std::span<T* const> arguments);
  void split_lanes(const StepInputs<T>& inputs);
  void take_explicit(const T* from, T* to, std::size_t rows) const;
  void move_cotangents(AlignedVector<T>& from, AlignedVector<T>& to) const;
  void bind_outputs(std::span<T* const> arguments);
  TileCall<T> call();

  const LaneProblem<T>& problem_;
  bool wants_times_;
  StepFunction step_;
  TimeRows time_rows_;
  TileFunction<T> function_;
  TileWorkspace<T> workspace_;
  StageTimes<T> times_;
  AlignedVector<T> shared_, saved_, time_values_;
  const std::size_t size_;  // of a state, padded
  AlignedVector<T> y_next_cotangent_, y_cotangent_, h_cotangent_, t_cotangent_, dense_;
  std::vector<AlignedVector<T>> dense_cotangents_, time_cotangents_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
  std::size_t num_samples_ = 0;
  std::unique_ptr<FunctionStepReverse> explicit_;     // of a method that switches
  AlignedVector<T> mask_, own_steps_, others_steps_;  // [lanes]: explicit ones, and h of either kind
  bool any_implicit_ = true, any_explicit_ = false;   // in the steps taken last
  bool has_sums_ = false;                             // since start()
};

extern template class FunctionStepReverse<float>;
extern template class FunctionStepReverse<double>;

}  // namespace costate::internal
