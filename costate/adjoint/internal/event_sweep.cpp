#include "costate/adjoint/internal/event_sweep.h"

#include <algorithm>

namespace costate::internal {

template <class T>
EventSweep<T>::EventSweep(const LaneProblem<T>& problem, const FieldVjp<T>& field)
    : problem_(problem),
      events_(*problem.events),
      field_(field),
      lanes_(problem.lanes),
      rows_(problem.state_size),
      evaluator_(events_.part_offsets, *events_.linear, lanes_),
      dense_(problem),
      lender_(problem),
      is_idle_(lanes_),
      last_(lanes_),
      count_(lanes_),
      remaining_(lanes_),
      cuts_(lanes_),
      origin_bars_(lanes_),
      times_(padded(lanes_)),
      starts_(padded(lanes_)),
      sizes_(padded(lanes_)) {
  for (auto* numbers : {&h_, &multiples_, &time_cotangents_, &g_times_, &time_bars_}) numbers->resize(padded(lanes_));
  for (auto* states : {&z_, &rates_, &w_, &moved_, &state_cotangents_, &g_states_})
    states->resize(padded(rows_ * lanes_));
  g_cotangents_.resize(padded(events_.size() * lanes_));
  r_cotangents_.resize(padded(events_.events.num_resets() * rows_ * lanes_));
  for (const WantedArgument& argument : field.arguments())
    argument_cotangents_.emplace_back(argument.is_shared ? 0 : argument.size * lanes_);
}

template <class T>
void EventSweep<T>::start(const FinishedSolve<T>& solve, const Lender<T>& lender, const T* cotangent,
                          SolveGradients<T>& gradients) {
  solve_ = solve;
  solve_lender_ = &lender;
  cotangent_ = cotangent;
  gradients_ = &gradients;
  evaluator_.prepare(solve.inputs.arguments);
  late_ = {g_cotangents_.data()};
  outputs_ = {nullptr};
  if (!r_cotangents_.empty()) {
    late_.push_back(r_cotangents_.data());
    outputs_.push_back(nullptr);
  }
  outputs_.push_back(time_cotangents_.data());
  for (const std::size_t offset : problem_.part_offsets) outputs_.push_back(state_cotangents_.data() + offset * lanes_);
  for (T* target : argument_targets(field_.arguments(), gradients, argument_cotangents_)) outputs_.push_back(target);
  nothing_.assign(outputs_.size(), nullptr);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    const std::vector<LaneEvent>& events = solve.solver->events()->list(lane).events;
    cuts_[lane] = events.empty() ? -1 : events.back().last_cut;
    origin_bars_[lane] = 0;
    wait(lane);
  }
}

template <class T>
void EventSweep<T>::finish() {
  evaluator_.finish_sums(outputs_);
}

template <class T>
double EventSweep<T>::origin(std::size_t lane) const {
  return follows_event(lane) ? solve_.solver->events()->list(lane).events[static_cast<std::size_t>(cuts_[lane])].t
                             : solve_.inputs.times[lane];
}

template <class T>
void EventSweep<T>::take(std::size_t lane, std::size_t index, const LaneStep& step) {
  const std::vector<LaneEvent>& events = solve_.solver->events()->list(lane).events;
  const auto found = std::ranges::equal_range(events, index, {}, &LaneEvent::step);
  count_[lane] = remaining_[lane] = found.size();
  last_[lane] = static_cast<std::size_t>(found.end() - events.begin()) - 1;
  starts_[lane] = step.t;
  sizes_[lane] = step.h;
  h_[lane] = static_cast<T>(step.h);
}

template <class T>
void EventSweep<T>::wait(std::size_t lane) {
  count_[lane] = remaining_[lane] = 0;
  starts_[lane] = solve_.inputs.times[lane];
  sizes_[lane] = 1;
  h_[lane] = 0;
}

template <class T>
void EventSweep<T>::take_event(std::size_t lane, std::size_t position) {
  count_[lane] = remaining_[lane] = 1;
  last_[lane] = position;
}

template <class T>
bool EventSweep<T>::begin() {
  return std::ranges::any_of(remaining_, [](std::size_t left) { return left > 0; });
}

template <class T>
bool EventSweep<T>::next() {
  for (std::size_t& left : remaining_) left -= left > 0 ? 1 : 0;
  return begin();
}

/// The cotangents of the event in the list that a solve gives, or null if it isn't there: that of its time, and behind
/// those of the events, [max_events, lanes], of its state.
template <class T>
const T* EventSweep<T>::listed_cotangent(std::size_t lane) const {
  return position(lane) < events_.events.max_events ? cotangent_ + position(lane) * lanes_ + lane : nullptr;
}

template <class T>
void EventSweep<T>::take_ends(T* y_cotangent) {
  std::ranges::fill(moved_, T{0});
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    for (std::size_t at = lane; has(lane) && event(lane).cuts && at < rows_ * lanes_; at += lanes_)
      std::swap(moved_[at], y_cotangent[at]);
}

