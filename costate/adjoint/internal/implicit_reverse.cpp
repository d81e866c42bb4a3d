#include "costate/adjoint/internal/implicit_reverse.h"

#include <algorithm>

#include "costate/diff/diff.h"

namespace costate::internal {
namespace {

/// The step with its vjp by the wanted times and h, by y and by the wanted arguments.
LinearField linearize_step(const StepFunction& step, const WantedGradients& wanted) {
  std::vector<std::size_t> positions, late;
  const std::size_t state = step.first_state_input();
  for (std::size_t i = wanted.times ? 0 : state; i <= state; ++i) positions.push_back(i);
  for (std::size_t i = 0; i < wanted.arguments.size(); ++i)
    if (wanted.arguments[i]) positions.push_back(state + 1 + i);
  for (std::size_t i = 0; i < step.function.outputs().size(); ++i) late.push_back(step.function.inputs().size() + i);
  return {vjp(step.function, positions), late};
}

}  // namespace

template <class T>
ImplicitReverse<T>::ImplicitReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : problem_(problem),
      wants_times_(field.wants_times()),
      step_(step_function(problem.field, problem.options, StepUse::kReverse)),
      function_(lower_reading_time<T>(linearize_step(step_, *problem.gradients), problem.lanes, time_rows_,
                                      step_.nodes.size())),
      workspace_(function_.make_workspace()),
      times_(time_rows_, problem.lanes),
      shared_(function_.shared_size()),
      saved_(function_.saved_size()),
      time_values_(time_rows_.count * problem.lanes),
      size_(padded(problem.state_size * problem.lanes)),
      dense_(step_.num_dense * size_) {
  for (auto* buffer : {&y_next_cotangent_, &y_cotangent_}) buffer->resize(size_);
  h_cotangent_.resize(problem.lanes);
  dense_cotangents_.assign(step_.num_dense, AlignedVector<T>(size_));
  time_cotangents_.assign(step_.nodes.size(), AlignedVector<T>(problem.lanes));
}

template <class T>
void ImplicitReverse<T>::start(std::span<const T* const> arguments) {
  bind_step_inputs<T>(time_rows_, problem_.lanes, nullptr, nullptr, nullptr, arguments, inputs_);
  inputs_.resize(inputs_.size() + 1 + step_.num_dense, nullptr);
  function_.prepare(inputs_, shared_.data());
}

template <class T>
void ImplicitReverse<T>::run_forward(const StepInputs<T>& inputs) {
  times_.write(time_values_.data());
  bind_step_inputs(time_rows_, problem_.lanes, time_values_.data(), inputs.h, inputs.y, inputs.arguments, inputs_);
  inputs_.push_back(y_next_cotangent_.data());
  for (const auto& cotangent : dense_cotangents_) inputs_.push_back(cotangent.data());
  num_samples_ = inputs.num_samples;
  outputs_.assign(1, nullptr);
  for (std::size_t j = 0; j < step_.num_dense; ++j) outputs_.push_back(dense_.data() + j * size_);
  outputs_.resize(
      outputs_.size() + (wants_times_ ? step_.nodes.size() + 1 : 0) + 1 + problem_.gradients->arguments.size(),
      nullptr);
  function_.run(Phase::kForward, call());
  std::ranges::fill(y_next_cotangent_, T{0});
  for (auto& cotangent : dense_cotangents_) std::ranges::fill(cotangent, T{0});
}

template <class T>
void ImplicitReverse<T>::bind_outputs(std::span<T* const> arguments) {
  outputs_.assign(1 + step_.num_dense, nullptr);
  if (wants_times_) {
    for (auto& cotangent : time_cotangents_) outputs_.push_back(cotangent.data());
    outputs_.push_back(h_cotangent_.data());
  }
  outputs_.push_back(y_cotangent_.data());
  outputs_.insert(outputs_.end(), arguments.begin(), arguments.end());
}

template <class T>
void ImplicitReverse<T>::run_reverse(std::span<T* const> arguments) {
  bind_outputs(arguments);
  function_.run(Phase::kReverse, call());
  function_.run(Phase::kAccumulate, call());
}

template <class T>
void ImplicitReverse<T>::finish_sums(std::span<T* const> arguments) {
  bind_outputs(arguments);
  function_.finish_sums(outputs_, workspace_);
}

template <class T>
TileCall<T> ImplicitReverse<T>::call() {
  return {.inputs = inputs_,
          .outputs = outputs_,
          .shared = shared_.data(),
          .saved = saved_.data(),
          .workspace = &workspace_,
          .lane_weights = nullptr,
          .num_samples = num_samples_,
          .first_sample = 0,
          .report = nullptr};
}

template class ImplicitReverse<float>;
template class ImplicitReverse<double>;

}  // namespace costate::internal
