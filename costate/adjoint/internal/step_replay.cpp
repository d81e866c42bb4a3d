#include "costate/adjoint/internal/step_replay.h"

#include <algorithm>

#include "costate/adjoint/internal/binomial_checkpoints.h"
#include "costate/base/interrupt.h"

namespace costate::internal {

template <class T>
StepReplay<T>::StepReplay(const LaneProblem<T>& problem)
    : problem_(problem),
      lanes_(problem.lanes),
      size_(problem.state_size * problem.lanes),
      most_states_(std::max<std::size_t>(1, recorded_numbers(problem) / 2 / problem.state_size)),
      field_(problem),
      y_(size_),
      slopes_(size_ * static_cast<std::size_t>(problem.tableau->num_stages)),
      stage_(size_),
      times_(problem.time.count * lanes_),
      mask_(lanes_),
      walk_(problem),
      kept_(lanes_),
      position_(lanes_),
      targets_(lanes_),
      is_explicit_(lanes_) {
  if (problem.options.adjoint == Adjoint::kReversible) inverse_ = std::make_unique<Inverse>(problem);
  if (problem.function_step) stepper_ = std::make_unique<FunctionStepper<T>>(*problem.function_step);
}

template <class T>
void StepReplay<T>::start(const LaneSolver<T>& solver, const LaneInputs<T>& inputs) {
  solver_ = &solver;
  inputs_ = inputs;
  if (inverse_) {
    inverse_->step.prepare(inputs.arguments, inverse_->shared.data());
    std::copy_n(solver.y(), size_, y_.data());
  }
  for (Kept& kept : kept_) {
    kept.steps.clear();
    kept.states.clear();
  }
}

/// Puts the last known state at or before the target into y_ and returns its step.
template <class T>
std::size_t StepReplay<T>::go_to_nearest(std::size_t lane, std::size_t target) {
  const LaneRecord<T>& record = solver_->records()[lane];
  Kept& kept = kept_[lane];
  while (!kept.steps.empty() && kept.steps.back() > target) {
    kept.steps.pop_back();
    kept.states.resize(kept.states.size() - problem_.state_size);
  }
  const std::size_t row = target / record.stride;
  std::size_t step = row * record.stride;
  const T* state = record.states.data() + row * problem_.state_size;
  if (!kept.steps.empty() && kept.steps.back() > step) {
    step = kept.steps.back();
    state = kept.states.data() + (kept.steps.size() - 1) * problem_.state_size;
  }
  const LaneEvents<T>* events = solver_->events();
  if (const std::ptrdiff_t last = events == nullptr ? -1 : events->cut_before(lane, target); last >= 0) {
    const auto cut = static_cast<std::size_t>(last);
    const LaneEventList<T>& list = events->list(lane);
    if (list.events[cut].step >= step) {
      step = list.events[cut].step + 1;
      state = list.after.data() + cut * problem_.state_size;
    }
  }
  for (std::size_t i = 0; i < problem_.state_size; ++i) y_[i * lanes_ + lane] = state[i];
  plan(lane, step, target);
  return step;
}

/// Which state to keep next on the way from `step`, which is known, to the target.
template <class T>
void StepReplay<T>::plan(std::size_t lane, std::size_t step, std::size_t target) {
  Kept& kept = kept_[lane];
  const std::size_t slots = 1 + most_states_ - std::min(most_states_, kept.steps.size());
  kept.next = slots > 1 && step < target ? step + binomial_advance(target - step + 1, slots) : target;
}

template <class T>
void StepReplay<T>::keep(std::size_t lane, std::size_t step) {
  Kept& kept = kept_[lane];
  kept.steps.push_back(step);
  for (std::size_t i = 0; i < problem_.state_size; ++i) kept.states.push_back(y_[i * lanes_ + lane]);
}

template <class T>
std::int64_t StepReplay<T>::load(std::span<const std::size_t> remaining, T* y) {
  if (inverse_) return step_back(remaining, y);
  std::int64_t steps = 0;
  evaluations_ = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    targets_[lane] = position_[lane] = 0;
    if (remaining[lane] == 0) {
      for (std::size_t i = 0; i < problem_.state_size; ++i) y_[i * lanes_ + lane] = y[i * lanes_ + lane];
      continue;
    }
    targets_[lane] = remaining[lane] - 1;
    position_[lane] = go_to_nearest(lane, targets_[lane]);
    steps += static_cast<std::int64_t>(targets_[lane] - position_[lane]);
  }
  for (InterruptPoll poll; position_ != targets_; poll()) advance(targets_);
  std::copy(y_.begin(), y_.end(), y);
  return stepper_ ? evaluations_ : steps * (problem_.tableau->num_stages - 1);
}