/// Times, states and arguments to evaluate at, and what w and the cotangent of the time begin with.
template <class T>
void EventSweep<T>::load_places() {
  const std::size_t max_events = events_.events.max_events;
  std::ranges::fill(w_, T{0});
  std::ranges::fill(time_bars_, T{0});
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!has(lane)) continue;
    const LaneEvent& found = event(lane);
    const T* before = solve_.solver->events()->list(lane).before.data() + position(lane) * rows_;
    const T* listed = listed_cotangent(lane);
    times_[lane] = found.t;
    if (listed != nullptr) time_bars_[lane] = *listed;
    if (found.cuts) time_bars_[lane] += origin_bars_[lane];
    for (std::size_t row = 0; row < rows_; ++row) {
      const std::size_t at = row * lanes_ + lane;
      z_[at] = before[row];
      if (listed != nullptr) w_[at] = cotangent_[(2 * max_events + position(lane) * rows_ + row) * lanes_ + lane];
    }
  }
  for (std::size_t lane = 0; lane < lanes_; ++lane) is_idle_[lane] = has(lane) ? 0 : 1;
  lender_.start(is_idle_, solve_lender_->arguments());
  lender_.lend(times_.data(), 1);
  lender_.lend(z_.data(), rows_);
}

/// The cotangents of the lanes' events: 1 or m of g, and v of the state after a reset.
template <class T>
void EventSweep<T>::load_cotangents(Of which) {
  std::ranges::fill(g_cotangents_, T{0});
  std::ranges::fill(r_cotangents_, T{0});
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!has(lane)) continue;
    const std::size_t index = event(lane).event;
    if (which != Of::kReset) g_cotangents_[index * lanes_ + lane] = which == Of::kValue ? T{1} : multiples_[lane];
    if (which == Of::kValue || !events_.events.rules[index].resets) continue;
    const std::size_t first = events_.events.reset_rows[index] * rows_;
    for (std::size_t row = 0; row < rows_; ++row)
      r_cotangents_[(first + row) * lanes_ + lane] = moved_[row * lanes_ + lane];
  }
}

template <class T>
void EventSweep<T>::run(Phase phase, std::span<T* const> outputs) {
  evaluator_.run(phase,
                 {.times = times_.data(),
                  .y = z_.data(),
                  .arguments = lender_.arguments(),
                  .more = late_,
                  .num_samples = solve_.inputs.num_samples},
                 outputs);
}

/// w and m of a lane, from what the reverse of g alone and of the reset alone have given.
template <class T>
void EventSweep<T>::find_multiple(std::size_t lane) {
  T along = time_bars_[lane], slope = g_times_[lane];
  for (std::size_t at = lane; at < rows_ * lanes_; at += lanes_) {
    along += (w_[at] + state_cotangents_[at]) * rates_[at];
    slope += g_states_[at] * rates_[at];
  }
  along += time_cotangents_[lane];
  multiples_[lane] = along == 0 ? T{0} : -along / slope;
}

template <class T>
const T* EventSweep<T>::take_back(const Slopes<T>& slopes, const T* y) {
  load_places();
  dense_.write_slopes({.y = y, .h = h_.data(), .start = starts_.data(), .size = sizes_.data(), .slopes = slopes},
                      times_.data(), rates_.data());
  return take_back();
}

template <class T>
const T* EventSweep<T>::take_back(const T* rates) {
  load_places();
  std::copy_n(rates, rows_ * lanes_, rates_.data());
  return take_back();
}

/// At the places and with the rates that are loaded.
template <class T>
const T* EventSweep<T>::take_back() {
  run(Phase::kForward, nothing_);
  load_cotangents(Of::kValue);
  run(Phase::kReverse, outputs_);
  std::ranges::copy(time_cotangents_, g_times_.begin());
  std::ranges::copy(state_cotangents_, g_states_.begin());
  load_cotangents(Of::kReset);
  run(Phase::kReverse, outputs_);
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (has(lane)) find_multiple(lane);
  load_cotangents(Of::kBoth);
  run(Phase::kReverse, outputs_);
  run(Phase::kAccumulate, outputs_);
  for (std::size_t lane = 0; lane < lanes_; ++lane) {
    if (!has(lane)) continue;
    for (std::size_t i = 0; i < argument_cotangents_.size(); ++i)
      for (std::size_t at = lane; at < argument_cotangents_[i].size(); at += lanes_)
        gradients_->arguments[i][at] += argument_cotangents_[i][at];
    for (std::size_t at = lane; at < rows_ * lanes_; at += lanes_) w_[at] += state_cotangents_[at];
    if (event(lane).cuts) leave_cut(lane);
  }
  std::ranges::fill(moved_, T{0});  // events before the last one of a step do not end it
  return w_.data();
}

/// The steps before the event move with the one before it.
template <class T>
void EventSweep<T>::leave_cut(std::size_t lane) {
  const std::vector<LaneEvent>& events = solve_.solver->events()->list(lane).events;
  cuts_[lane] = position(lane) == 0 ? -1 : events[position(lane) - 1].last_cut;
  origin_bars_[lane] = 0;
}

template class EventSweep<float>;
template class EventSweep<double>;

}  // namespace costate::internal
