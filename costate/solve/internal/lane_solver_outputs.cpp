// What accepted steps write, states at output times, and which outputs lie in a recorded step.
#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Writes the outputs up to the end of the steps that were accepted.
template <class T>
void LaneSolver<T>::pass_all_outputs(std::size_t num_reached, T* states) {
  first_dense_ = problem_.num_times;
  last_dense_ = 0;
  for (std::size_t i = 0; i < num_reached; ++i) pass_outputs(reached_[i], states);
  if (first_dense_ < last_dense_) write_dense_outputs(states);
  for (std::size_t i = 0; i < num_reached; ++i) outputs_[reached_[i]].has_dense = false;
}

/// Goes past the outputs up to the step's end, and writes those at its end.
template <class T>
void LaneSolver<T>::pass_outputs(std::size_t lane, T* states) {
  LaneOutputs& outputs = outputs_[lane];
  if (problem_.is_fixed) write_state(y_next(), lane, static_cast<std::size_t>(outputs.next++), states);
  const double h = clock_.h[lane], t_next = clock_.t_next[lane];
  for (; !problem_.is_fixed && static_cast<std::size_t>(outputs.next) < problem_.num_times; ++outputs.next) {
    const auto output = static_cast<std::size_t>(outputs.next);
    const double t = time_of(output, lane);
    if (h > 0 ? t > t_next : t < t_next) break;
    if (t == t_next) {
      write_state(y_next(), lane, output, states);
      continue;
    }
    outputs.has_dense = true;
    first_dense_ = std::min(first_dense_, output);
    last_dense_ = std::max(last_dense_, output + 1);
  }
  if (static_cast<std::size_t>(outputs.next) < problem_.num_times) {
    clock_.next_time[lane] = time_of(static_cast<std::size_t>(outputs.next), lane);
  } else {
    outcomes_[lane].h = h;
    clock_.is_active[lane] = 0;
  }
}

/// The outputs within the steps that were just accepted, an output time of all lanes at once.
template <class T>
void LaneSolver<T>::write_dense_outputs(T* states) {
  const Tableau& tableau = *problem_.tableau;
  const bool closing_is_new = !closing_known_;
  evaluate_closing();
  evaluate_extra();
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (mask_[lane] == 0) continue;
    const bool has_dense = outputs_[lane].has_dense;
    // The closing stage is the next step's first: whoever goes on has it.
    if (closing_is_new && (has_dense || clock_.is_active[lane] != 0)) clock_.nfe[lane] += 1;
    if (has_dense) clock_.nfe[lane] += tableau.num_extra_stages;
  }
  const T* slopes[kMaxStages];
  const auto count = static_cast<std::size_t>(tableau.num_all_stages());
  for (std::size_t j = 0; j < count; ++j) slopes[j] = slope(j);
  for (std::size_t output = first_dense_; output < last_dense_; ++output) {
    const double* times = inputs_.times + output * lanes_;
    for (std::size_t lane = 0; lane < lanes_; ++lane) {
      const double past = times[lane] - clock_.t[lane], left = clock_.t_next[lane] - times[lane], h = clock_.h[lane];
      const double within = (h > 0 ? past > 0 && left > 0 : past < 0 && left < 0) ? clock_.accepted[lane] : 0.0;
      dense_mask_[lane] = static_cast<T>(within);
      theta_[lane] = within != 0 ? past / h : 0.0;
    }
    polynomial_weights(Polynomial::kValue, tableau.dense, static_cast<std::size_t>(tableau.dense_degree), theta_.data(),
                       dense_weights_.data(), padded_, lanes_);
    dense_combine(y_.data(), steps_.data(), slopes, dense_weights_.data(), padded_, count, dense_mask_.data(),
                  states + output * state_size_ * lanes_, state_size_, lanes_);
  }
}

template <class T>
void LaneSolver<T>::write_state(const T* y, std::size_t lane, std::size_t output, T* states) const {
  for (std::size_t row = 0; row < state_size_; ++row)
    states[(output * state_size_ + row) * lanes_ + lane] = y[row * lanes_ + lane];
}

template <class T>
void LaneSolver<T>::evaluate_extra() {
  const auto count = static_cast<std::size_t>(problem_.tableau->num_all_stages());
  for (std::size_t stage = closing() + 1; stage < count; ++stage) evaluate_stage(stage);
}

template <class T>
LaneStep LaneSolver<T>::fixed_step(std::size_t lane, std::size_t index) const {
  const auto& ends = records_[lane].interval_steps;
  const auto interval = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), index) - ends.begin());
  const double start = time_of(interval, lane), stop = time_of(interval + 1, lane);
  const int count = steps_in_interval(stop - start, problem_.options);
  const double h = (stop - start) / count;
  const auto first = static_cast<int>(index - (interval == 0 ? 0 : ends[interval - 1]));
  const bool is_last = first + 1 == count;
  return {.t = first == 0 ? start : std::fma(first, h, start),
          .h = h,
          .t_next = is_last ? stop : std::fma(first + 1, h, start),
          .first_output = static_cast<std::int32_t>(interval) + 1,
          .num_outputs = is_last ? 1 : 0};
}

/// How many output times a solve has passed once it is at t.
template <class T>
std::int32_t LaneSolver<T>::outputs_up_to(std::size_t lane, double t, double direction) const {
  std::size_t low = 1, high = problem_.num_times;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const double at = time_of(middle, lane);
    if (direction > 0 ? at <= t : at >= t)
      low = middle + 1;
    else
      high = middle;
  }
  return static_cast<std::int32_t>(low);
}

template <class T>
LaneStep LaneSolver<T>::step(std::size_t lane, std::size_t index) const {
  if (problem_.is_fixed) return fixed_step(lane, index);
  const LaneRecord<T>& record = records_[lane];
  LaneStep step{.t = record.starts[index], .h = record.sizes[index]};
  step.t_next = index + 1 < record.num_steps ? record.starts[index + 1] : outcomes_[lane].t;
  step.first_output = outputs_up_to(lane, step.t, step.h);
  step.num_outputs = outputs_up_to(lane, step.t_next, step.h) - step.first_output;
  return step;
}

// Members that have their definitions here.
template void LaneSolver<float>::pass_all_outputs(std::size_t, float*);
template void LaneSolver<double>::pass_all_outputs(std::size_t, double*);
template void LaneSolver<float>::pass_outputs(std::size_t, float*);
template void LaneSolver<double>::pass_outputs(std::size_t, double*);
template void LaneSolver<float>::write_dense_outputs(float*);
template void LaneSolver<double>::write_dense_outputs(double*);
template void LaneSolver<float>::evaluate_extra();
template void LaneSolver<double>::evaluate_extra();
template void LaneSolver<float>::write_state(const float*, std::size_t, std::size_t, float*) const;
template void LaneSolver<double>::write_state(const double*, std::size_t, std::size_t, double*) const;
template LaneStep LaneSolver<float>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<double>::fixed_step(std::size_t, std::size_t) const;
template std::int32_t LaneSolver<float>::outputs_up_to(std::size_t, double, double) const;
template std::int32_t LaneSolver<double>::outputs_up_to(std::size_t, double, double) const;
template LaneStep LaneSolver<float>::step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<double>::step(std::size_t, std::size_t) const;

}  // namespace costate::internal
