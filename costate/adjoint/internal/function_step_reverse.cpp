#include "costate/adjoint/internal/function_step_reverse.h"

#include <algorithm>

#include "costate/diff/diff.h"
#include "costate/solve/internal/implicit_step.h"

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
FunctionStepReverse<T>::FunctionStepReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : FunctionStepReverse(problem, field, step_function(problem.field, problem.options, StepUse::kReverse)) {
  if (!problem.function_step->explicit_step) return;
  explicit_.reset(
      new FunctionStepReverse(problem, field, explicit_step(problem.field, problem.options, StepUse::kReverse)));
  for (auto* numbers : {&mask_, &own_steps_, &others_steps_}) numbers->resize(problem.lanes);
}

template <class T>
FunctionStepReverse<T>::FunctionStepReverse(const LaneProblem<T>& problem, const FieldVjp<T>& field, StepFunction step)
    : problem_(problem),
      wants_times_(field.wants_times()),
      step_(std::move(step)),
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
  t_cotangent_.resize(problem.lanes);
  dense_cotangents_.assign(step_.num_dense, AlignedVector<T>(size_));
  time_cotangents_.assign(step_.nodes.size(), AlignedVector<T>(problem.lanes));
}

template <class T>
void FunctionStepReverse<T>::start(std::span<const T* const> arguments) {
  bind_step_inputs<T>(time_rows_, problem_.lanes, nullptr, nullptr, nullptr, arguments, inputs_);
  inputs_.resize(inputs_.size() + 1 + step_.num_dense, nullptr);
  function_.prepare(inputs_, shared_.data());
  has_sums_ = false;
  if (explicit_) explicit_->start(arguments);
}

template <class T>
void FunctionStepReverse<T>::run_forward(const StepInputs<T>& inputs) {
  if (!explicit_) return run_forward_own(inputs);
  split_lanes(inputs);
  StepInputs<T> own = inputs, others = inputs;
  own.h = own_steps_.data();
  others.h = others_steps_.data();
  if (any_implicit_) run_forward_own(own);
  if (!any_explicit_) return;
  explicit_->run_forward_own(others);
  if (!any_implicit_) {
    std::ranges::fill(y_next_cotangent_, T{0});
    for (auto& cotangent : dense_cotangents_) std::ranges::fill(cotangent, T{0});
  }
  for (std::size_t j = 0; j < step_.num_dense; ++j)
    take_explicit(explicit_->dense_.data() + j * size_, dense_.data() + j * size_, problem_.state_size);
}

template <class T>
void FunctionStepReverse<T>::split_lanes(const StepInputs<T>& inputs) {
  any_implicit_ = any_explicit_ = false;
  for (std::size_t lane = 0; lane < problem_.lanes; ++lane) {
    const bool is_explicit = inputs.is_explicit[lane] != 0, moves = inputs.h[lane] != 0;
    mask_[lane] = is_explicit ? T{1} : T{0};
    own_steps_[lane] = is_explicit ? T{0} : inputs.h[lane];
    others_steps_[lane] = is_explicit ? inputs.h[lane] : T{0};
    any_explicit_ |= is_explicit && moves;
    any_implicit_ |= !is_explicit && moves;
  }
}

/// Of the lanes with an explicit step.
template <class T>
void FunctionStepReverse<T>::take_explicit(const T* from, T* to, std::size_t rows) const {
  select_lanes(mask_.data(), from, to, to, rows, problem_.lanes);
}

/// Those of lanes with an explicit step; 0 stays where they were, and comes into the others.
template <class T>
void FunctionStepReverse<T>::move_cotangents(AlignedVector<T>& from, AlignedVector<T>& to) const {
  for (std::size_t i = 0; i < problem_.state_size * problem_.lanes; ++i) {
    const bool moves = mask_[i % problem_.lanes] != 0;
    to[i] = moves ? from[i] : T{0};
    if (moves) from[i] = T{0};
  }
}

template <class T>
void FunctionStepReverse<T>::run_forward_own(const StepInputs<T>& inputs) {
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
void FunctionStepReverse<T>::bind_outputs(std::span<T* const> arguments) {
  outputs_.assign(1 + step_.num_dense, nullptr);
  if (wants_times_) {
    for (auto& cotangent : time_cotangents_) outputs_.push_back(cotangent.data());
    outputs_.push_back(h_cotangent_.data());
  }
  outputs_.push_back(y_cotangent_.data());
  outputs_.insert(outputs_.end(), arguments.begin(), arguments.end());
}

template <class T>
void FunctionStepReverse<T>::run_reverse(std::span<T* const> arguments, const std::function<void()>& add_own) {
  if (any_explicit_) {
    move_cotangents(y_next_cotangent_, explicit_->y_next_cotangent_);
    for (std::size_t j = 0; j < step_.num_dense; ++j)
      move_cotangents(dense_cotangents_[j], explicit_->dense_cotangents_[j]);
  }
  if (any_implicit_) {
    run_reverse_own(arguments);
    add_own();
  }
  if (!any_explicit_) return;
  explicit_->run_reverse_own(arguments);
  add_own();
  take_explicit(explicit_->y_cotangent_.data(), y_cotangent_.data(), problem_.state_size);
  take_explicit(explicit_->h_cotangent_.data(), h_cotangent_.data(), 1);
  take_explicit(explicit_->t_cotangent_.data(), t_cotangent_.data(), 1);
}

template <class T>
void FunctionStepReverse<T>::run_reverse_own(std::span<T* const> arguments) {
  bind_outputs(arguments);
  function_.run(Phase::kReverse, call());
  function_.run(Phase::kAccumulate, call());
  has_sums_ = true;
  if (!wants_times_) return;
  std::ranges::fill(t_cotangent_, T{0});
  for (std::size_t node = 0; node < step_.nodes.size(); ++node)
    for (std::size_t lane = 0; lane < problem_.lanes; ++lane) {
      t_cotangent_[lane] += time_cotangents_[node][lane];
      h_cotangent_[lane] += static_cast<T>(step_.nodes[node]) * time_cotangents_[node][lane];
    }
}

template <class T>
void FunctionStepReverse<T>::finish_sums(std::span<T* const> arguments) {
  if (has_sums_) {
    bind_outputs(arguments);
    function_.finish_sums(outputs_, workspace_);
  }
  if (explicit_) explicit_->finish_sums(arguments);
}

template <class T>
TileCall<T> FunctionStepReverse<T>::call() {
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

template class FunctionStepReverse<float>;
template class FunctionStepReverse<double>;

}  // namespace costate::internal
