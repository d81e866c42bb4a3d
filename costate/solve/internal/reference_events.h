// The events of reference_solve: one sample, plain loops. What happens in a step, EventTracker decides; here is what it
// is told, in f64:
//
// Values.  g and its derivative by time along the solution: at the ends of an accepted step with the slopes k_0 and
//          k_closing, within it at the dense output y(t) with its slope combine(b'(theta), k), theta = (t - start) / h.
//          Implicit methods have the slope of their dense output at the ends, too.
// Cut.     At an event that moves the state, or ends the solve, the step ends: t_next is the time of the event, outputs
//          up to it, and at it, are the dense output's, and the next step begins with k_0 of the moved state. Sizes are
//          chosen as if the step had been taken to its end.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "costate/solve/control/event_tracker.h"

namespace costate::internal {

struct ReferenceEvents {
  std::vector<EventRule> rules;
  /// g and rate of all events at t, y, where y moves with the slope dy.
  std::function<void(double t, std::span<const double> y, std::span<const double> dy, std::span<double> g,
                     std::span<double> rate)>
      watch;
  /// Writes the state after an event that resets.
  std::function<void(std::size_t event, double t, std::span<const double> y, std::span<double> after)> reset;
};

/// An event that happened, and the state before it.
struct ReferenceEvent {
  std::size_t event = 0;
  double t = 0;
  std::vector<double> state;
};

/// A place on a step: a time, the state and its slope.
struct ReferencePlace {
  double t = 0;
  std::vector<double> y, slope;
};

class ReferenceEventSearch {
 public:
  ReferenceEventSearch(const ReferenceEvents& events, double direction);

  /// Looks into an accepted step; `place_at` gives places within it. False if a value was NaN.
  bool find(const ReferencePlace& start, const ReferencePlace& end,
            const std::function<ReferencePlace(double)>& place_at, std::vector<ReferenceEvent>& found);
  bool cuts() const { return tracker_.cuts(); }
  bool ends() const { return cuts() && tracker_.happened().back().ends; }
  double cut_time() const { return tracker_.happened().back().t; }
  /// The state after the cut.
  const std::vector<double>& after() const { return after_; }

 private:
  EventTracker::Values values_at(const ReferencePlace& place);

  const ReferenceEvents& events_;
  EventTracker tracker_;
  std::vector<double> g_, rate_, after_;
};

}  // namespace costate::internal
