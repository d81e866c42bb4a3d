// What accepted steps write, states at output times, and which outputs lie in a recorded step.
#include <algorithm>
#include <cmath>
#include <utility>

#include "costate/exec/kernels/kernels.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// Writes the outputs up to the end of the steps that were accepted. Lanes with steps of their own are at different
/// times, so that one output time after the other would find few lanes each: a pass takes the next output of every
/// lane, whichever it is.
template <class T>
void LaneSolver<T>::pass_all_outputs(std::size_t num_reached, T* states) {
  std::span<std::uint32_t> lanes = std::span(reached_).first(num_reached);
  bool any_inside = false;
  for (const std::size_t lane : lanes) {
    has_inside_[lane] = is_at_end(lane) ? 0 : 1;
    any_inside |= has_inside_[lane] != 0;
  }
  const bool closing_is_new = lacks_closing(), has_dense = any_inside;
  if (has_dense || has_rate_at_stop(lanes)) evaluate_closing();
  if (has_dense) evaluate_extra();
  if (has_dense && has_many_outputs(lanes)) {
    pass_rows(lanes);
    lanes = {};
  }
  while (!lanes.empty()) {
    if (any_inside) dense_.write_states(dense_step(), clock_.next_time.data(), dense_values_.data());
    write_pass(lanes, states);
    lanes = lanes.first(pass_outputs(lanes, any_inside));
  }
  for (std::size_t lane = 0; has_dense && lane < lanes_; ++lane) {
    if (mask_[lane] == 0) continue;
    // The closing stage is the next step's first: whoever goes on has it.
    const bool is_carried = clock_.is_active[lane] != 0 && !ends_at_stop(lane);
    if (closing_is_new && (has_inside_[lane] != 0 || is_carried)) clock_.nfe[lane] += 1;
    const bool is_counted = dense_record_ != nullptr || (events_ != nullptr && events_->has_looked_into(lane));
    if (has_inside_[lane] != 0 && !is_counted) clock_.nfe[lane] += problem_.tableau->num_extra_stages;
    has_inside_[lane] = 0;
  }
}

/// An output at a stop moves with its time along the slope there: the reverse sweep will ask for it.
template <class T>
bool LaneSolver<T>::has_rate_at_stop(std::span<const std::uint32_t> lanes) const {
  if (!keeps_records_ || problem_.is_fixed || !problem_.gradients || !problem_.gradients->times) return false;
  return std::ranges::any_of(lanes, [&](std::uint32_t lane) { return ends_at_stop(lane); });
}

/// The step of each lane that was tried.
template <class T>
DenseStep<T> LaneSolver<T>::dense_step() const {
  const Slopes<T> slopes{slope(0), problem_.frame.block, state_size_, lanes_};
  return {.y = y_.data(),
          .h = implicit_ ? implicit_->ones() : steps_.data(),
          .start = clock_.t.data(),
          .size = clock_.h.data(),
          .slopes = implicit_ ? implicit_->dense() : slopes};
}

/// The next output of these lanes, at the end of the step or within.
template <class T>
void LaneSolver<T>::write_pass(std::span<const std::uint32_t> lanes, T* states) {
  const auto next = [&](std::size_t lane) { return static_cast<std::size_t>(outputs_[lane].next); };
  const auto values = [&](std::size_t lane) { return is_at_end(lane) ? y_next() : dense_values_.data(); };
  const std::size_t output = next(lanes[0]);
  const T* shared = values(lanes[0]);
  if (rows_.empty() && lanes.size() == lanes_ &&
      std::ranges::all_of(lanes, [&](std::size_t lane) { return next(lane) == output && values(lane) == shared; })) {
    std::copy_n(shared, state_size_ * lanes_, states + output * state_size_ * lanes_);
    return;
  }
  for (const std::size_t lane : lanes) write_state(values(lane), lane, next(lane), states);
}

/// Whether these lanes have so many outputs in their steps that one lane after the other is worth it.
template <class T>
bool LaneSolver<T>::has_many_outputs(std::span<const std::uint32_t> lanes) {
  constexpr std::size_t kMany = 3;  // a lane; fewer leave most of a vector of times empty
  if (rows_.empty() || inputs_.shared_times == nullptr) return false;
  std::size_t count = 0;
  for (const std::size_t lane : lanes) {
    beyond_[lane] = first_beyond(lane);
    count += beyond_[lane] - next_output(lane);
  }
  return count >= kMany * lanes.size();
}

/// The first output beyond what the dense output of the lane's step is asked for.
template <class T>
std::size_t LaneSolver<T>::first_beyond(std::size_t lane) const {
  const double *times = inputs_.shared_times, *last = times + problem_.num_times, end = clock_.t_next[lane];
  const bool rises = clock_.h[lane] > 0, takes_end = is_cut(lane);
  const auto is_inside = [=](double t) { return (rises ? t < end : t > end) || (t == end && takes_end); };
  const double* first = times + next_output(lane);
  const double* found = std::find_if_not(first, last, is_inside);
  return static_cast<std::size_t>(found - times);
}

