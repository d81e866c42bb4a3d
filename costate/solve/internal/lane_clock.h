// Times, steps and controllers of a tile's lanes, side by side: on a small system's step, lane by lane would take
// longer than the field.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "costate/exec/internal/aligned.h"
#include "costate/solve/control/controller.h"
#include "costate/solve/control/step_ends.h"

namespace costate::internal {

/// One number a lane. Conditions are 0 or 1. Lanes that wait have end = t, and so h = 0 and t_next = t.
struct LaneClock {
  explicit LaneClock(std::size_t lanes);

  /// All of a lane.
  void copy(std::size_t lane, const LaneClock& from, std::size_t from_lane);

  AlignedVector<double> t, h, t_next;            // of the step that is tried; h is the next one's once it was judged
  AlignedVector<double> end;                     // where the step must not go beyond: the next stop, or the last time
  AlignedVector<double> planned;                 // h before the step was cut to end at a stop
  AlignedVector<double> first_time, last_time;   // where the first and last slope are evaluated (StepTimes)
  AlignedVector<double> next_time;               // of the next output
  AlignedVector<double> is_active, knows_first;  // the step's first slope is there
  AlignedVector<double> error, accepted, factor;
  AlignedVector<double> previous_log, before_log, after_reject;  // ControlState
  AlignedVector<double> num_accepted, num_rejected, nfe;
};

/// Each array of a LaneClock.
inline constexpr std::array kClockArrays = {&LaneClock::t,
                                            &LaneClock::h,
                                            &LaneClock::t_next,
                                            &LaneClock::end,
                                            &LaneClock::planned,
                                            &LaneClock::first_time,
                                            &LaneClock::last_time,
                                            &LaneClock::next_time,
                                            &LaneClock::is_active,
                                            &LaneClock::knows_first,
                                            &LaneClock::error,
                                            &LaneClock::accepted,
                                            &LaneClock::factor,
                                            &LaneClock::previous_log,
                                            &LaneClock::before_log,
                                            &LaneClock::after_reject,
                                            &LaneClock::num_accepted,
                                            &LaneClock::num_rejected,
                                            &LaneClock::nfe};

/// The smallest first step that is tried from t: one that moves it.
inline double smallest_first(double t) { return 2 * kSmallestStep * std::abs(t); }

/// Whether a step cannot be made shorter. Steps that are stretched to an end by kNearEnd are among them: they would be
/// tried again and again.
inline bool is_shortest(double h, double shortest) { return std::abs(h) <= kNearEnd * shortest; }

/// h, at most `longest`, where `left` is left: as nothing may be longer, the 1 % by which a step may be stretched to
/// the end becomes two halves.
inline double limited_step(double h, double left, double longest) {
  if (std::abs(h) > longest) h = std::copysign(longest, h);
  const bool is_too_long = std::abs(left) > longest * (1 + kLengthRounding);
  return is_too_long && std::abs(left) <= kNearEnd * std::abs(h) ? left / 2 : h;
}

std::size_t num_active(const LaneClock& clock);
/// Whether the step of an active lane lacks its first slope.
bool lacks_first_slopes(const LaneClock& clock);

/// t_next of the next attempt, and h where it goes to the end. Returns whether any lane has to end instead.
bool plan_adaptive(LaneClock& clock, double max_steps);

inline bool is_spent(const LaneClock& clock, std::size_t lane, double max_steps) {
  return clock.is_active[lane] != 0 && clock.num_accepted[lane] + clock.num_rejected[lane] >= max_steps;
}
/// The step no longer moves t.
inline bool is_stuck(const LaneClock& clock, std::size_t lane) {
  const double h = std::abs(clock.h[lane]);
  return std::abs(clock.end[lane] - clock.t[lane]) > kNearEnd * h && h <= kSmallestStep * std::abs(clock.t[lane]);
}

struct Judgement {
  bool any_accepted = false;
  bool all_finite = true;       // the errors
  std::size_t num_reached = 0;  // lanes that got to their next output
};

/// What attempts are judged by.
struct JudgingRule {
  const StepControl& control;
  int error_order = 0;
  double shortest = 0;          // no step is shorter: SolveOptions::min_step
  bool takes_shortest = false;  // a step as short is taken, whatever its error, if that is finite
};

/// Decides on the attempts with these errors and counts them, each with so many evaluations. `reached` [lanes] gets the
/// lanes that got to their next output.
Judgement judge_adaptive(const JudgingRule& rule, double evaluations, LaneClock& clock, std::uint32_t* reached);

/// On to the next attempt: t = t_next where the step was accepted, and h = factor h.
void advance(LaneClock& clock);

}  // namespace costate::internal
