#include "costate/solve/internal/reference_events.h"

#include <limits>

namespace costate::internal {

ReferenceEventSearch::ReferenceEventSearch(const ReferenceEvents& events, double direction)
    : events_(events),
      tracker_(events.rules, std::numeric_limits<double>::epsilon()),
      g_(events.rules.size()),
      rate_(events.rules.size()) {
  tracker_.begin(direction);
}

EventTracker::Values ReferenceEventSearch::values_at(const ReferencePlace& place) {
  events_.watch(place.t, place.y, place.slope, g_, rate_);
  return {.g = g_, .rate = rate_};
}

bool ReferenceEventSearch::find(const ReferencePlace& start, const ReferencePlace& end,
                                const std::function<ReferencePlace(double)>& place_at,
                                std::vector<ReferenceEvent>& found) {
  if (tracker_.wants_start()) tracker_.set_start(start.t, values_at(start));
  tracker_.search(end.t, values_at(end));
  while (tracker_.wants_probe()) {
    const EventTracker::Values values = values_at(place_at(tracker_.probe_time()));
    const std::size_t event = tracker_.searched_event();
    tracker_.take(values.g[event], values.rate[event]);
  }
  if (tracker_.failed()) return false;
  for (const TrackedEvent& event : tracker_.happened()) {
    found.push_back({.event = event.event, .t = event.t, .state = place_at(event.t).y});
    after_ = found.back().state;
    if (events_.rules[event.event].resets) events_.reset(event.event, event.t, found.back().state, after_);
  }
  return true;
}

}  // namespace costate::internal
