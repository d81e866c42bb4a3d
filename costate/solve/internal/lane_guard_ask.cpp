// How fast the field can move a disturbance: the gradient guard's asks, which are vjps.
#include <algorithm>
#include <cmath>

#include "costate/solve/internal/lane_guard.h"

namespace costate::internal {

template <class T>
void LaneGuard<T>::ask_where_due(const GuardedAttempt<T>& attempt, const LaneClock& clock) {
  bool any_asks = false;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const auto attempts = static_cast<std::int64_t>(clock.num_accepted[lane] + clock.num_rejected[lane]);
    const bool is_due = guard::is_ask(attempts, shared_.num_controlled) || is_silent_[lane] != 0;
    asks_[lane] = is_due && clock.is_active[lane] != 0 ? 1 : 0;
    any_asks |= asks_[lane] != 0;
  }
  if (!any_asks) return;
  ask(attempt);
  double largest = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (asks_[lane] != 0) take_answer(lane, std::abs(clock.h[lane]));
    if (clock.is_active[lane] != 0) largest = std::max(largest, rate_[lane]);
  }
  if (problem_.options.control == Control::kJoint) std::fill(rate_.begin(), rate_.end(), largest);
}

/// answer_ = probe_ᵀ J at stage 1, whose evaluation has saved what the vjp needs.
template <class T>
void LaneGuard<T>::ask(const GuardedAttempt<T>& attempt) {
  const std::size_t num_parts = problem_.part_offsets.size();
  bind_field_inputs(problem_, attempt.frame.times(1), attempt.frame.state(1), attempt.inputs.arguments,
                    input_pointers_);
  const std::size_t first = input_pointers_.size() - problem_.num_late_inputs;
  output_pointers_.assign(num_parts + problem_.num_late_outputs, nullptr);
  for (std::size_t part = 0; part < num_parts; ++part) {
    const std::size_t offset = problem_.part_offsets[part] * lanes_;
    input_pointers_[first + part] = probe_.data() + offset;
    output_pointers_[num_parts + (problem_.gradients->times ? 1 : 0) + part] = answer_.data() + offset;
  }
  problem_.function.run(Phase::kReverse, {.inputs = input_pointers_,
                                          .outputs = output_pointers_,
                                          .shared = attempt.inputs.shared,
                                          .saved = attempt.frame.saved(1),
                                          .workspace = &workspace_,
                                          .lane_weights = nullptr,
                                          .num_samples = attempt.inputs.num_samples,
                                          .first_sample = 0,
                                          .report = nullptr});
}

/// The lane's rate, the probe of its next ask, and whether its disturbance may be dropped.
template <class T>
void LaneGuard<T>::take_answer(std::size_t lane, double h) {
  double largest_probe = 0, largest = 0;
  bool is_finite = true;
  for (std::size_t row = 0; row < rows_; ++row) {
    const std::size_t i = row * lanes_ + lane;
    is_finite &= std::isfinite(answer_[i]);
    if (!is_controlled(shared_.rtols[row])) answer_[i] = T{0};
    largest_probe = std::max(largest_probe, std::abs(static_cast<double>(probe_[i])));
    largest = std::max(largest, std::abs(static_cast<double>(answer_[i])));
  }
  if (!is_finite) {  // no derivative here: there is nothing to follow
    rate_[lane] = state_.is_carried[lane] = 0;
    for (std::size_t row = 0; row < rows_; ++row) probe_[row * lanes_ + lane] = shared_.pattern[row];
    return;
  }
  double probes = 0, squares = 0;
  for (std::size_t i = lane; i < rows_ * lanes_; i += lanes_) {
    const double u = static_cast<double>(probe_[i]), w = static_cast<double>(answer_[i]);
    probes += u * u;
    squares += largest > 0 ? (w / largest) * (w / largest) : 0;
  }
  const double length = largest * std::sqrt(squares);
  rate_[lane] = std::max({length / std::sqrt(probes), largest / largest_probe, rate_[lane] / 2});
  if (is_silent_[lane] == 0 && h * rate_[lane] <= guard::kDropBelow * shared_.limits.threshold(0))
    state_.is_carried[lane] = 0;
  if (largest == 0) return;
  const double norm = length / std::sqrt(static_cast<double>(shared_.num_controlled));
  for (std::size_t row = 0; row < rows_; ++row)
    probe_[row * lanes_ + lane] = static_cast<T>(static_cast<double>(answer_[row * lanes_ + lane]) / norm +
                                                 0.5 * static_cast<double>(shared_.pattern[row]));
}

template void LaneGuard<float>::ask_where_due(const GuardedAttempt<float>&, const LaneClock&);
template void LaneGuard<double>::ask_where_due(const GuardedAttempt<double>&, const LaneClock&);
template void LaneGuard<float>::ask(const GuardedAttempt<float>&);
template void LaneGuard<double>::ask(const GuardedAttempt<double>&);
template void LaneGuard<float>::take_answer(std::size_t, double);
template void LaneGuard<double>::take_answer(std::size_t, double);

}  // namespace costate::internal
