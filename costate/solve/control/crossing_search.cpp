#include "costate/solve/control/crossing_search.h"

#include <algorithm>
#include <cmath>

namespace costate {
namespace {

// A cubic whose extremum stays farther from zero than this part of what is known already isn't looked at.
constexpr double kFar = 0.5;
constexpr int kMostProbes = 100;

/// The cubic with the values and slopes of two points, as a function of the way from one to the other.
struct Cubic {
  Cubic(const EventPoint& a, const EventPoint& b)
      : h(b.t - a.t),
        start(a.g),
        slope(h * a.rate),
        square(3 * (b.g - a.g) - 2 * slope - h * b.rate),
        cube(slope + h * b.rate - 2 * (b.g - a.g)) {}

  double at(double x) const { return ((cube * x + square) * x + slope) * x + start; }
  double slope_at(double x) const { return (3 * cube * x + 2 * square) * x + slope; }

  double h, start, slope, square, cube;
};

/// Whether the cubic stays farther from zero than `near` on the side of `sign`: the points that span it do (Bezier's).
bool stays_away(const EventPoint& a, const EventPoint& b, double sign, double near) {
  const double third = (b.t - a.t) / 3;
  return sign * a.g > near && sign * b.g > near && sign * (a.g + third * a.rate) > near &&
         sign * (b.g - third * b.rate) > near;
}

/// About where the cubic loses `sign`: where the quadratic with the values of both ends, and the slope at the first,
/// does; the middle if that is at an end.
double guess_of_root(const Cubic& cubic, double sign) {
  constexpr double kEdge = 1e-3;
  const double square = cubic.square + cubic.cube;
  const double root = std::sqrt(cubic.slope * cubic.slope - 4 * square * cubic.start);
  const double x = 2 * cubic.start / (sign * root - cubic.slope);
  return x > kEdge && x < 1 - kEdge ? x : 0.5;
}

/// Where the cubic loses `sign`, between a and b; the middle if it says nothing. A guess, of which no more is asked
/// than that Newton's method goes on from there.
double root_between(const EventPoint& a, const EventPoint& b, double sign) {
  constexpr int kMostSteps = 40;
  constexpr double kCloseEnough = 1e-9;
  const Cubic cubic(a, b);
  double low = 0, high = 1, x = guess_of_root(cubic, sign);
  for (int i = 0; i < kMostSteps && std::isfinite(cubic.square + cubic.cube); ++i) {
    const double value = cubic.at(x), step = -value / cubic.slope_at(x);
    if (std::abs(step) <= kCloseEnough) break;
    (sign * value > 0 ? low : high) = x;
    const double next = x + step;
    x = next > low && next < high ? next : low + (high - low) / 2;
  }
  return a.t + x * cubic.h;
}

/// The extremum within (0, 1) at which sign * c is smallest, of the cubic c with these values and slopes at 0 and 1.
struct Extremum {
  double at = 0.5, value = 0;
  bool exists = false;
};

Extremum extremum_toward_zero(const EventPoint& a, const EventPoint& b, double sign) {
  const Cubic cubic(a, b);
  const double root = std::sqrt(cubic.square * cubic.square - 3 * cubic.cube * cubic.slope);
  const double q = -(cubic.square + std::copysign(root, cubic.square));
  Extremum best;
  for (const double x : {q / (3 * cubic.cube), cubic.slope / q}) {
    if (!(x > 0 && x < 1)) continue;
    const double value = cubic.at(x);
    if (!best.exists || sign * value < sign * best.value) best = {.at = x, .value = value, .exists = true};
  }
  return best;
}

/// g is zero here, and may be all the way from somewhere before: maximum(z, 0), for example.
bool rests(const EventPoint& point) { return point.g == 0 && point.rate == 0; }

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
  const double largest = std::max(std::abs(interval.from.g), std::abs(interval.to.g));
  if (stays_away(interval.from, interval.to, interval.sign, kFar * largest)) return;  // as in most steps
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
    touch_ = interval.rounding * largest;
    smallest_ = largest;
    return look_at_extremum();
  }
  if (rests(high_) && sign_ * low_.g <= 0) return;  // it has come to zero before, and stays
  sign_after_ = -sign_;
  if (is_wanted(sign_)) bracket(low_, high_, sign_);
}

/// Asks for g where the cubic comes closest to zero, if that may be a crossing.
void CrossingSearch::look_at_extremum() {
  state_ = State::kNone;
  if (stays_away(low_, high_, sign_, kFar * smallest_)) return;
  const Extremum extremum = extremum_toward_zero(low_, high_, sign_);
  const bool is_near = extremum.exists && sign_ * extremum.value <= kFar * smallest_;
  probe_ = low_.t + extremum.at * (high_.t - low_.t);
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
  if (high_.g == 0 && !rests(high_)) return find(high_, sign_after_);
  state_ = State::kBracket;
  last_step_ = 2 * std::abs(high_.t - low_.t);
  propose(high_);  // `low_` may be a root itself, the crossing before
}

/// The next time, from `point`, the end of the bracket that is new: a Newton step, but from an end that is not close
/// yet to the cubic's root, and to the middle if the steps do not become shorter.
void CrossingSearch::propose(const EventPoint& point) {
  const auto is_shorter = [&](double t) { return 2 * std::abs(t - point.t) <= last_step_; };
  double next = point.t - point.g / point.rate;
  const bool is_inside = direction_ * (next - low_.t) > 0 && direction_ * (high_.t - next) > 0;
  const bool is_there = std::abs(next - point.t) <= tolerance_;
  if (is_there)
    next = std::clamp(next, std::min(low_.t, high_.t), std::max(low_.t, high_.t));
  else if (num_probes_ == 0 || !is_inside || !is_shorter(next))
    next = root_between(low_, high_, sign_);
  if (rests(high_) || !is_shorter(next)) next = low_.t + (high_.t - low_.t) / 2;
  last_step_ = std::abs(next - point.t);
  probe_ = next;
  const bool is_narrow = std::abs(high_.t - low_.t) <= tolerance_;
  if (last_step_ <= tolerance_ || is_narrow || num_probes_ >= kMostProbes)
    find({.t = next, .g = point.g, .rate = point.rate}, sign_after_);
}

void CrossingSearch::take_in_bracket(const EventPoint& point) {
  if (point.g == 0 && !rests(point)) return find(point, sign_after_);
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
