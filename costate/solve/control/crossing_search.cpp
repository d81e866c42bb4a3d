#include "costate/solve/control/crossing_search.h"

#include <algorithm>
#include <cmath>

namespace costate {
namespace {

// A cubic whose extremum stays farther from zero than this part of what is known already isn't looked at.
constexpr double kFar = 0.5, kFarAtFirst = 0.1;
constexpr int kMostProbes = 100;

/// The extremum within (0, 1) at which sign * c is smallest, of the cubic c with these values and slopes at 0 and 1.
struct Extremum {
  double at = 0.5, value = 0;
  bool exists = false;
};

Extremum extremum_toward_zero(const EventPoint& a, const EventPoint& b, double sign) {
  const double h = b.t - a.t, slope_a = h * a.rate, slope_b = h * b.rate, rise = b.g - a.g;
  const double square = 3 * rise - 2 * slope_a - slope_b, cube = slope_a + slope_b - 2 * rise;
  const double root = std::sqrt(square * square - 3 * cube * slope_a);
  const double q = -(square + std::copysign(root, square));
  Extremum best;
  for (const double x : {q / (3 * cube), slope_a / q}) {
    if (!(x > 0 && x < 1)) continue;
    const double value = std::fma(std::fma(std::fma(cube, x, square), x, slope_a), x, a.g);
    if (!best.exists || sign * value < sign * best.value) best = {.at = x, .value = value, .exists = true};
  }
  return best;
}

}  // namespace

bool CrossingSearch::is_wanted(double sign_before) const {
  return wanted_ == Crossing::kAny || (wanted_ == Crossing::kRising) == (sign_before < 0);
}

void CrossingSearch::find(const EventPoint& at, double sign_after) {
  crossing_ = at;
  sign_after_ = sign_after;
  state_ = State::kFound;
}

void CrossingSearch::start(const Interval& interval, Crossing wanted) {
  state_ = State::kNone;
  wanted_ = wanted;
  low_ = interval.from;
  high_ = interval.to;
  sign_ = sign_after_ = interval.sign;
  direction_ = interval.direction;
  tolerance_ = interval.tolerance;
  num_probes_ = 0;
  if (std::isnan(low_.g) || std::isnan(high_.g)) {
    state_ = State::kFailed;
    return;
  }
  if (sign_ * high_.g > 0) {
    const double largest = std::max(std::abs(low_.g), std::abs(high_.g));
    touch_ = interval.rounding * largest;
    smallest_ = largest * (kFarAtFirst / kFar);
    return look_at_extremum();
  }
  sign_after_ = -sign_;
  if (is_wanted(sign_)) bracket(low_, high_, sign_);
}

/// Asks for g where the cubic comes closest to zero, if that may be a crossing.
void CrossingSearch::look_at_extremum() {
  const Extremum extremum = extremum_toward_zero(low_, high_, sign_);
  const bool is_near = extremum.exists && sign_ * extremum.value <= kFar * smallest_;
  probe_ = std::fma(extremum.at, high_.t - low_.t, low_.t);
  const bool is_between = direction_ * (probe_ - low_.t) > 0 && direction_ * (high_.t - probe_) > 0;
  state_ = is_near && is_between ? State::kExtremum : State::kNone;
}

void CrossingSearch::take_extremum(const EventPoint& point) {
  if (sign_ * point.g < 0) {  // two crossings: of the wanted kind is the first one, or the second
    if (is_wanted(sign_))
      bracket(low_, point, sign_);
    else
      bracket(point, high_, -sign_);
    return;
  }
  if (std::abs(point.g) <= touch_) {
    state_ = State::kNone;
    if (wanted_ == Crossing::kAny) find(point, sign_);
    return;
  }
  smallest_ = std::min(smallest_, std::abs(point.g));
  const bool still_falls = direction_ * sign_ * point.rate < 0;
  (still_falls ? low_ : high_) = point;
  look_at_extremum();
}

void CrossingSearch::bracket(const EventPoint& before, const EventPoint& after, double sign_before) {
  low_ = before;
  high_ = after;
  sign_ = sign_before;
  sign_after_ = -sign_before;
  if (high_.g == 0) return find(high_, sign_after_);
  state_ = State::kBracket;
  last_step_ = 2 * std::abs(high_.t - low_.t);
  propose(high_);  // `low_` may be a root itself, the crossing before
}

/// The next time: a Newton step from `point`, an end of the bracket, or the middle of the bracket.
void CrossingSearch::propose(const EventPoint& point) {
  const double middle = low_.t + (high_.t - low_.t) / 2;
  double next = point.t - point.g / point.rate;
  const double step = std::abs(next - point.t);
  const bool is_inside = direction_ * (next - low_.t) >= 0 && direction_ * (high_.t - next) >= 0;
  if (!is_inside || !(2 * step <= last_step_)) next = middle;
  last_step_ = std::abs(next - point.t);
  probe_ = next;
  const bool is_narrow = std::abs(high_.t - low_.t) <= tolerance_;
  if (last_step_ <= tolerance_ || is_narrow || num_probes_ >= kMostProbes)
    find({.t = next, .g = point.g, .rate = point.rate}, sign_after_);
}

void CrossingSearch::take_in_bracket(const EventPoint& point) {
  if (point.g == 0) return find(point, sign_after_);
  (sign_ * point.g > 0 ? low_ : high_) = point;
  propose(point);
}

void CrossingSearch::take(double g, double rate) {
  ++num_probes_;
  if (std::isnan(g)) {
    state_ = State::kFailed;
    return;
  }
  const EventPoint point{.t = probe_, .g = g, .rate = rate};
  if (state_ == State::kExtremum)
    take_extremum(point);
  else
    take_in_bracket(point);
}

}  // namespace costate
