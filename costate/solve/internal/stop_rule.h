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

namespace costate::internal {

/// What of a table's read goes by the field's own numbers where these are f32, and not by f64 (time_part.h).
enum class ReadIn { kF64, kLookUpInF32, kQueryInF32 };

/// How a field reads the table, or compares, at a t + b, that a stop is a knot of.
struct StopKind {
  double offset = 0;     ///< b / a
  bool is_line = false;  ///< not at t itself
  ReadIn read = ReadIn::kF64;

  /// From the stop to its sides.
  double inside(double stop) const {
    constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
    constexpr double kEpsilonF32 = static_cast<double>(std::numeric_limits<float>::epsilon());
    const double size = std::abs(stop) + std::abs(offset);
    const double exact = (is_line ? 8 : 4) * kEpsilon * size;
    if (read == ReadIn::kF64) return std::max(exact, std::numeric_limits<double>::min());
    const double rounding = kEpsilonF32 * (read == ReadIn::kLookUpInF32 ? std::abs(stop + offset) : 8 * size);
    return std::max(exact + rounding, static_cast<double>(std::numeric_limits<float>::min()));
  }
};

/// t is at a stop that is no farther away than this. `scale` is the largest |b / a| of the tables; on a grid of fixed
/// steps, whose times are sums of its ends and of steps, besides the larger of |t_0| and |t_end|.
inline double stop_tolerance(double t, double scale) {
  constexpr double kUlps = 2 * std::numeric_limits<double>::epsilon();
  return std::max(kUlps * (std::abs(t) + scale), std::numeric_limits<double>::min());
}

}  // namespace costate::internal
