// The first slope and step size of lanes that begin a sample. The arithmetic is that of control/initial_step.h.
#include <algorithm>
#include <cmath>
#include <ranges>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/control/initial_step.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
void LaneSolver<T>::find_first_steps() {
  if (has_stops_) start_at_stops();
  if (!problem_.is_fixed && any_active()) {
    evaluate_first();
    add_up_zeros(slope(0));
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (outputs_[lane].is_fresh && clock_.is_active[lane] != 0 && norms_[lane] != 0)
        end_lane(lane, Status::kNonFinite);
    choose_first_steps();
  }
  for (LaneOutputs& outputs : outputs_) outputs.is_fresh = false;
}

template <class T>
void LaneSolver<T>::choose_first_steps() {
  const SolveOptions& options = problem_.options;
  const auto begins = [&](std::size_t lane) {
    return outputs_[lane].is_fresh && !outputs_[lane].has_step && clock_.is_active[lane] != 0;
  };
  if (std::ranges::none_of(std::views::iota(std::size_t{0}, lanes_), begins)) return;
  const auto moving = [&](std::size_t lane, double step) { return std::max(step, smallest_first(clock_.t[lane])); };
  if (options.first_step > 0) {
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (begins(lane)) clock_.h[lane] = direction(lane) * moving(lane, options.first_step);
    return;
  }
  const auto norm = [&](const T* x, T* out) {
    errors_.norm_of(x, y_.data(), out);
    join(out);
  };
  norm(y_.data(), norms_.data());
  norm(slope(0), other_norms_.data());
  AlignedVector<double>& trials = clock_.factor;  // free: no attempt is judged
  AlignedVector<double>& curvatures = clock_.accepted;
  AlignedVector<double>& slopes = clock_.t_next;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    trials[lane] = moving(lane, trial_step({.state = norms_[lane], .slope = other_norms_[lane]}));
    steps_[lane] = static_cast<T>(direction(lane) * trials[lane]);
    stage_times_.set(lane, std::fma(direction(lane), trials[lane], clock_.t[lane]));
  }
  if (problem_.reads_time) stage_times_.write(frame_.times(1));
  const T one = 1;
  const T* first = slope(0);
  stage_combine(y_.data(), steps_.data(), &first, &one, 1, frame_.state(1), state_size_, lanes_);
  evaluate(1);
  std::fill(mask_.begin(), mask_.end(), T{-1});
  axpy_lanes(mask_.data(), slope(0), slope(1), state_size_, lanes_);
  norm(slope(1), norms_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    slopes[lane] = other_norms_[lane];
    curvatures[lane] = norms_[lane] / trials[lane];
  }
  initial_steps(*problem_.tableau, options.step_control.first_step_rule, slopes.data(), curvatures.data(),
                trials.data(), lanes_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!begins(lane)) continue;
    clock_.h[lane] = direction(lane) * moving(lane, trials[lane]);
    clock_.nfe[lane] += 1;
  }
}

// Members that have their definitions here.
template void LaneSolver<float>::find_first_steps();
template void LaneSolver<double>::find_first_steps();
template void LaneSolver<float>::choose_first_steps();
template void LaneSolver<double>::choose_first_steps();

}  // namespace costate::internal
