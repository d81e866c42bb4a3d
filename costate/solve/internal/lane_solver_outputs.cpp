// What accepted steps write, states at output times, and which outputs lie in a recorded step.
#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Writes the outputs up to the end of the steps that were accepted.
template <class T>
void LaneSolver<T>::pass_all_outputs(std::size_t num_reached, T* states) {
  const std::span<std::uint32_t> lanes = std::span(reached_).first(num_reached);
  inside_.clear();
  for (const std::uint32_t lane : lanes)
    if (!is_at_end(lane)) inside_.push_back(lane);
  const bool closing_is_new = lacks_closing();
  const bool takes_closing = !inside_.empty() || has_rate_at_end(lanes);
  if (takes_closing) evaluate_closing();
  if (!inside_.empty()) write_inside(states);
  std::size_t num_ends = 0;
  for (const std::uint32_t lane : lanes) {
    if (next_output(lane) == problem_.num_times)
      finish_outputs(lane);
    else if (is_at_end(lane))
      reached_[num_ends++] = lane;
  }
  while (num_ends > 0) {
    write_ends(lanes.first(num_ends), states);
    num_ends = pass_ends(lanes.first(num_ends));
  }
  if (takes_closing) count_inside(closing_is_new);
}

/// The outputs of the lanes of inside_ before the ends of their steps.
template <class T>
void LaneSolver<T>::write_inside(T* states) {
  evaluate_extra();
  const DenseStep<T> step = dense_step();
  const StepOutputs<T> outputs{.dense = {.size = step.size, .lanes = lanes_},
                               .lanes = inside_,
                               .ends = clock_.t_next.data(),
                               .takes_end = events_ != nullptr ? events_->cut_lanes() : nullptr,
                               .times = inputs_.times,
                               .shared_times = inputs_.shared_times,
                               .num_times = problem_.num_times,
                               .next = next_.data(),
                               .next_time = clock_.next_time.data(),
                               .rows = rows_.empty() ? nullptr : rows_.data(),
                               .states = states};
  if (lanes_ > 1)
    return dense_.write_outputs(step, has_many_inside(outputs) ? OutputOrder::kAlongLanes : OutputOrder::kAcrossLanes,
                                outputs);
  do {
    dense_.write_states(step, clock_.next_time.data(), dense_values_.data());
    write_state(dense_values_.data(), 0, next_output(0), states);
  } while (outputs.go_on(0));
}

/// Whether the steps have so many outputs that vectors of times are fuller than vectors of lanes, of which the one with
/// the most outputs decides. A few lanes tell. Of a large state one lane's numbers are in too many cache lines.
template <class T>
bool LaneSolver<T>::has_many_inside(const StepOutputs<T>& outputs) const {
  constexpr std::size_t kMany = 3, kLook = 8;
  if (outputs.rows == nullptr || outputs.shared_times == nullptr || state_size_ > outputs.kMostRowsAlong) return false;
  const std::span<const std::uint32_t> some = std::span(inside_).first(std::min(kLook, inside_.size()));
  const auto has_many = [&](std::uint32_t lane) {
    const std::size_t last = next_output(lane) + kMany - 1;
    return last < problem_.num_times && outputs.is_within(lane, outputs.shared_times[last]);
  };
  return 2 * static_cast<std::size_t>(std::ranges::count_if(some, has_many)) >= some.size();
}

/// Evaluations that the outputs of the lanes of inside_ asked for. The closing stage is the next step's first: whoever
/// goes on has it.
template <class T>
void LaneSolver<T>::count_inside(bool closing_is_new) {
  const int num_extra = problem_.tableau->num_extra_stages;
  if (!closing_is_new && num_extra == 0) return;
  const auto carries = [&](std::size_t lane) {
    return mask_[lane] != 0 && clock_.is_active[lane] != 0 && !ends_at_stop(lane);
  };
  for (std::size_t lane = 0; closing_is_new && lane < lanes_; ++lane) clock_.nfe[lane] += carries(lane) ? 1 : 0;
  for (const std::uint32_t lane : inside_) {
    if (closing_is_new && !carries(lane)) clock_.nfe[lane] += 1;
    const bool is_counted = dense_record_ != nullptr || (events_ != nullptr && events_->has_looked_into(lane));
    if (!is_counted) clock_.nfe[lane] += num_extra;
  }
}

