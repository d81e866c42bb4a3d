#include "costate/adjoint/internal/event_sensitivities.h"

#include <algorithm>

namespace costate::internal {

template <class T>
EventSensitivities<T>::EventSensitivities(const EventField& events, const LaneProblem<T>& augmented,
                                          const Directions& directions)
    : lanes_(augmented.lanes),
      state_size_(static_cast<std::size_t>(events.field.state_size())),
      num_tangents_(directions.count),
      num_events_(events.rules.size()),
      max_events_(events.max_events),
      rates_({event_rates(events, augmented.field, directions), {}}, lanes_),
      evaluator_(augmented.part_offsets, rates_, lanes_),
      times_(padded(lanes_)),
      y_(padded(augmented.state_size * lanes_)),
      slopes_(padded(state_size_ * lanes_)),
      passing_(padded(num_events_ * lanes_)),
      moving_(padded(num_tangents_ * num_events_ * lanes_)),
      sums_(num_tangents_ * lanes_) {
  outputs_ = {slopes_.data(), passing_.data()};
  for (std::size_t k = 0; k < num_tangents_; ++k) outputs_.push_back(moving_.data() + k * num_events_ * lanes_);
}

/// One event of each lane after the other.
template <class T>
void EventSensitivities<T>::find(const LaneSolver<T>& solver, const LaneInputs<T>& inputs, const T* cotangent) {
  std::ranges::fill(sums_, T{0});
  evaluator_.prepare(inputs.arguments);
  const auto listed = [&](std::size_t lane) {
    return std::min(max_events_, solver.events()->list(lane).events.size());
  };
  std::size_t most = 0;
  for (std::size_t lane = 0; lane < lanes_; ++lane) most = std::max(most, listed(lane));
  for (std::size_t index = 0; index < most; ++index) {
    load(solver, inputs, index);
    evaluator_.run(
        {.times = times_.data(), .y = y_.data(), .arguments = inputs.arguments, .num_samples = inputs.num_samples},
        outputs_);
    for (std::size_t lane = 0; lane < lanes_; ++lane)
      if (index < listed(lane)) add(lane, index, solver.events()->list(lane).events[index].event, cotangent);
  }
}

/// The places of the lanes' events of this index. Lanes that have none are at their start.
template <class T>
void EventSensitivities<T>::load(const LaneSolver<T>& solver, const LaneInputs<T>& inputs, std::size_t index) {
  const std::size_t rows = (1 + num_tangents_) * state_size_;
  std::copy_n(inputs.times, lanes_, times_.data());
  std::copy_n(inputs.z0, rows * lanes_, y_.data());
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const LaneEventList<T>& list = solver.events()->list(lane);
    if (index >= list.events.size()) continue;
    times_[lane] = list.events[index].t;
    for (std::size_t row = 0; row < rows; ++row) y_[row * lanes_ + lane] = list.before[index * rows + row];
  }
}

template <class T>
void EventSensitivities<T>::add(std::size_t lane, std::size_t index, std::size_t event, const T* cotangent) {
  const T of_time = cotangent[index * lanes_ + lane];
  const T* of_state = cotangent + (2 * max_events_ + index * state_size_) * lanes_ + lane;
  for (std::size_t k = 0; k < num_tangents_; ++k) {
    const T shift = -moving_[(k * num_events_ + event) * lanes_ + lane] / passing_[event * lanes_ + lane];
    const T* tangent = y_.data() + (1 + k) * state_size_ * lanes_ + lane;
    T sum = of_time * shift;
    for (std::size_t at = 0; at < state_size_ * lanes_; at += lanes_)
      sum += of_state[at] * (tangent[at] + shift * slopes_[at + lane]);
    sums_[k * lanes_ + lane] += sum;
  }
}

template class EventSensitivities<float>;
template class EventSensitivities<double>;

}  // namespace costate::internal
