// What of an attempt is an implicit method's: the step function in place of stages, whether Newton's method has come to
// an end, and the states within the step.
#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
void LaneSolver<T>::attempt_implicit() {
  for (std::size_t lane = 0; problem_.reads_time && lane < lanes_; ++lane)
    implicit_->set_times(lane, times_of_step(lane));
  implicit_->run({.y = y_.data(),
                  .h = steps_.data(),
                  .arguments = inputs_.arguments,
                  .shared = inputs_.shared + problem_.step_shared(),
                  .num_samples = inputs_.num_samples},
                 y_next());
  closing_known_ = false;
}

/// norms_: the error of each lane's attempt. Where Newton's method has not converged it is at least the one after which
/// the controller takes half the step.
template <class T>
void LaneSolver<T>::judge_implicit() {
  errors_.error_of(implicit_->error(), y_.data(), y_next(), norms_.data());
  if (!implicit_->step().has_newton_error) return;
  const double halving = std::pow(2 * problem_.options.step_control.safety, problem_.tableau->error_order());
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (implicit_->newton_error()[lane] > static_cast<T>(kMostNewtonError))
      norms_[lane] = std::max(norms_[lane], static_cast<T>(std::max(halving, 2.0)));
}

/// Fixed steps cannot be made shorter.
template <class T>
void LaneSolver<T>::end_without_convergence() {
  if (!implicit_->step().has_newton_error) return;
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (implicit_->newton_error()[lane] > static_cast<T>(kMostNewtonError)) end_lane(lane, Status::kNoConvergence);
}

/// The next output of each lane, which lies within its step.
template <class T>
void LaneSolver<T>::interpolate_implicit() {
  const StepFunction& step = implicit_->step();
  dense_combine<T>({.y = y_.data(),
                    .h = implicit_->ones(),
                    .k = implicit_->dense().data(),
                    .count = step.num_dense,
                    .coefficients = step.dense.data(),
                    .degree = step.dense_degree,
                    .time = clock_.next_time.data(),
                    .start = clock_.t.data(),
                    .size = clock_.h.data(),
                    .out = dense_values_.data(),
                    .rows = state_size_,
                    .lanes = lanes_});
}

// Members that have their definitions here.
template void LaneSolver<float>::attempt_implicit();
template void LaneSolver<double>::attempt_implicit();
template void LaneSolver<float>::judge_implicit();
template void LaneSolver<double>::judge_implicit();
template void LaneSolver<float>::end_without_convergence();
template void LaneSolver<double>::end_without_convergence();
template void LaneSolver<float>::interpolate_implicit();
template void LaneSolver<double>::interpolate_implicit();

}  // namespace costate::internal
