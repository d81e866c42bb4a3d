// What accepted steps write, states at output times, and which outputs lie in a recorded step.
#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Writes the outputs up to the end of the steps that were accepted.
template <class T>
void LaneSolver<T>::pass_all_outputs(std::size_t num_reached, T* states) {
  bool any_dense = false;
  for (std::size_t i = 0; i < num_reached; ++i) any_dense |= pass_outputs(reached_[i], states);
  if (!any_dense) return;
  dense_.begin();
  write_dense_outputs(states);
  for (std::size_t i = 0; i < num_reached; ++i) dense_.set(reached_[i], 0, 0);
}

/// Goes past the outputs up to the step's end, and writes those at its end. Whether others lie within the step.
template <class T>
bool LaneSolver<T>::pass_outputs(std::size_t lane, T* states) {
  LaneOutputs& outputs = outputs_[lane];
  if (problem_.is_fixed) write_state(y_next(), lane, static_cast<std::size_t>(outputs.next++), states);
  const double h = clock_.h[lane], t_next = clock_.t_next[lane];
  const std::int32_t first = outputs.next;
  std::int32_t num_dense = 0;
  for (; !problem_.is_fixed && static_cast<std::size_t>(outputs.next) < problem_.num_times; ++outputs.next) {
    const auto output = static_cast<std::size_t>(outputs.next);
    const double t = time_of(output, lane);
    if (h > 0 ? t > t_next : t < t_next) break;
    if (t == t_next)
      write_state(y_next(), lane, output, states);
    else
      ++num_dense;
  }
  dense_.set(lane, first, num_dense);
  if (static_cast<std::size_t>(outputs.next) < problem_.num_times) {
    clock_.next_time[lane] = time_of(static_cast<std::size_t>(outputs.next), lane);
  } else {
    outcomes_[lane].h = h;
    clock_.is_active[lane] = 0;
  }
  return num_dense > 0;
}

/// The outputs within the steps that were just accepted, one of each lane at once.
template <class T>
void LaneSolver<T>::write_dense_outputs(T* states) {
  const Tableau& tableau = *problem_.tableau;
  const bool closing_is_new = !closing_known_;
  evaluate_closing();
  evaluate_extra();
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (mask_[lane] == 0) continue;
    // The closing stage is the next step's first: whoever goes on has it.
    const bool has_dense = dense_.count(lane) > 0;
    if (closing_is_new && (has_dense || clock_.is_active[lane] != 0)) clock_.nfe[lane] += 1;
    if (has_dense) clock_.nfe[lane] += tableau.num_extra_stages;
  }
  const T* slopes[kMaxStages];
  const auto count = static_cast<std::size_t>(tableau.num_all_stages());
  for (std::size_t j = 0; j < count; ++j) slopes[j] = slope(j);
  for (bool has_any = true; has_any; has_any = dense_.next()) {
    std::fill(dense_mask_.begin(), dense_mask_.end(), T{0});
    for (const std::size_t lane : dense_.lanes()) {
      dense_mask_[lane] = T{1};
      theta_[lane] = (time_of(dense_.output(lane), lane) - clock_.t[lane]) / clock_.h[lane];
    }
    polynomial_weights(Polynomial::kValue, tableau.dense, static_cast<std::size_t>(tableau.dense_degree), theta_.data(),
                       dense_weights_.data(), padded_, lanes_);
    const auto shared = dense_.shared_output();
    dense_combine(y_.data(), steps_.data(), slopes, dense_weights_.data(), padded_, count, dense_mask_.data(),
                  shared ? states + *shared * state_size_ * lanes_ : dense_values_.data(), state_size_, lanes_);
    if (!shared) dense_.scatter(dense_values_.data(), state_size_, states);
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

template <class T>
LaneStep LaneSolver<T>::step(std::size_t lane, std::size_t index, std::int32_t outputs_end) const {
  if (problem_.is_fixed) return fixed_step(lane, index);
  const LaneRecord<T>& record = records_[lane];
  LaneStep step{.t = record.starts[index], .h = record.sizes[index], .first_output = outputs_end};
  step.t_next = index + 1 < record.num_steps ? record.starts[index + 1] : clock_.t[lane];
  for (; step.first_output > 1; --step.first_output) {
    const double t = time_of(static_cast<std::size_t>(step.first_output - 1), lane);
    if (step.h > 0 ? t <= step.t : t >= step.t) break;
  }
  step.num_outputs = outputs_end - step.first_output;
  return step;
}

// Members that have their definitions here.
template void LaneSolver<float>::pass_all_outputs(std::size_t, float*);
template void LaneSolver<double>::pass_all_outputs(std::size_t, double*);
template bool LaneSolver<float>::pass_outputs(std::size_t, float*);
template bool LaneSolver<double>::pass_outputs(std::size_t, double*);
template void LaneSolver<float>::write_dense_outputs(float*);
template void LaneSolver<double>::write_dense_outputs(double*);
template void LaneSolver<float>::evaluate_extra();
template void LaneSolver<double>::evaluate_extra();
template void LaneSolver<float>::write_state(const float*, std::size_t, std::size_t, float*) const;
template void LaneSolver<double>::write_state(const double*, std::size_t, std::size_t, double*) const;
template LaneStep LaneSolver<float>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<double>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<float>::step(std::size_t, std::size_t, std::int32_t) const;
template LaneStep LaneSolver<double>::step(std::size_t, std::size_t, std::int32_t) const;

}  // namespace costate::internal
