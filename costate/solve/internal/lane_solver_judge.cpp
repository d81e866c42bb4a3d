// What becomes of an attempt: its error, whether each lane's step is accepted, and what follows from that.
#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/control/halving_error.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Under joint control every sample has the root mean square of all samples' norms.
template <class T>
void LaneSolver<T>::join(T* norms) const {
  if (problem_.options.control != Control::kJoint) return;
  double squares = 0;
  for (std::size_t lane = 0; lane < inputs_.num_samples; ++lane)
    if (outcomes_[lane].status == Status::kOk)
      squares += static_cast<double>(norms[lane]) * static_cast<double>(norms[lane]);
  std::fill_n(norms, lanes_, static_cast<T>(std::sqrt(squares / static_cast<double>(inputs_.num_samples))));
}

/// The error of each lane's attempt, and what the controller makes of it.
template <class T>
Judgement LaneSolver<T>::judge_errors() {
  const SolveOptions& options = problem_.options;
  const AttemptedStep<T> attempt{
      y_.data(), y_next(), steps_.data(), {slope(0), problem_.frame.block, state_size_, lanes_}};
  if (stepper_)
    judge_function_step();
  else
    errors_.error_of(attempt, norms_.data());
  if (!problem_.nonnegative.empty()) refuse_negative();
  join(norms_.data());
  std::copy(norms_.begin(), norms_.end(), clock_.error.begin());
  if (guard_ != nullptr) {
    T* bends = other_norms_.data();
    std::fill_n(bends, lanes_, T{0});
    if (!stepper_ && guard_->reads_bends(clock_)) {
      errors_.bend_of(attempt, bends);
      join(bends);
    }
    guard_->judge({frame_, y_.data(), steps_.data(), bends, first_times(), last_times(), inputs_,
                   switch_ != nullptr ? switch_->is_explicit() : nullptr},
                  clock_);
  }
  for (std::size_t lane = 0; options.min_step > 0 && lane < lanes_; ++lane)
    if (is_shortest(clock_.h[lane], options.min_step)) clock_.error[lane] = norms_[lane];
  return judge_adaptive({.control = options.step_control,
                         .error_order = problem_.tableau->error_order(),
                         .shortest = options.min_step,
                         .takes_shortest = options.at_min_step == AtMinStep::kAccept},
                        evaluations_of_attempt(), clock_, reached_.data());
}

/// The error after which the controller takes half the step.
template <class T>
double LaneSolver<T>::halving_error() const {
  return costate::halving_error(problem_.options.step_control, problem_.tableau->error_order());
}

/// A step that takes a number below 0 that must not go there has at least the error that halves it.
template <class T>
void LaneSolver<T>::refuse_negative() {
  for (const std::size_t row : problem_.nonnegative)
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (y_next()[row * lanes_ + lane] < 0) norms_[lane] = std::max(norms_[lane], static_cast<T>(halving_error()));
}

/// Lanes whose step of min_step was rejected cannot go on.
template <class T>
void LaneSolver<T>::end_at_shortest() {
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (clock_.accepted[lane] == 0 && is_shortest(clock_.h[lane], problem_.options.min_step))
      end_lane(lane, std::isfinite(clock_.error[lane]) ? Status::kStepTooSmall : Status::kNonFinite);
}

/// norms_: 0, or NaN where a number of the lane's y [state, lanes] is not finite.
template <class T>
void LaneSolver<T>::add_up_zeros(const T* y) {
  constexpr std::size_t kChains = 16;  // of one lane's numbers, beside each other
  std::fill(norms_.begin(), norms_.end(), T{0});
  const std::size_t chained = lanes_ == 1 ? state_size_ / kChains * kChains : 0;
  T sums[kChains] = {};
  for (std::size_t row = 0; row < chained; row += kChains)
    for (std::size_t chain = 0; chain < kChains; ++chain) sums[chain] += T{0} * y[row + chain];
  for (const T sum : sums) norms_[0] += sum;
  for (std::size_t row = chained; row < state_size_; ++row)
    for (std::size_t lane = 0; lane < lanes_; ++lane) norms_[lane] += T{0} * y[row * lanes_ + lane];
}

