// Stops: times at which steps end, since the field bends or jumps there: knots of its inputs, and those that the user
// names. Slopes at a stop are one-sided. A step that ends there has its last slope evaluated a little before the stop,
// and one that begins there its first slope a little after it, so that a jump belongs to the step behind it, whichever
// way time runs, and whatever the field makes of t: a table that is held, a comparison that a user wrote. The last
// slope of the one step is therefore not the first of the next.
//
// A little is as little as is certain to change sides. Times go by rounding: a stop s is s up to 2 ulps of t, and a
// table that is read at a t + b has its knots at (knot - b) / a, which is as exact as |t| + |b / a| allows, here as in
// the field.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/array/shape.h"

namespace costate::internal {

struct StopRule {
  double inside = 4 * std::numeric_limits<double>::epsilon();  ///< of |stop| + offset: how far a side is from the stop
  double smallest = std::numeric_limits<double>::min();        ///< but at least so far: the stop may be 0

  /// t is at a stop that is no farther away than this. `scale` is the largest |b / a| of the tables; on a grid of fixed
  /// steps, whose times are sums of its ends and of steps, besides the larger of |t_0| and |t_end|.
  static double tolerance(double t, double scale) {
    constexpr double kUlps = 2 * std::numeric_limits<double>::epsilon();
    return std::max(kUlps * (std::abs(t) + scale), std::numeric_limits<double>::min());
  }
  /// The time at which the slope on one side of a stop is evaluated: later than it with direction 1, earlier with -1.
  double side(double stop, double offset, double direction) const {
    return stop + direction * std::max(inside * (std::abs(stop) + offset), smallest);
  }
};

/// For a field that reads t in `dtype`. In f32 an ulp is long; a table that is read at t itself needs no more than one.
inline StopRule stop_rule(Dtype dtype, bool reads_lines) {
  if (dtype == Dtype::kF64) return {.inside = (reads_lines ? 8 : 4) * std::numeric_limits<double>::epsilon()};
  return {.inside = (reads_lines ? 8 : 1) * static_cast<double>(std::numeric_limits<float>::epsilon()),
          .smallest = static_cast<double>(std::numeric_limits<float>::min())};
}

}  // namespace costate::internal
