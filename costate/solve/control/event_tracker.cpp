#include "costate/solve/control/event_tracker.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate {
namespace {

// Times are found to a few ulps, or in f32 to a part of the step below which g is rounding.
constexpr double kUlps = 4, kPartOfStep = 1.0 / 16;
// g at its extremum is zero if it is so many roundings of the larger of its values at the ends of the step.
constexpr double kTouch = 64;
// At the end of a step that ended at an event, g is zero if it is so many roundings of what it was in the step: dense
// output has weights of some thousands.
constexpr double kNoise = 1 << 14;

/// What the search goes on from after a crossing to the sign `after` (times the direction of time): the value is 0
/// there. At a pole, where g grows towards the crossing and comes back from the other end, its last value says nothing
/// of what follows, nor does its slope, which points back.
EventPoint point_after(const EventPoint& at, double after) {
  const bool is_pole = after * at.rate < 0;
  return {.t = at.t, .g = 0, .rate = is_pole ? 0 : at.rate};
}

double sign_of(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

}  // namespace

EventTracker::EventTracker(std::vector<EventRule> rules, double epsilon)
    : rules_(std::move(rules)),
      epsilon_(epsilon),
      searches_(rules_.size()),
      from_(rules_.size()),
      to_(rules_.size()),
      signs_(rules_.size()),
      noise_(rules_.size()),
      ended_(rules_.size()),
      counts_(rules_.size()),
      searched_(rules_.size()) {}

void EventTracker::begin(double direction) {
  direction_ = direction;
  wants_start_ = is_start_of_sample_ = true;
  failed_ = has_probed_ = false;
  searched_ = rules_.size();
  happened_.clear();
  std::ranges::fill(counts_, 0);
  std::ranges::fill(signs_, 0);
  std::ranges::fill(ended_, char{0});
}

void EventTracker::set_start(double t, const Values& values) {
  wants_start_ = false;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const double g = values.g[i], rate = values.rate[i];
    from_[i] = {.t = t, .g = g, .rate = rate};
    failed_ |= std::isnan(g);
    const bool is_zero = is_start_of_sample_ ? g == 0 : std::abs(g) <= noise_[i];
    if (!is_zero)
      signs_[i] = sign_of(g);
    else if (is_start_of_sample_ || ended_[i] != 0 || signs_[i] == 0)
      signs_[i] = sign_of(direction_ * rate);
    ended_[i] = 0;
  }
  is_start_of_sample_ = false;
}

void EventTracker::search(double t_end, const Values& values) {
  happened_.clear();
  has_probed_ = false;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    to_[i] = {.t = t_end, .g = values.g[i], .rate = values.rate[i]};
    failed_ |= std::isnan(values.g[i]);
  }
  if (failed_) return;
  const double t = from_[0].t;
  tolerance_ = std::max(kUlps * std::numeric_limits<double>::epsilon() * std::max(std::abs(t), std::abs(t_end)),
                        kPartOfStep * epsilon_ * std::abs(t_end - t));
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const double rise = std::abs(t_end - t) * std::max(std::abs(from_[i].rate), std::abs(to_[i].rate));
    noise_[i] = kNoise * epsilon_ * std::max({std::abs(from_[i].g), std::abs(to_[i].g), rise});
    search_from(i, from_[i]);
  }
  searched_ = 0;
  go_on();
}

void EventTracker::search_from(std::size_t event, const EventPoint& from) {
  from_[event] = from;
  searches_[event] = CrossingSearch();
  if (signs_[event] == 0) return;
  searches_[event].start({.from = from,
                          .to = to_[event],
                          .sign = signs_[event],
                          .direction = direction_,
                          .tolerance = tolerance_,
                          .rounding = kTouch * epsilon_},
                         rules_[event].direction);
}

void EventTracker::take(double g, double rate) {
  has_probed_ = true;
  searches_[searched_].take(g, rate);
  go_on();
}

/// To the next search that asks for values; once none does, the first event happens, and the search goes on after it.
void EventTracker::go_on() {
  while (true) {
    while (searched_ < rules_.size() && !searches_[searched_].wants_probe()) {
      failed_ |= searches_[searched_].failed();
      ++searched_;
    }
    if (failed_) searched_ = rules_.size();
    if (searched_ < rules_.size() || failed_) return;
    std::size_t first = rules_.size();
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (!searches_[i].found()) continue;
      const double t = searches_[i].crossing().t;
      if (first == rules_.size() || direction_ * (searches_[first].crossing().t - t) > 0) first = i;
    }
    if (first == rules_.size()) return finish_step();
    happen(first);
    if (cuts()) return;
    searched_ = first;
  }
}

void EventTracker::happen(std::size_t event) {
  const EventPoint at = searches_[event].crossing();
  const double before = signs_[event], after = searches_[event].sign_after();
  const bool ends = ++counts_[event] == rules_[event].stop_after;
  const bool cuts = ends || rules_[event].resets;
  happened_.push_back({.event = event, .t = at.t, .cuts = cuts, .ends = ends});
  if (cuts) {
    ended_[event] = 1;
    wants_start_ = true;
    return;
  }
  signs_[event] = after;
  const bool is_last = direction_ * (to_[event].t - at.t) <= tolerance_;
  const bool has_touched = before == after && after * to_[event].g > 0;
  if (is_last || has_touched)
    searches_[event] = CrossingSearch();  // or it would be found again
  else
    search_from(event, point_after(at, after * direction_));
}

void EventTracker::finish_step() {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (to_[i].g != 0) signs_[i] = sign_of(to_[i].g);
    from_[i] = to_[i];
  }
}

}  // namespace costate
