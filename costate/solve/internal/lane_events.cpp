#include "costate/solve/internal/lane_events.h"

#include <algorithm>
#include <limits>

namespace costate::internal {

template <class T>
void LaneEventList<T>::clear() {
  events.clear();
  before.clear();
  after.clear();
}

template <class T>
LaneEvents<T>::LaneEvents(const LaneProblem<T>& problem)
    : problem_(*problem.events),
      lanes_(problem.lanes),
      rows_(problem.state_size),
      dense_(problem),
      watch_(problem_.part_offsets, problem_.watch, lanes_),
      reset_(problem_.part_offsets, problem_.values, lanes_),
      trackers_(lanes_, EventTracker(problem_.events.rules, std::numeric_limits<T>::epsilon())),
      lists_(lanes_),
      accepted_(lanes_),
      searching_(lanes_),
      found_(lanes_),
      touched_(lanes_),
      is_new_(lanes_),
      is_cut_(lanes_),
      is_end_(lanes_),
      has_failed_(lanes_),
      looks_into_(lanes_),
      cut_times_(lanes_),
      times_(padded(lanes_)),
      y_(padded(rows_ * lanes_)),
      slopes_(padded(rows_ * lanes_)),
      ones_(padded(lanes_)),
      g_(padded(problem_.size() * lanes_)),
      rates_(padded(problem_.size() * lanes_)),
      resets_(padded(problem_.events.num_resets() * rows_ * lanes_)),
      lane_g_(problem_.size()),
      lane_rates_(problem_.size()) {
  std::ranges::fill(ones_, T{1});
  watched_ = {g_.data(), rates_.data()};
  moved_ = {nullptr};
  if (!resets_.empty()) moved_.push_back(resets_.data());
}

template <class T>
void LaneEvents<T>::start(std::span<const T* const> arguments) {
  watch_.prepare(arguments);
  reset_.prepare(arguments);
  forget_step();
}

template <class T>
void LaneEvents<T>::begin(std::size_t lane, double direction) {
  trackers_[lane].begin(direction);
  is_new_[lane] = 1;
  lists_[lane].clear();
}

template <class T>
void LaneEvents<T>::forget_step() {
  for (const std::uint32_t lane : touched_) is_cut_[lane] = is_end_[lane] = has_failed_[lane] = looks_into_[lane] = 0;
  touched_.clear();
}

/// g and rates of all lanes.
template <class T>
void LaneEvents<T>::evaluate(const EventSearch<T>& search, const double* times, const T* y, const T* slopes) {
  tangents_ = {ones_.data()};
  for (const std::size_t offset : problem_.part_offsets) tangents_.push_back(slopes + offset * lanes_);
  watch_.run(
      {.times = times, .y = y, .arguments = search.arguments, .more = tangents_, .num_samples = search.num_samples},
      watched_);
}

template <class T>
const T* LaneEvents<T>::dense_slopes(const EventSearch<T>& search, const double* times) {
  dense_.write_slopes(search.step, times, slopes_.data());
  return slopes_.data();
}

template <class T>
EventTracker::Values LaneEvents<T>::values_of(std::size_t lane) {
  for (std::size_t i = 0; i < problem_.size(); ++i) {
    lane_g_[i] = g_[i * lanes_ + lane];
    lane_rates_[i] = rates_[i * lanes_ + lane];
  }
  return {.g = lane_g_, .rate = lane_rates_};
}

template <class T>
bool LaneEvents<T>::search(const EventSearch<T>& search) {
  accepted_.clear();
  for (std::size_t lane = 0; lane < lanes_; ++lane)
    if (search.accepted[lane] != 0) accepted_.push_back(static_cast<std::uint32_t>(lane));
  const auto is_new = [&](std::uint32_t lane) { return is_new_[lane] != 0; };
  if (std::ranges::any_of(accepted_, is_new)) {
    const T* slopes = search.first_slope != nullptr ? search.first_slope : dense_slopes(search, search.step.start);
    evaluate(search, search.step.start, search.step.y, slopes);
    for (const std::uint32_t lane : accepted_) {
      if (!is_new(lane)) continue;
      trackers_[lane].set_start(search.step.start[lane], values_of(lane));
      is_new_[lane] = 0;
    }
  }
  evaluate(search, search.t_next, search.y_next,
           search.last_slope != nullptr ? search.last_slope : dense_slopes(search, search.t_next));
  bool looks_into = false;
  for (const std::uint32_t lane : accepted_) {
    EventTracker& tracker = trackers_[lane];
    tracker.search(search.t_next[lane], values_of(lane));
    has_failed_[lane] = tracker.failed() ? 1 : 0;
    looks_into_[lane] = tracker.wants_probe() || !tracker.happened().empty() ? 1 : 0;
    looks_into |= looks_into_[lane] != 0;
    if (looks_into_[lane] != 0 || failed(lane)) touched_.push_back(lane);
  }
  return looks_into;
}

template <class T>
void LaneEvents<T>::locate(const EventSearch<T>& search) {
  std::copy_n(search.step.start, lanes_, times_.data());
  searching_.clear();
  found_.clear();
  for (const std::uint32_t lane : touched_) {
    if (looks_into_[lane] == 0) continue;
    (trackers_[lane].wants_probe() ? searching_ : found_).push_back(lane);
  }
  while (!searching_.empty()) {
    for (const std::uint32_t lane : searching_) times_[lane] = trackers_[lane].probe_time();
    dense_.write_states(search.step, times_.data(), y_.data());
    dense_.write_slopes(search.step, times_.data(), slopes_.data());
    evaluate(search, times_.data(), y_.data(), slopes_.data());
    std::erase_if(searching_, [&](std::uint32_t lane) {
      const std::size_t at = trackers_[lane].searched_event() * lanes_ + lane;
      trackers_[lane].take(g_[at], rates_[at]);
      if (trackers_[lane].wants_probe()) return false;
      has_failed_[lane] = trackers_[lane].failed() ? 1 : 0;
      found_.push_back(lane);
      return true;
    });
  }
  keep_found(search);
}

/// One event of each lane after the other.
template <class T>
void LaneEvents<T>::keep_found(const EventSearch<T>& search) {
  const auto is_done = [&](std::uint32_t lane, std::size_t count) {
    return failed(lane) || trackers_[lane].happened().size() <= count;
  };
  std::erase_if(found_, [&](std::uint32_t lane) { return is_done(lane, 0); });
  for (std::size_t index = 0; !found_.empty(); ++index) {
    bool any_resets = false;
    std::copy_n(search.step.start, lanes_, times_.data());
    for (const std::uint32_t lane : found_) {
      const TrackedEvent& event = trackers_[lane].happened()[index];
      times_[lane] = cut_times_[lane] = event.t;
      is_cut_[lane] = event.cuts ? 1 : 0;
      is_end_[lane] = event.ends ? 1 : 0;
      is_new_[lane] = is_cut_[lane];
      any_resets |= problem_.events.rules[event.event].resets;
    }
    dense_.write_states(search.step, times_.data(), y_.data());
    if (any_resets)
      reset_.run(
          {.times = times_.data(), .y = y_.data(), .arguments = search.arguments, .num_samples = search.num_samples},
          moved_);
    for (const std::uint32_t lane : found_) keep(search, lane, trackers_[lane].happened()[index]);
    std::erase_if(found_, [&](std::uint32_t lane) { return is_done(lane, index + 1); });
  }
}

template <class T>
void LaneEvents<T>::keep(const EventSearch<T>& search, std::size_t lane, const TrackedEvent& event) {
  LaneEventList<T>& list = lists_[lane];
  const std::ptrdiff_t last_cut = list.events.empty() ? -1 : list.events.back().last_cut;
  list.events.push_back({.event = event.event,
                         .t = event.t,
                         .step = static_cast<std::size_t>(search.num_accepted[lane]) - 1,
                         .step_end = search.t_next[lane],
                         .cuts = event.cuts,
                         .last_cut = event.cuts ? static_cast<std::ptrdiff_t>(list.events.size()) : last_cut});
  const bool resets = problem_.events.rules[event.event].resets;
  const T* after = resets ? resets_.data() + problem_.events.reset_rows[event.event] * rows_ * lanes_ : y_.data();
  for (std::size_t row = 0; row < rows_; ++row) {
    list.before.push_back(y_[row * lanes_ + lane]);
    list.after.push_back(after[row * lanes_ + lane]);
  }
}

template <class T>
void LaneEvents<T>::write_after_cuts(T* y) const {
  for (const std::uint32_t lane : touched_) {
    if (is_cut_[lane] == 0) continue;
    const T* after = lists_[lane].after.data() + lists_[lane].after.size() - rows_;
    for (std::size_t row = 0; row < rows_; ++row) y[row * lanes_ + lane] = after[row];
  }
}

template <class T>
std::ptrdiff_t LaneEvents<T>::cut_before(std::size_t lane, std::size_t step) const {
  const std::vector<LaneEvent>& events = lists_[lane].events;
  const auto next = std::ranges::lower_bound(events, step, {}, &LaneEvent::step);
  return next == events.begin() ? -1 : std::prev(next)->last_cut;
}

template <class T>
const LaneEvent* LaneEvents<T>::cut_of_step(std::size_t lane, std::size_t step) const {
  const std::ptrdiff_t last = cut_before(lane, step + 1);
  if (last < 0) return nullptr;
  const LaneEvent& event = lists_[lane].events[static_cast<std::size_t>(last)];
  return event.step == step ? &event : nullptr;
}

template struct LaneEventList<float>;
template struct LaneEventList<double>;
template class LaneEvents<float>;
template class LaneEvents<double>;

}  // namespace costate::internal