/// pass_outputs(), with all outputs of a lane at once.
template <class T>
void LaneSolver<T>::pass_rows(std::span<std::uint32_t> lanes) {
  for (std::uint32_t& lane : lanes) {
    std::size_t next = next_output(lane);
    const std::size_t beyond = beyond_[lane];
    dense_.write_rows(dense_step(), {lane, inputs_.shared_times + next, beyond - next},
                      rows_[lane] + next * state_size_);
    for (next = beyond; next < problem_.num_times && inputs_.shared_times[next] == clock_.t_next[lane]; ++next)
      write_state(y_next(), lane, next, nullptr);
    outputs_[lane].next = static_cast<std::int32_t>(next - 1);
    bool any_inside = false;
    pass_outputs({&lane, 1}, any_inside);
  }
}

/// Goes past the next output of these lanes. Those that have another one in their step come first; how many they are,
/// and whether any is before the step's end.
template <class T>
std::size_t LaneSolver<T>::pass_outputs(std::span<std::uint32_t> lanes, bool& any_inside) {
  any_inside = false;
  std::size_t kept = 0;
  for (const std::uint32_t lane : lanes) {
    const auto next = static_cast<std::size_t>(++outputs_[lane].next);
    const double h = clock_.h[lane];
    if (next == problem_.num_times) {
      LaneOutcome& outcome = outcomes_[lane];
      outcome.h = h;
      outcome.next_step = h * clock_.factor[lane];
      const bool was_cut_short = std::abs(clock_.planned[lane]) > std::abs(outcome.next_step);
      if (clock_.factor[lane] >= 1 && was_cut_short) outcome.next_step = clock_.planned[lane];
      outcome.previous_log = clock_.previous_log[lane];
      outcome.before_log = clock_.before_log[lane];
      clock_.is_active[lane] = 0;
      continue;
    }
    const double t = clock_.next_time[lane] = time_of(next, lane), end = clock_.t_next[lane];
    const bool is_before = (h > 0 ? t < end : t > end) || (t == end && is_cut(lane)),
               is_in_step = !problem_.is_fixed && (is_before || t == end);
    any_inside |= is_before;
    lanes[kept] = lane;
    kept += is_in_step ? 1 : 0;
  }
  any_inside &= !problem_.is_fixed;
  return kept;
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
template bool LaneSolver<float>::has_many_outputs(std::span<const std::uint32_t>);
template bool LaneSolver<double>::has_many_outputs(std::span<const std::uint32_t>);
template std::size_t LaneSolver<float>::first_beyond(std::size_t) const;
template std::size_t LaneSolver<double>::first_beyond(std::size_t) const;
template void LaneSolver<float>::pass_rows(std::span<std::uint32_t>);
template void LaneSolver<double>::pass_rows(std::span<std::uint32_t>);
template void LaneSolver<float>::pass_all_outputs(std::size_t, float*);
template void LaneSolver<double>::pass_all_outputs(std::size_t, double*);
template std::size_t LaneSolver<float>::pass_outputs(std::span<std::uint32_t>, bool&);
template void LaneSolver<float>::write_pass(std::span<const std::uint32_t>, float*);
template DenseStep<float> LaneSolver<float>::dense_step() const;
template bool LaneSolver<float>::has_rate_at_stop(std::span<const std::uint32_t>) const;
template bool LaneSolver<double>::has_rate_at_stop(std::span<const std::uint32_t>) const;
template void LaneSolver<float>::set_sides(std::size_t, std::size_t, LaneStep&) const;
template void LaneSolver<double>::set_sides(std::size_t, std::size_t, LaneStep&) const;
template void LaneSolver<float>::evaluate_extra();
template void LaneSolver<float>::evaluate_dense();
template void LaneSolver<float>::keep_dense();
template void LaneSolver<double>::evaluate_dense();
template void LaneSolver<double>::keep_dense();
template std::size_t LaneSolver<double>::pass_outputs(std::span<std::uint32_t>, bool&);
template void LaneSolver<double>::write_pass(std::span<const std::uint32_t>, double*);
template DenseStep<double> LaneSolver<double>::dense_step() const;
template void LaneSolver<double>::evaluate_extra();
template void LaneSolver<float>::write_state(const float*, std::size_t, std::size_t, float*) const;
template void LaneSolver<double>::write_state(const double*, std::size_t, std::size_t, double*) const;
template LaneStep LaneSolver<float>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<double>::fixed_step(std::size_t, std::size_t) const;
template LaneStep LaneSolver<float>::step(std::size_t, std::size_t, std::int32_t) const;
template LaneStep LaneSolver<double>::step(std::size_t, std::size_t, std::int32_t) const;

}  // namespace costate::internal
