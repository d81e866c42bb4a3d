// Where steps that are chosen by their error end, and when one is too short: for lanes, the reference solver, CUDA
// kernels and exported sources alike.
#pragma once

#include <limits>

namespace costate {

/// A step that would end within 1 % of its size before an output time or a stop is stretched to it:
/// |left| <= kNearEnd |h|.
inline constexpr double kNearEnd = 1.01;

/// Steps of at most this times |t| no longer move t.
inline constexpr double kSmallestStep = 10 * std::numeric_limits<double>::epsilon();

/// Lengths that differ by less than this share are equal but for rounding, so that no step more is taken.
inline constexpr double kLengthRounding = 0x1p-40;

}  // namespace costate