/// y_ holds the states after the steps that are asked for.
template <class T>
std::int64_t StepReplay<T>::step_back(std::span<const std::size_t> remaining, T* y) {
  std::int64_t steps = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    mask_[lane] = remaining[lane] > 0 ? T{1} : T{0};
    steps += remaining[lane] > 0 ? 1 : 0;
    const double t = inputs_.times[lane];
    const StepTimes step = remaining[lane] > 0 ? solver_->step(lane, remaining[lane] - 1).times()
                                               : StepTimes{.t = t, .h = 0, .first = t, .last = t};
    walk_.take(lane, step);
    inverse_->stepper.set_times(lane, step);
  }
  inverse_->stepper.run({.y = y_.data(),
                         .h = walk_.sizes(),
                         .arguments = inputs_.arguments,
                         .shared = inverse_->shared.data(),
                         .num_samples = inputs_.num_samples},
                        stage_.data());
  select_lanes(mask_.data(), stage_.data(), y_.data(), y_.data(), problem_.state_size, lanes_);
  select_lanes(mask_.data(), y_.data(), y, y, problem_.state_size, lanes_);
  return steps * inverse_->stepper.step().evaluations;
}

/// stage_: the states at the end of the steps that are set.
template <class T>
void StepReplay<T>::take_steps() {
  if (stepper_)
    return stepper_->run({.y = y_.data(),
                          .h = walk_.sizes(),
                          .arguments = inputs_.arguments,
                          .shared = inputs_.shared + problem_.step_shared(),
                          .num_samples = inputs_.num_samples,
                          .is_explicit = is_explicit_.data()},
                         stage_.data());
  const Slopes<T> slopes{slopes_.data(), size_, problem_.state_size, lanes_};
  for (std::size_t stage = 0; stage < problem_.closing(); ++stage) {
    walk_.write_times(stage, times_.data());
    walk_.write_state(stage, y_.data(), slopes, stage_.data());
    field_.run(times_.data(), stage_.data(), inputs_, slopes_.data() + stage * size_);
  }
  combine_slopes(y_.data(), walk_.sizes(), slopes, problem_.tableau->b, stage_.data());
}

/// One recorded step of each lane that is not at its target.
template <class T>
void StepReplay<T>::advance(std::span<const std::size_t> targets) {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    mask_[lane] = position_[lane] < targets[lane] ? T{1} : T{0};
    const double t = inputs_.times[lane];
    LaneStep recorded{.t = t, .h = 0, .t_next = t, .first_time = t, .last_time = t};
    if (mask_[lane] != 0) recorded = solver_->step(lane, position_[lane]);
    is_explicit_[lane] = recorded.is_explicit ? 1 : 0;
    const StepTimes step = recorded.times();
    walk_.take(lane, step);
    if (!stepper_) continue;
    stepper_->set_times(lane, step);
    if (mask_[lane] != 0) evaluations_ += stepper_->evaluations(recorded.is_explicit);
  }
  take_steps();
  select_lanes(mask_.data(), stage_.data(), y_.data(), y_.data(), problem_.state_size, lanes_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (mask_[lane] == 0) continue;
    ++position_[lane];
    if (position_[lane] != kept_[lane].next || position_[lane] == targets[lane]) continue;
    keep(lane, position_[lane]);
    plan(lane, position_[lane], targets[lane]);
  }
}

template class StepReplay<float>;
template class StepReplay<double>;

}  // namespace costate::internal
