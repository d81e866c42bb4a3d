// The reverse of a step of an implicit method on tiles: the vjp of its step function, whose cotangents are late. Each
// step is taken again first, from the state before it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/solve/internal/implicit_stepper.h"
#include "costate/solve/internal/lane_problem.h"

namespace costate::internal {

template <class T>
class ImplicitReverse {
 public:
  ImplicitReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  const StepFunction& step() const { return step_; }
  /// What a step costs, in evaluations of the field or of its vjp.
  std::int64_t evaluations() const { return step_.evaluations + static_cast<std::int64_t>(step_.nodes.size()); }

  /// Reads what all samples share, for the steps to come.
  void start(std::span<const T* const> arguments);
  void set_times(std::size_t lane, const StepTimes& times) {
    for (std::size_t i = 0; i < step_.nodes.size(); ++i) times_.set(lane, times.at(step_.nodes[i]), i);
  }
  /// Takes the steps again, and sets all cotangents to 0.
  void run_forward(const StepInputs<T>& inputs);
  /// The increments that the dense output is made of.
  Slopes<T> dense() const { return {dense_.data(), size_, problem_.state_size, problem_.lanes}; }

  /// Cotangents of y1 and of the increments [state, lanes]: for the caller to fill.
  T* y_next_cotangent() { return y_next_cotangent_.data(); }
  T* dense_cotangent(std::size_t j) { return dense_cotangents_[j].data(); }
  /// Those of y and, where times are wanted, of h and of each node's time [lanes]; those of arguments go to `arguments`
  /// (FieldCotangents).
  void run_reverse(std::span<T* const> arguments);
  const T* y_cotangent() const { return y_cotangent_.data(); }
  const T* h_cotangent() const { return h_cotangent_.data(); }
  const T* time_cotangent(std::size_t node) const { return time_cotangents_[node].data(); }

  /// TileFunction::finish_sums.
  void finish_sums(std::span<T* const> arguments);

 private:
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
  AlignedVector<T> y_next_cotangent_, y_cotangent_, h_cotangent_, dense_;
  std::vector<AlignedVector<T>> dense_cotangents_, time_cotangents_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
  std::size_t num_samples_ = 0;
};

extern template class ImplicitReverse<float>;
extern template class ImplicitReverse<double>;

}  // namespace costate::internal
