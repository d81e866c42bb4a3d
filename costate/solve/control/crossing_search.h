// Where a function of time crosses zero within a step, found by asking for its value and slope at one time after the
// other. Pure arithmetic of one sample: who asks knows the step.
#pragma once

#include "costate/solve/event_options.h"

namespace costate {

/// What an event's g is at a time: its value, and its derivative by time along the solution.
struct EventPoint {
  double t = 0, g = 0, rate = 0;
};

/// Looks for the first crossing after `from` and not after `to` (which may be earlier, in a solve backward in time):
///
///     search.start(…);
///     while (search.wants_probe()) search.take(g and its rate at search.probe_time());
///     if (search.found()) … search.crossing()
///
/// A change of signs between both ends is one crossing. Where the signs agree, the extremum of g between them tells of
/// two crossings, or of a root that g only touches: the cubic through the values and slopes of both ends says where it
/// is and whether it is worth a look, and is made anew with each value that is found. A value there of the other sign
/// makes a bracket. In a bracket the cubic's root is asked for next, or the middle where that is slow, until a step is
/// no longer than the tolerance. A g that comes to zero and rests there crosses where it comes to it, found by halving.
class CrossingSearch {
 public:
  struct Interval {
    EventPoint from, to;
    double sign = 0;       // of g after `from`: 1 or -1
    double direction = 1;  // of time
    double tolerance = 0;  // of a time
    double rounding = 0;   // relative, of values of g: at its extremum, one as small is a touching root
  };

  void start(const Interval& interval, Crossing wanted);
  /// Nothing is searched, nor found.
  void stop() { state_ = State::kNone; }

  bool wants_probe() const { return state_ == State::kExtremum || state_ == State::kBracket; }
  double probe_time() const { return probe_; }
  void take(double g, double rate);

  bool found() const { return state_ == State::kFound; }
  /// A value of g is NaN.
  bool failed() const { return state_ == State::kFailed; }
  /// The time found; g is its last value on the way there, which is not above what the tolerance makes of it.
  const EventPoint& crossing() const { return crossing_; }
  /// The sign of g after the crossing, or if none was found after the interval: 1 or -1.
  double sign_after() const { return sign_after_; }

 private:
  enum class State { kNone, kExtremum, kBracket, kFound, kFailed };

  bool is_wanted(double sign_before) const;
  void find(const EventPoint& at, double sign_after);
  void look_at_extremum();
  void take_extremum(const EventPoint& point);
  void bracket(const EventPoint& before, const EventPoint& after, double sign_before);
  void take_in_bracket(const EventPoint& point);
  void propose(const EventPoint& point);

  State state_ = State::kNone;
  Crossing wanted_ = Crossing::kAny;
  EventPoint low_, high_;  // what is searched, in the order of time
  EventPoint crossing_;
  double sign_ = 0, sign_after_ = 0, direction_ = 1, tolerance_ = 0;
  double smallest_ = 0, touch_ = 0;  // |g| seen so far, and that of a touching root
  double probe_ = 0, last_step_ = 0;
  int num_probes_ = 0;
};

}  // namespace costate
