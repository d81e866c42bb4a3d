// Which events of one sample happen in its accepted steps, and in which order. Like CrossingSearch it asks for the
// numbers of all events at one time after the other, and knows nothing of how they are computed.
//
// Signs. An event happens where the sign of its g changes, and a g that starts at zero has no sign yet. At the start of
// a solve it takes the one that it leaves zero with, and nothing happens (as in CVODES). So does an event right after
// it happened, in steps that begin there: within rounding, a bounce starts at zero. An event that did not happen keeps
// its sign where another one, at the same time, ends the step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/solve/control/crossing_search.h"

namespace costate {

/// What a tracker knows of an event.
struct EventRule {
  Crossing direction = Crossing::kAny;
  std::int64_t stop_after = 0;  // EventOptions
  bool resets = false;          // it moves the state
};

/// An event that happened. It `cuts` if the step ends there: the state is moved, or the solve ends.
struct TrackedEvent {
  std::size_t event = 0;
  double t = 0;
  bool cuts = false, ends = false;
};

class EventTracker {
 public:
  /// g and its derivative by time of all events.
  struct Values {
    std::span<const double> g, rate;
  };

  /// `epsilon` is the rounding of the numbers that g is computed of.
  EventTracker(std::span<const EventRule> rules, double epsilon);

  /// A sample begins; time runs in `direction`.
  void begin(double direction);

  /// The values at the start of the next step are asked for: that of a sample, or one after a cut.
  bool wants_start() const { return wants_start_; }
  void set_start(double t, const Values& values);

  /// The step was accepted, with these values at its end. Then, while wants_probe(), take() the values at probe_time().
  void search(double t_end, const Values& values);
  bool wants_probe() const { return searched_ < events_.size(); }
  double probe_time() const { return events_[searched_].search.probe_time(); }
  /// The event whose values are asked for.
  std::size_t searched_event() const { return searched_; }
  void take(double g, double rate);

  /// A value was NaN.
  bool failed() const { return failed_; }
  /// What happened in the step, in the order of time. Nothing happens after one that cuts.
  std::span<const TrackedEvent> happened() const { return happened_; }
  bool cuts() const { return !happened_.empty() && happened_.back().cuts; }

 private:
  /// What is known of one event.
  struct Watched {
    EventRule rule;
    CrossingSearch search = {};
    EventPoint from = {}, to = {};  // what is still to be searched of the step
    double sign = 0;                // of g where the search is; 0: not known
    double noise = 0;               // at the end of a cut step g may be so large and still be zero
    bool has_ended = false;         // it has ended the step
    std::int64_t count = 0;
  };

  void search_from(Watched& event, const EventPoint& from);
  void go_on();
  void happen(std::size_t index);
  void finish_step();

  std::vector<Watched> events_;  // in one block: of many samples, each step reads all
  double epsilon_, direction_ = 1, tolerance_ = 0;
  bool wants_start_ = true, is_start_of_sample_ = true, failed_ = false;
  std::size_t searched_;  // the event that is searched; their number if none is
  std::vector<TrackedEvent> happened_;
};

}  // namespace costate
