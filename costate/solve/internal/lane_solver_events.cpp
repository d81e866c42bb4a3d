// Events in accepted steps. A step in which an event moves the state or ends the solve counts up to there: its outputs
// are those before, and the next one begins there, at the state after the event. The step itself, its size and its
// stages, stays what it was, and the state at the event is the dense output's.
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
void LaneSolver<T>::find_events(Judgement& judgement) {
  events_->forget_step();
  if (!judgement.any_accepted) return;
  const bool closing_is_new = lacks_closing();
  evaluate_closing();
  for (std::size_t lane = 0; closing_is_new && lane < lanes_; ++lane) clock_.nfe[lane] += clock_.accepted[lane];
  const EventSearch<T> search{.step = dense_step(),
                              .y_next = y_next(),
                              .t_next = clock_.t_next.data(),
                              .accepted = clock_.accepted.data(),
                              .num_accepted = clock_.num_accepted.data(),
                              .first_slope = stepper_ ? nullptr : slope(0),
                              .last_slope = stepper_ ? nullptr : slope(closing()),
                              .arguments = inputs_.arguments,
                              .num_samples = inputs_.num_samples};
  if (events_->search(search)) {
    evaluate_extra();
    events_->locate(search);
  }
  for (const std::uint32_t lane : events_->touched()) {
    if (events_->has_looked_into(lane) && dense_record_ == nullptr)
      clock_.nfe[lane] += problem_.tableau->num_extra_stages;
    if (events_->failed(lane)) refuse_step(lane);
    if (events_->cuts(lane)) clock_.t_next[lane] = events_->cut_time(lane);
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < judgement.num_reached; ++i) {
    const std::uint32_t lane = reached_[i];
    const double left = clock_.next_time[lane] - clock_.t_next[lane];
    if (clock_.accepted[lane] != 0 && (clock_.h[lane] > 0 ? left <= 0 : left >= 0)) reached_[kept++] = lane;
  }
  judgement.num_reached = kept;
}

/// An event has no sign at the end of the step, or in it: its g is NaN there.
template <class T>
void LaneSolver<T>::refuse_step(std::size_t lane) {
  clock_.accepted[lane] = 0;
  clock_.num_accepted[lane] -= 1;
  clock_.num_rejected[lane] += 1;
  end_lane(lane, Status::kNonFinite);
}

/// Lanes whose solve ends at an event. Outputs that come after it stay NaN.
template <class T>
void LaneSolver<T>::end_at_events() {
  for (const std::uint32_t lane : events_->touched()) {
    if (clock_.accepted[lane] == 0 || !events_->ends(lane)) continue;
    outcomes_[lane].h = clock_.h[lane];
    clock_.is_active[lane] = 0;
    clock_.end[lane] = clock_.t_next[lane];
  }
}

// Members that have their definitions here.
template void LaneSolver<float>::find_events(Judgement&);
template void LaneSolver<double>::find_events(Judgement&);
template void LaneSolver<float>::refuse_step(std::size_t);
template void LaneSolver<double>::refuse_step(std::size_t);
template void LaneSolver<float>::end_at_events();
template void LaneSolver<double>::end_at_events();

}  // namespace costate::internal
