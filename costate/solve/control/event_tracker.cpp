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

EventTracker::EventTracker(std::span<const EventRule> rules, double epsilon)
    : epsilon_(epsilon), searched_(rules.size()) {
  for (const EventRule& rule : rules) events_.push_back({.rule = rule});
}

void EventTracker::begin(double direction) {
  direction_ = direction;
  wants_start_ = is_start_of_sample_ = true;
  failed_ = false;
  searched_ = events_.size();
  happened_.clear();
  for (Watched& event : events_) event = {.rule = event.rule};
}

void EventTracker::set_start(double t, const Values& values) {
  wants_start_ = false;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    Watched& event = events_[i];
    const double g = values.g[i], rate = values.rate[i];
    event.from = {.t = t, .g = g, .rate = rate};
    failed_ |= std::isnan(g);
    const bool is_zero = is_start_of_sample_ ? g == 0 : std::abs(g) <= event.noise;
    if (!is_zero)
      event.sign = sign_of(g);
    else if (is_start_of_sample_ || event.has_ended || event.sign == 0)
      event.sign = sign_of(direction_ * rate);
    event.has_ended = false;
  }
  is_start_of_sample_ = false;
}

void EventTracker::search(double t_end, const Values& values) {
  happened_.clear();
  for (std::size_t i = 0; i < events_.size(); ++i) {
    events_[i].to = {.t = t_end, .g = values.g[i], .rate = values.rate[i]};
    failed_ |= std::isnan(values.g[i]);
  }
  if (failed_) return;
  const double t = events_[0].from.t;
  tolerance_ = std::max(kUlps * std::numeric_limits<double>::epsilon() * std::max(std::abs(t), std::abs(t_end)),
                        kPartOfStep * epsilon_ * std::abs(t_end - t));
  for (Watched& event : events_) {
    const EventPoint &from = event.from, &to = event.to;
    const double rise = std::abs(t_end - t) * std::max(std::abs(from.rate), std::abs(to.rate));
    event.noise = kNoise * epsilon_ * std::max({std::abs(from.g), std::abs(to.g), rise});
    search_from(event, from);
  }
  searched_ = 0;
  go_on();
}

void EventTracker::search_from(Watched& event, const EventPoint& from) {
  event.from = from;
  event.search.stop();
  if (event.sign == 0) return;
  event.search.start({.from = from,
                      .to = event.to,
                      .sign = event.sign,
                      .direction = direction_,
                      .tolerance = tolerance_,
                      .rounding = kTouch * epsilon_},
                     event.rule.direction);
}

void EventTracker::take(double g, double rate) {
  events_[searched_].search.take(g, rate);
  go_on();
}

/// To the next search that asks for values; once none does, the first event happens, and the search goes on after it.
void EventTracker::go_on() {
  while (true) {
    while (searched_ < events_.size() && !events_[searched_].search.wants_probe()) {
      failed_ |= events_[searched_].search.failed();
      ++searched_;
    }
    if (failed_) searched_ = events_.size();
    if (searched_ < events_.size() || failed_) return;
    std::size_t first = events_.size();
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (!events_[i].search.found()) continue;
      const double t = events_[i].search.crossing().t;
      if (first == events_.size() || direction_ * (events_[first].search.crossing().t - t) > 0) first = i;
    }
    if (first == events_.size()) return finish_step();
    happen(first);
    if (cuts()) return;
    searched_ = first;
  }
}

void EventTracker::happen(std::size_t index) {
  Watched& event = events_[index];
  const EventPoint at = event.search.crossing();
  const double before = event.sign, after = event.search.sign_after();
  const bool ends = ++event.count == event.rule.stop_after;
  const bool cuts = ends || event.rule.resets;
  happened_.push_back({.event = index, .t = at.t, .cuts = cuts, .ends = ends});
  if (cuts) {
    event.has_ended = true;
    wants_start_ = true;
    return;
  }
  event.sign = after;
  const bool is_last = direction_ * (event.to.t - at.t) <= tolerance_;
  const bool has_touched = before == after && after * event.to.g > 0;
  if (is_last || has_touched)
    event.search.stop();  // or it would be found again
  else
    search_from(event, point_after(at, after * direction_));
}

void EventTracker::finish_step() {
  for (Watched& event : events_) {
    if (event.to.g != 0) event.sign = sign_of(event.to.g);
    event.from = event.to;
  }
}

}  // namespace costate
