// Steps that end at stops (stop_rule.h). What reference_solve does for one sample, lane by lane: few steps meet a stop.
#include <algorithm>
#include <cmath>

#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Lanes that begin a sample go to its first stop.
template <class T>
void LaneSolver<T>::start_at_stops() {
  stops_.load(inputs_.arguments, inputs_.num_samples);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock_.is_active[lane] == 0) continue;
    if (problem_.is_fixed) stops_.set_grid(lane, time_of(0, lane), time_of(problem_.num_times - 1, lane));
    if (outputs_[lane].is_fresh && !problem_.is_fixed)
      clock_.end[lane] = stops_.next(lane, clock_.t[lane], clock_.end[lane]);
    clock_.first_time[lane] = stops_.side(lane, clock_.t[lane], direction(lane));
  }
}

/// The sides of the ends of the steps that are planned.
template <class T>
void LaneSolver<T>::find_sides() {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    clock_.first_time[lane] = clock_.t[lane];
    clock_.last_time[lane] = clock_.t_next[lane];
    if (clock_.is_active[lane] == 0) continue;
    clock_.first_time[lane] = stops_.side(lane, clock_.t[lane], direction(lane));
    clock_.last_time[lane] = stops_.side(lane, clock_.t_next[lane], -direction(lane));
  }
}

/// min_step, max_step, and what pass_stops() remembers.
template <class T>
void LaneSolver<T>::limit_steps() {
  if (const double shortest = problem_.options.min_step; shortest > 0)
    for (double& h : clock_.h)
      if (std::abs(h) < shortest) h = std::copysign(shortest, h);
  if (const double longest = problem_.options.max_step; longest > 0)
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      clock_.h[lane] = limited_step(clock_.h[lane], clock_.end[lane] - clock_.t[lane], longest);
  std::ranges::copy(clock_.h, clock_.planned.begin());
}

/// Lanes whose step has ended at a stop go on to the next one. A step that was cut says little about the size of the
/// next.
template <class T>
void LaneSolver<T>::pass_stops() {
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (clock_.accepted[lane] == 0 || clock_.is_active[lane] == 0 || clock_.t[lane] != clock_.end[lane]) continue;
    clock_.end[lane] = stops_.next(lane, clock_.t[lane], time_of(problem_.num_times - 1, lane));
    const bool may_grow = clock_.factor[lane] >= 1;
    if (may_grow && std::abs(clock_.planned[lane]) > std::abs(clock_.h[lane])) clock_.h[lane] = clock_.planned[lane];
  }
}

// Members that have their definitions here.
template void LaneSolver<float>::start_at_stops();
template void LaneSolver<double>::start_at_stops();
template void LaneSolver<float>::find_sides();
template void LaneSolver<double>::find_sides();
template void LaneSolver<float>::limit_steps();
template void LaneSolver<double>::limit_steps();
template void LaneSolver<float>::pass_stops();
template void LaneSolver<double>::pass_stops();

}  // namespace costate::internal
