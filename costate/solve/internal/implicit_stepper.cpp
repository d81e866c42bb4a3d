#include "costate/solve/internal/implicit_stepper.h"

namespace costate::internal {

template <class T>
ImplicitStepper<T>::ImplicitStepper(const ImplicitProblem<T>& problem)
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
  outputs_.push_back(nullptr);
  for (std::size_t j = 0; j < problem.step.num_dense; ++j) outputs_.push_back(dense_.data() + j * size_);
  if (problem.step.has_error) outputs_.push_back(error_.data());
  if (problem.step.has_newton_error) outputs_.push_back(newton_error_.data());
}

template <class T>
void ImplicitStepper<T>::run(const StepInputs<T>& inputs, T* y_next) {
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

template class ImplicitStepper<float>;
template class ImplicitStepper<double>;

}  // namespace costate::internal
