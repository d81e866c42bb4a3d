// An attempt of all lanes: its times and sizes, the field at its stages, and what the next one begins with.
#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/stages.h"

namespace costate::internal {

/// h and t_next of the next attempt. False if no lane is active.
template <class T>
bool LaneSolver<T>::plan_steps() {
  const auto max_steps = static_cast<double>(problem_.options.max_steps);
  if (!problem_.is_fixed) limit_steps();
  if (problem_.is_fixed) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      if (is_spent(clock_, lane, max_steps)) end_lane(lane, Status::kMaxSteps);
      plan_fixed(lane);
    }
  } else if (plan_adaptive(clock_, max_steps)) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      if (is_spent(clock_, lane, max_steps)) end_lane(lane, Status::kMaxSteps);
      if (is_stuck(clock_, lane))
        end_lane(lane, std::isfinite(clock_.error[lane]) ? Status::kStepTooSmall : Status::kNonFinite);
    }
    plan_adaptive(clock_, max_steps);
  }
  if (has_stops_) find_sides();
  for (std::size_t lane = 0; lane < lanes_; ++lane) steps_[lane] = static_cast<T>(clock_.h[lane]);
  return any_active();
}

template <class T>
void LaneSolver<T>::plan_fixed(std::size_t lane) {
  clock_.h[lane] = 0;
  clock_.t_next[lane] = clock_.t[lane];
  if (clock_.is_active[lane] == 0) return;
  LaneOutputs& outputs = outputs_[lane];
  const std::size_t next = next_output(lane);
  const double start = time_of(next - 1, lane), stop = time_of(next, lane);
  if (outputs.step_in_interval == 0) outputs.steps_in_interval = steps_in_interval(stop - start, problem_.options);
  clock_.h[lane] = (stop - start) / outputs.steps_in_interval;
  const int following = outputs.step_in_interval + 1;
  clock_.t_next[lane] = following == outputs.steps_in_interval ? stop : std::fma(following, clock_.h[lane], start);
}

template <class T>
void LaneSolver<T>::write_state(std::size_t stage, T* out) const {
  write_stage_state(*problem_.tableau, stage, y_.data(), steps_.data(),
                    {slope(0), problem_.frame.block, state_size_, lanes_}, out);
}

template <class T>
void LaneSolver<T>::evaluate_stage(std::size_t stage) {
  if (problem_.reads_time) {
    stage_times_.set_all(problem_.tableau->c[stage], clock_.t.data(), clock_.h.data(), first_times(), last_times());
    stage_times_.write(frame_.times(stage));
  }
  write_state(stage, frame_.state(stage));
  evaluate(stage);
}

/// k_0 where it is not carried over.
template <class T>
void LaneSolver<T>::evaluate_first() {
  if (!lacks_first_slopes(clock_)) return;
  const StepFrame<T> spare(spare_block_.data(), problem_.frame);
  double num_known = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const double known = clock_.is_active[lane] * clock_.knows_first[lane], missing = clock_.is_active[lane] - known;
    mask_[lane] = static_cast<T>(missing);
    clock_.nfe[lane] += missing;
    clock_.knows_first[lane] += missing;
    num_known += known;
  }
  const bool all_missing = num_known == 0;
  if (problem_.reads_time) {
    stage_times_.set_all(first_times());
    stage_times_.write(spare.times(0));
  }
  const StepFrame<T> into = all_missing ? frame_ : spare;
  const T* y = y_.data();
  if (frames_.keeps()) {
    std::copy_n(spare.times(0), problem_.time.count * lanes_, into.times(0));
    std::copy(y_.begin(), y_.end(), into.state(0));
    y = into.state(0);
  }
  field_.run(spare.times(0), y, inputs_, into.slope(0), into.saved(0));
  if (!all_missing) select_first(spare, 0, frame_, frame_);
}

template <class T>
void LaneSolver<T>::evaluate_closing() {
  if (!lacks_closing()) return;
  if (problem_.reads_time) {
    stage_times_.set_all(last_times());
    stage_times_.write(frame_.times(closing()));
  }
  evaluate(closing());
  closing_known_ = true;
}

template <class T>
void LaneSolver<T>::attempt() {
  if (stepper_) return attempt_by_function();
  evaluate_first();
  for (std::size_t stage = 1; stage < closing(); ++stage) evaluate_stage(stage);
  write_state(closing(), y_next());
  closing_known_ = extra_known_ = false;
  const bool needs_closing = problem_.tableau->error_needs_closing_stage() && !problem_.is_fixed;
  if (needs_closing) evaluate_closing();
}

/// Those of the field, but for a first slope that was not carried over.
template <class T>
double LaneSolver<T>::evaluations_of_attempt() const {
  if (stepper_) return stepper_->evaluations(false);
  return static_cast<double>(closing()) - (closing_known_ ? 0 : 1);
}

/// Block 0 of what comes next: the closing stage where the step was accepted, what it was elsewhere. At a stop the next
/// step's first slope is another.
template <class T>
void LaneSolver<T>::carry_over() {
  ++round_;
  const StepFrame<T> done = frame_;
  const bool is_kept = frames_.keep_current();
  frame_ = frames_.current();
  if (closing_known_) {
    select_first(done, closing(), done, frame_);
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      clock_.knows_first[lane] += ends_at_stop(lane) ? 0 : clock_.accepted[lane];
  } else if (is_kept && !problem_.is_fixed) {
    std::copy_n(done.block(0), problem_.frame.block, frame_.block(0));
  }
}

/// Of whole blocks where they are kept, of their slopes otherwise.
template <class T>
void LaneSolver<T>::select_first(const StepFrame<T>& x, std::size_t stage, const StepFrame<T>& y,
                                 const StepFrame<T>& out) {
  if (frames_.keeps())
    select_lanes(mask_.data(), x.block(stage), y.block(0), out.block(0), problem_.frame.block / lanes_, lanes_);
  else
    select_lanes(mask_.data(), x.slope(stage), y.slope(0), out.slope(0), state_size_, lanes_);
}

// Members that have their definitions here.
template bool LaneSolver<float>::plan_steps();
template bool LaneSolver<double>::plan_steps();
template void LaneSolver<float>::plan_fixed(std::size_t);
template void LaneSolver<double>::plan_fixed(std::size_t);
template void LaneSolver<float>::write_state(std::size_t, float*) const;
template void LaneSolver<double>::write_state(std::size_t, double*) const;
template void LaneSolver<float>::evaluate_stage(std::size_t);
template void LaneSolver<double>::evaluate_stage(std::size_t);
template void LaneSolver<float>::evaluate_first();
template void LaneSolver<double>::evaluate_first();
template void LaneSolver<float>::evaluate_closing();
template void LaneSolver<double>::evaluate_closing();
template void LaneSolver<float>::attempt();
template void LaneSolver<double>::attempt();
template double LaneSolver<float>::evaluations_of_attempt() const;
template double LaneSolver<double>::evaluations_of_attempt() const;
template void LaneSolver<float>::carry_over();
template void LaneSolver<double>::carry_over();
template void LaneSolver<float>::select_first(const StepFrame<float>&, std::size_t, const StepFrame<float>&,
                                              const StepFrame<float>&);
template void LaneSolver<double>::select_first(const StepFrame<double>&, std::size_t, const StepFrame<double>&,
                                               const StepFrame<double>&);

}  // namespace costate::internal