/// An output at the end of a step, but the last of all, moves with its time along the slope there: the reverse sweep
/// will ask for it.
template <class T>
bool LaneSolver<T>::has_rate_at_end(std::span<const std::uint32_t> lanes) const {
  if (!keeps_records_ || problem_.is_fixed || !problem_.gradients || !problem_.gradients->times) return false;
  return std::ranges::any_of(
      lanes, [&](std::uint32_t lane) { return is_at_end(lane) && next_output(lane) + 1 < problem_.num_times; });
}

/// The step of each lane that was tried.
template <class T>
DenseStep<T> LaneSolver<T>::dense_step() const {
  const Slopes<T> slopes{slope(0), problem_.frame.block, state_size_, lanes_};
  return {.y = y_.data(),
          .h = stepper_ ? stepper_->ones() : steps_.data(),
          .start = clock_.t.data(),
          .size = clock_.h.data(),
          .slopes = stepper_ ? stepper_->dense() : slopes};
}

/// The next output of these lanes, at the end of the step.
template <class T>
void LaneSolver<T>::write_ends(std::span<const std::uint32_t> lanes, T* states) {
  const std::size_t output = next_output(lanes[0]);
  if (rows_.empty() && lanes.size() == lanes_ &&
      std::ranges::all_of(lanes, [&](std::size_t lane) { return next_output(lane) == output; })) {
    std::copy_n(y_next(), state_size_ * lanes_, states + output * state_size_ * lanes_);
    return;
  }
  for (const std::size_t lane : lanes) write_state(y_next(), lane, next_output(lane), states);
}

/// Goes past the output of these lanes at the end of the step. Those that have another one there come first; how many
/// they are.
template <class T>
std::size_t LaneSolver<T>::pass_ends(std::span<std::uint32_t> lanes) {
  std::size_t kept = 0;
  for (const std::uint32_t lane : lanes) {
    if (static_cast<std::size_t>(++next_[lane]) == problem_.num_times) {
      finish_outputs(lane);
      continue;
    }
    clock_.next_time[lane] = time_of(next_output(lane), lane);
    lanes[kept] = lane;
    kept += !problem_.is_fixed && is_at_end(lane) ? 1 : 0;
  }
  return kept;
}

/// The lane has all its outputs.
template <class T>
void LaneSolver<T>::finish_outputs(std::size_t lane) {
  LaneOutcome& outcome = outcomes_[lane];
  outcome.h = clock_.h[lane];
  outcome.next_step = outcome.h * clock_.factor[lane];
  const bool was_cut_short = std::abs(clock_.planned[lane]) > std::abs(outcome.next_step);
  if (clock_.factor[lane] >= 1 && was_cut_short) outcome.next_step = clock_.planned[lane];
  outcome.previous_log = clock_.previous_log[lane];
  outcome.before_log = clock_.before_log[lane];
  clock_.is_active[lane] = 0;
}

template <class T>
void LaneSolver<T>::write_state(const T* y, std::size_t lane, std::size_t output, T* states) const {
  T* out = rows_.empty() ? states + output * state_size_ * lanes_ + lane : rows_[lane] + output * state_size_;
  const std::size_t stride = rows_.empty() ? lanes_ : 1;
  for (std::size_t row = 0; row < state_size_; ++row) out[row * stride] = y[row * lanes_ + lane];
}

template <class T>
void LaneSolver<T>::evaluate_extra() {
  if (std::exchange(extra_known_, true)) return;
  const auto count = static_cast<std::size_t>(problem_.tableau->num_all_stages());
  for (std::size_t stage = closing() + 1; stage < count; ++stage) evaluate_stage(stage);
}

/// What the dense output of all steps that were accepted is made of.
template <class T>
void LaneSolver<T>::evaluate_dense() {
  const double evaluations = (lacks_closing() ? 1 : 0) + problem_.tableau->num_extra_stages;
  evaluate_closing();
  evaluate_extra();
  for (std::size_t lane = 0; lane < lanes_; ++lane) clock_.nfe[lane] += evaluations * clock_.accepted[lane];
}