/// Fixed steps are accepted unless a number of the next state is not finite.
template <class T>
Judgement LaneSolver<T>::accept_fixed() {
  Judgement judgement;
  if (stepper_) end_without_convergence();
  add_up_zeros(y_next_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    clock_.nfe[lane] += evaluations_of_attempt() * clock_.is_active[lane];
    if (clock_.is_active[lane] != 0 && norms_[lane] != 0) end_lane(lane, Status::kNonFinite);
    clock_.factor[lane] = 1;
    const double accepted = clock_.accepted[lane] = clock_.is_active[lane];
    clock_.num_accepted[lane] += accepted;
    clock_.knows_first[lane] = 0;
    judgement.any_accepted |= accepted != 0;
    LaneOutputs& outputs = outputs_[lane];
    if (accepted == 0 || ++outputs.step_in_interval < outputs.steps_in_interval) continue;
    outputs.step_in_interval = 0;
    reached_[judgement.num_reached++] = static_cast<std::uint32_t>(lane);
  }
  return judgement;
}

template <class T>
void LaneSolver<T>::judge(T* states) {
  Judgement judgement = problem_.is_fixed ? accept_fixed() : judge_errors();
  if (!problem_.is_fixed && problem_.options.min_step > 0) end_at_shortest();
  if (guard_ != nullptr) guard_->advance(clock_);
  if (!judgement.all_finite) frames_.spoil();
  if (dense_record_ != nullptr && judgement.any_accepted) evaluate_dense();
  if (events_ != nullptr) find_events(judgement);
  for (std::size_t lane = 0; lane < lanes_; ++lane) mask_[lane] = static_cast<T>(clock_.accepted[lane]);
  if (judgement.num_reached > 0) pass_all_outputs(judgement.num_reached, states);
  if (events_ != nullptr) end_at_events();
  if (dense_record_ != nullptr) keep_dense();
  if (keeps_records_) keep_records();
  if (listener_ != nullptr && judgement.any_accepted) listener_->stepped();
  if (listener_ != nullptr) listener_->judged();
  select_lanes(mask_.data(), y_next(), y_.data(), y_.data(), state_size_, lanes_);
  if (events_ != nullptr) events_->write_after_cuts(y_.data());
  if (judgement.any_accepted) carry_over();
  if (switch_ != nullptr) note_stiffness();
  if (stepper_) std::ranges::fill(clock_.knows_first, 1.0);  // none is asked for but a sample's very first
  advance(clock_);
  if (has_stops_ && !problem_.is_fixed) pass_stops();
}

/// Of the steps that were accepted.
template <class T>
void LaneSolver<T>::keep_records() {
  copies_.clear();
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (mask_[lane] != 0) keep_record(lane);
  copy_lanes<T>(y_.data(), state_size_, lanes_, copies_);
}

template <class T>
void LaneSolver<T>::keep_record(std::size_t lane) {
  LaneRecord<T>& record = records_[lane];
  if (!problem_.is_fixed) {
    record.starts.push_back(clock_.t[lane]);
    record.sizes.push_back(clock_.h[lane]);
    record.rounds.push_back(round_);
    if (switch_ != nullptr) record.is_explicit.push_back(switch_->is_explicit()[lane]);
  }
  if (problem_.options.adjoint == Adjoint::kReversible)
    ++record.num_steps;  // whose states will be taken back
  else if (T* const state = record.append(state_size_, recorded_numbers(problem_, inputs_.memory_parts)))
    copies_.push_back({lane, state});
  if (problem_.is_fixed && outputs_[lane].step_in_interval == 0) record.interval_steps.push_back(record.num_steps);
}

// Members that have their definitions here.
template void LaneSolver<float>::join(float*) const;
template void LaneSolver<double>::join(double*) const;
template Judgement LaneSolver<float>::judge_errors();
template Judgement LaneSolver<double>::judge_errors();
template double LaneSolver<float>::halving_error() const;
template double LaneSolver<double>::halving_error() const;
template void LaneSolver<float>::refuse_negative();
template void LaneSolver<double>::refuse_negative();
template void LaneSolver<float>::end_at_shortest();
template void LaneSolver<double>::end_at_shortest();
template void LaneSolver<float>::add_up_zeros(const float*);
template void LaneSolver<double>::add_up_zeros(const double*);
template Judgement LaneSolver<float>::accept_fixed();
template Judgement LaneSolver<double>::accept_fixed();
template void LaneSolver<float>::judge(float*);
template void LaneSolver<double>::judge(double*);
template void LaneSolver<float>::keep_records();
template void LaneSolver<double>::keep_records();
template void LaneSolver<float>::keep_record(std::size_t);
template void LaneSolver<double>::keep_record(std::size_t);

}  // namespace costate::internal
