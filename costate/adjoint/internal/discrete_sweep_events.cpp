// Events within the steps of a round, which are outputs of the dense output at times that were found (event_sweep.h).
#include "costate/adjoint/internal/discrete_sweep.h"

namespace costate::internal {

/// Events within the steps, one of each lane at once.
template <class T>
void DiscreteSweep<T>::take_back_events() {
  is_event_pass_ = true;
  for (bool has_any = events_->begin(); has_any; has_any = events_->next()) {
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      mask_[lane] = events_->has(lane) ? T{1} : T{0};
      if (events_->has(lane)) theta_[lane] = (events_->time(lane) - step(lane).t) / step(lane).h;
    }
    const T* w = events_->take_back(vectors(), y_.data());
    add_dense_output(w);
    add_dense_times(w);
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (active_[lane] != 0 && step(lane).ends_at_event)
      first_stops_[lane] = solve_.solver->first_stop(lane, events_->origin(lane));
  is_event_pass_ = false;
}

/// Where the cotangent of a dense output's time goes. That of an event has been given to what moves the event.
template <class T>
T* DiscreteSweep<T>::time_target(std::size_t lane) {
  return is_event_pass_ ? &unused_time_ : &gradients_->times[dense_.output(lane) * lanes_ + lane];
}

// Members that have their definitions here.
template void DiscreteSweep<float>::take_back_events();
template void DiscreteSweep<double>::take_back_events();
template float* DiscreteSweep<float>::time_target(std::size_t);
template double* DiscreteSweep<double>::time_target(std::size_t);

}  // namespace costate::internal