template <class T>
void LaneSolver<T>::keep_dense() {
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (clock_.accepted[lane] != 0) dense_record_->append(lane, dense_step(), clock_.t_next[lane]);
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
  LaneStep step{.t = first == 0 ? start : std::fma(first, h, start),
                .h = h,
                .t_next = is_last ? stop : std::fma(first + 1, h, start),
                .first_output = static_cast<std::int32_t>(interval) + 1,
                .num_outputs = is_last ? 1 : 0};
  set_sides(lane, index, step);
  return step;
}

template <class T>
void LaneSolver<T>::set_sides(std::size_t lane, std::size_t index, LaneStep& step) const {
  const double direction = step.h >= 0 ? 1 : -1;
  step.first_time = side_of(lane, step.t, direction);
  step.last_time = side_of(lane, step.t_next, -direction);
  if (events_ == nullptr) return;
  const LaneEvent* cut = events_->cut_of_step(lane, index);
  step.ends_at_event = cut != nullptr;
  step.starts_at_event = index > 0 && events_->cut_of_step(lane, index - 1) != nullptr;
  if (cut != nullptr) step.last_time = side_of(lane, cut->step_end, -direction);
}

template <class T>
LaneStep LaneSolver<T>::step(std::size_t lane, std::size_t index, std::int32_t outputs_end) const {
  if (problem_.is_fixed) return fixed_step(lane, index);
  const LaneRecord<T>& record = records_[lane];
  LaneStep step{.t = record.starts[index], .h = record.sizes[index], .first_output = outputs_end};
  step.is_explicit = !record.is_explicit.empty() && record.is_explicit[index] != 0;
  step.t_next = index + 1 < record.num_steps ? record.starts[index + 1] : clock_.t[lane];
  for (; step.first_output > 1; --step.first_output) {
    const double t = time_of(static_cast<std::size_t>(step.first_output - 1), lane);
    if (step.h > 0 ? t <= step.t : t >= step.t) break;
  }
  step.num_outputs = outputs_end - step.first_output;
  set_sides(lane, index, step);
  return step;
}

// Members that have their definitions here.
template void LaneSolver<float>::write_inside(float*);
template void LaneSolver<double>::write_inside(double*);
template bool LaneSolver<float>::has_many_inside(const StepOutputs<float>&) const;
template bool LaneSolver<double>::has_many_inside(const StepOutputs<double>&) const;
template void LaneSolver<float>::count_inside(bool);
template void LaneSolver<double>::count_inside(bool);
template void LaneSolver<float>::write_ends(std::span<const std::uint32_t>, float*);
template void LaneSolver<double>::write_ends(std::span<const std::uint32_t>, double*);
template std::size_t LaneSolver<float>::pass_ends(std::span<std::uint32_t>);
template std::size_t LaneSolver<double>::pass_ends(std::span<std::uint32_t>);
template void LaneSolver<float>::finish_outputs(std::size_t);
template void LaneSolver<double>::finish_outputs(std::size_t);
template void LaneSolver<float>::pass_all_outputs(std::size_t, float*);
template void LaneSolver<double>::pass_all_outputs(std::size_t, double*);
template DenseStep<float> LaneSolver<float>::dense_step() const;
template bool LaneSolver<float>::has_rate_at_end(std::span<const std::uint32_t>) const;
template bool LaneSolver<double>::has_rate_at_end(std::span<const std::uint32_t>) const;
template void LaneSolver<float>::set_sides(std::size_t, std::size_t, LaneStep&) const;
template void LaneSolver<double>::set_sides(std::size_t, std::size_t, LaneStep&) const;
template void LaneSolver<float>::evaluate_extra();
template void LaneSolver<float>::evaluate_dense();
template void LaneSolver<float>::keep_dense();
template void LaneSolver<double>::evaluate_dense();
template void LaneSolver<double>::keep_dense();
template DenseStep<double> LaneSolver<double>::dense_step() const;
template void LaneSolver<double>::evaluate_extra();
template void LaneSolver<float>::write_state(const float*, std::size_t, std::size_t, float*) const;
template void LaneSolver<double>::write_state(const double*, std::size_t, std::size_t, double*) const;
template LaneStep LaneSolver<float>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<double>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<float>::step(std::size_t, std::size_t, std::int32_t) const;
template LaneStep LaneSolver<double>::step(std::size_t, std::size_t, std::int32_t) const;

}  // namespace costate::internal
