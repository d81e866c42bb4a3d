// Attempts of a method that steps by a Function: the step function in place of stages, and whether Newton's method has
// come to an end where it is implicit.
#include <algorithm>
#include <cmath>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
void LaneSolver<T>::attempt_by_function() {
  for (std::size_t lane = 0; problem_.reads_time && lane < lanes_; ++lane)
    stepper_->set_times(lane, times_of_step(lane));
  stepper_->run({.y = y_.data(),
                 .h = steps_.data(),
                 .arguments = inputs_.arguments,
                 .shared = inputs_.shared + problem_.step_shared(),
                 .num_samples = inputs_.num_samples,
                 .is_explicit = switch_ != nullptr ? switch_->is_explicit() : nullptr},
                y_next());
  closing_known_ = false;
  if (switch_ == nullptr) return;
  const double more = stepper_->evaluations(true) - stepper_->evaluations(false);  // than what all are counted
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (switch_->is_explicit()[lane] != 0) clock_.nfe[lane] += more * clock_.is_active[lane];
}

/// After a step that was accepted the next one may be of the other method.
template <class T>
void LaneSolver<T>::note_stiffness() {
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (clock_.accepted[lane] != 0)
      switch_->advance(lane, clock_.t_next[lane], static_cast<double>(stepper_->stiffness()[lane]));
}

/// norms_: the error of each lane's attempt. Where Newton's method has not converged it is at least the one after which
/// the controller takes half the step.
template <class T>
void LaneSolver<T>::judge_function_step() {
  errors_.error_of(stepper_->error(), y_.data(), y_next(), norms_.data());
  if (!stepper_->step().has_newton_error) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (stepper_->newton_error()[lane] > static_cast<T>(kMostNewtonError))
      norms_[lane] = std::max(norms_[lane], static_cast<T>(halving_error()));
}

/// Fixed steps cannot be made shorter.
template <class T>
void LaneSolver<T>::end_without_convergence() {
  if (!stepper_->step().has_newton_error) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (stepper_->newton_error()[lane] > static_cast<T>(kMostNewtonError)) end_lane(lane, Status::kNoConvergence);
}

// Members that have their definitions here.
template void LaneSolver<float>::attempt_by_function();
template void LaneSolver<double>::attempt_by_function();
template void LaneSolver<float>::note_stiffness();
template void LaneSolver<double>::note_stiffness();
template void LaneSolver<float>::judge_function_step();
template void LaneSolver<double>::judge_function_step();
template void LaneSolver<float>::end_without_convergence();
template void LaneSolver<double>::end_without_convergence();

}  // namespace costate::internal
