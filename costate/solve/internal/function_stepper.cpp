#include "costate/solve/internal/function_stepper.h"

namespace costate::internal {

template <class T>
FunctionStepper<T>::FunctionStepper(const FunctionStepProblem<T>& problem)
    : problem_(problem),
      workspace_(problem.function.make_workspace()),
      size_(padded(problem.state_size * problem.lanes)),
      saved_(problem.function.saved_size()),
      time_values_(problem.time.count * problem.lanes),
      dense_(problem.step.num_dense * size_),
      ones_(problem.lanes, T{1}),
      times_(problem.time, problem.lanes) {
  error_.resize(problem.step.has_error ? size_ : 0);
  newton_error_.resize(problem.step.has_newton_error ? problem.lanes : 0);
  stiffness_.resize(problem.step.has_stiffness ? problem.lanes : 0);
  outputs_.push_back(nullptr);
  for (std::size_t j = 0; j < problem.step.num_dense; ++j) outputs_.push_back(dense_.data() + j * size_);
  if (problem.step.has_error) outputs_.push_back(error_.data());
  if (problem.step.has_newton_error) outputs_.push_back(newton_error_.data());
  if (problem.step.has_stiffness) outputs_.push_back(stiffness_.data());
  if (!problem.explicit_step) return;
  explicit_ = std::make_unique<FunctionStepper>(*problem.explicit_step);
  explicit_end_.resize(size_);
  mask_.resize(problem.lanes);
}

/// Both kinds of step in all lanes, where the lanes that move take both.
template <class T>
void FunctionStepper<T>::run(const StepInputs<T>& inputs, T* y_next) {
  if (!explicit_) return run_own(inputs, y_next);
  bool any_implicit = false, any_explicit = false;
  for (std::size_t lane = 0; lane < problem_.lanes; ++lane) {
    if (inputs.h[lane] == 0) continue;
    any_explicit |= inputs.is_explicit[lane] != 0;
    any_implicit |= inputs.is_explicit[lane] == 0;
  }
  shows_explicit_ = !any_implicit;
  if (any_implicit) run_own(inputs, y_next);
  if (any_implicit && !any_explicit) return;
  StepInputs<T> others = inputs;
  others.shared += problem_.explicit_shared();
  explicit_->run_own(others, any_implicit ? explicit_end_.data() : y_next);
  if (any_implicit) take_over_explicit(inputs, y_next);
}

template <class T>
void FunctionStepper<T>::take_over_explicit(const StepInputs<T>& inputs, T* y_next) {
  for (std::size_t lane = 0; lane < problem_.lanes; ++lane) mask_[lane] = inputs.is_explicit[lane] != 0 ? T{1} : T{0};
  const auto take = [&](const T* from, T* to, std::size_t rows) {
    select_lanes(mask_.data(), from, to, to, rows, problem_.lanes);
  };
  take(explicit_end_.data(), y_next, problem_.state_size);
  take(explicit_->error_.data(), error_.data(), problem_.state_size);
  take(explicit_->stiffness_.data(), stiffness_.data(), 1);
  for (std::size_t j = 0; j < problem_.step.num_dense; ++j)
    take(explicit_->dense_.data() + j * size_, dense_.data() + j * size_, problem_.state_size);
}

template <class T>
void FunctionStepper<T>::run_own(const StepInputs<T>& inputs, T* y_next) {
  if (problem_.reads_time) times_.write(time_values_.data());
  bind_step_inputs(problem_.time, problem_.lanes, time_values_.data(), inputs.h, inputs.y, inputs.arguments, inputs_);
  outputs_[0] = y_next;
  problem_.function.run(Phase::kForward, {.inputs = inputs_,
                                          .outputs = outputs_,
                                          .shared = inputs.shared,
                                          .saved = saved_.data(),
                                          .workspace = &workspace_,
                                          .lane_weights = nullptr,
                                          .num_samples = inputs.num_samples,
                                          .first_sample = 0,
                                          .report = nullptr});
}

template class FunctionStepper<float>;
template class FunctionStepper<double>;

}  // namespace costate::internal
