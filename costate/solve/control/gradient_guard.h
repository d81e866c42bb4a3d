// The gradient guard: what keeps a solve's steps fit to be differentiated.
//
// Steps are chosen by the error of the state. Where the state rests, or moves along a curve that the method follows
// exactly, that error is 0 at any step size; steps grow beyond the method's stability, and the derivative of the steps
// that were taken, which the discrete adjoint gives exactly, has little to do with that of the solution: y' = -(y - 2)
// from y = 2 over T = 10 in 8 steps of dopri5 gives dy(T)/dy(0) = 176 instead of 4.5e-5. So a solve that will be
// differentiated also looks at how a small disturbance v of the state would fare. It costs little as long as it need
// not look closely:
//
// Ask.      At a sample's attempts 0, 4, 8, … (kAskEvery), at attempt 1 of large states, and after a step whose state
//           error was next to nothing (kSlackBelow), one vjp w = uᵀ J at the attempt's stage 1 measures the field's
//           Jacobian:  rate = max(|w|_rms / |u|_rms, |w|_max / |u|_max, rate / 2),  and u = w / |w|_rms + pattern / 2
//           for the next ask: power iteration with fresh noise. |uᵀ J| of a matrix that is not normal swings from ask to
//           ask, hence the memory. While |h| rate is at most the threshold, every disturbance is followed well enough,
//           and that is all that happens.
// Tangent.  From the first attempt on whose |h| rate is above, v is carried along: v' = J v through the stages of each
//           step, with the method's own error estimate of it, d. It starts as pattern. An ask finds that it may be
//           dropped if |h| rate <= threshold / 10.
// Test.     An attempt whose state passes, with |h| rate > threshold / 4, is rejected if, in any part of the state,
//           the root mean square of d_i / (rtol s_i) is above 1, with
//           s_i = max(|v_i|, |v1_i|, exp(-|h| rate) times s_i of the step before, floor): v is relative to itself, but
//           no more exact where it crosses 0 (nothing decays faster than the rate), and what has decayed below the
//           floor needs no more than that the method damps it. Without the lower limit on |h| rate, a kink of the
//           field (relu) would shrink steps to rtol.
// Fresh.    After an accepted step v_i = v1_i + 0.1 rtol s_i pattern_i: disturbances that begin later (by a parameter,
//           by an output) meet the later steps.
// Inputs.   Where the field reads t and has arguments or Parameters, a second tangent p, p' = J p + (df/d arguments)
//           pattern, p = 0 at first, is carried from an accepted step on whose state error
//           is below 1e-4, until one is above 0.1: a state at rest does not show what the field's inputs do (the
//           amplitude of a force that is 0 so far). Its test is the same, at any |h| rate.
//
// The numbers of `pattern` are random, of either sign and of sizes from 0.5 to 1.5: with equal sizes, symmetric systems
// have disturbances that it is blind to. Everything is a sample's own; under joint control all have the largest rate
// and the largest ratio of the batch. The guard only ever shortens steps, and where it does not, all bits are those of
// a solve without it. Lanes decide in f64. reference_solve() defines the arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "costate/solve/methods/tableau.h"

namespace costate::internal::guard {

inline constexpr std::int64_t kAskEvery = 4;
inline constexpr std::size_t kLargeState = 8;  // numbers: with more, one random vector can miss most of a mode
inline constexpr double kDropBelow = 0.1, kTestAbove = 0.25;  // of the threshold
inline constexpr double kMendAbove = 4;  // of the threshold: there, a shorter step may mend a disturbance not finite
inline constexpr double kFresh = 0.1;
inline constexpr double kSlackBelow = 1e-4, kSlackUntil = 0.1;  // errors of the state, in tolerances
inline constexpr double kRescaleAbove = 0x1p40;                 // a growing tangent is scaled back, lest it overflow

/// Whether the attempt that follows `attempts` earlier ones asks, of a state of so many numbers.
inline bool is_ask(std::int64_t attempts, std::size_t state_size) {
  return attempts % kAskEvery == 0 || (attempts == 1 && state_size > kLargeState);
}

/// What the guard of a solve holds disturbances to. `rounding` is the epsilon of the type that the solve computes in.
struct Limits {
  Limits(const Tableau& tableau, double rtol, double atol, double rounding);

  double rtol;  // of a step, relative to s_i: the solve's, or its atol where that is 0
  /// |h| rate up to which a step follows every disturbance: where the method's error estimate for v' = -rate v is ten
  /// times rtol, relative to v at the step's end, and more for steps that are a large part of the solve: 2, 5 or 10
  /// times that from a fifth, 0.45 and 0.9 of the span. The error itself is 1/7 (rtol 1e-6) to 1/2 (1e-3) of this.
  double threshold(double share) const { return thresholds[share < 0.2 ? 0 : share < 0.45 ? 1 : share < 0.9 ? 2 : 3]; }
  double thresholds[4];
  /// What the ratio of a disturbance's error to rtol may be.
  static double allowance(double share) { return std::max(1.0, 30 * share); }
  /// Disturbances below these, relative to what v began with and to its largest number, need not be followed: a
  /// gradient below the first is not told from 0 by atol; below the second, the rounding of a larger number would be
  /// taken for an error.
  double floor_of_start, floor_of_largest;

  double floor(double largest, double start) const {
    return std::max(floor_of_start * std::max(largest, start), floor_of_largest * largest);
  }
};

/// The larger one; NaN if one is.
inline double larger(double x, double y) { return x >= y || std::isnan(x) ? x : y; }

/// Number `index` of the pattern of the state (stream 0) or of argument stream - 1.
double pattern(std::uint64_t stream, std::size_t index);

}  // namespace costate::internal::guard
