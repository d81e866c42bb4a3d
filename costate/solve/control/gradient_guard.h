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
//           error was next to nothing (shows_nothing), one vjp w = uᵀ J at the attempt's stage 1 measures the field's
//           Jacobian:  rate = max(|w|_rms / |u|_rms, |w|_max / |u|_max, rate / 2),  and u = w / |w|_rms + pattern / 2
//           for the next ask: power iteration with fresh noise. |uᵀ J| of a matrix that is not normal swings from ask
//           to ask, hence the memory. While |h| rate is at most the threshold, every disturbance is followed well
//           enough, and that is all that happens.
// Trial.    An attempt above the threshold, whose state passes, carries a disturbance `pattern` through its stages:
//           v' = J v, with the method's own error estimate of it, d. If in each part of the state the root mean square
//           of d_i / (rtol s_i), s_i = max(|v_i|, |v1_i|, floor), times growth(), is at most what the threshold stands
//           for, all disturbances are followed well enough here, too, and attempts are above the threshold from then on
//           only where their |h| rate is above that of this one, times the root of what was left. This lasts until the
//           sample's next attempt 32, 64, … (kTryEvery). Most solves whose state moves need a few trials and no more.
// Carrying. Otherwise v is carried along from this attempt on, and its error decides with the state's. An attempt is
//           rejected if the root mean square is above max(2, 30 share), share being the step's part of the solve's
//           span: a solve of few steps may make larger errors in each. Modes that have decayed need no more than that
//           the method damps them, which is what stiff systems are about. So now
//           s_i = max(|v_i|, |v1_i|, exp(-|h| rate) times s_i of the step before, floor): v is relative to itself, but
//           no more exact where it crosses 0 (nothing decays faster than the rate). At attempts 128, 256, … a trial
//           tells whether v may be dropped; an ask drops it if |h| rate is below a tenth of the threshold. It does not
//           count below a quarter of the threshold: a kink of the field (relu) would shrink steps to rtol.
// Fresh.    After an accepted step v_i = v1_i +- 0.1 rtol s_i pattern_i: disturbances that begin later (by a parameter,
//           by an output) meet the later steps. The sign is that of what d_i says of v1_i at the limit of stability, so
//           that it adds to the fastest mode: of one sign, what is added step by step can hold that mode in place while
//           the method lets it grow, and steps beyond stability go on for ever (a gradient off by 1e31 times
//           what is allowed, after 1,300 steps beside numbers that are conserved).
// Silence.  After a step whose state error was next to nothing (shows_nothing) the state does not show what the
//           field does over time, nor does J at one time: v is carried, and its error decides at any |h| rate. So does
//           that of a second tangent p, if the field has arguments or Parameters: p' = J p + (df/d arguments) pattern,
//           p = 0 at first (the amplitude of a force that is 0 so far). p is dropped at a state error above 0.1. Both
//           are held to 1 instead of 30 share, and no such step is longer than a tenth of the span, lest it pass over
//           all.
//
// Kinks.    Of a field that has them along the state (relu, abs, max, a comparison), all stages of a disturbance take
//           the Jacobian of stage 1: the linear field between two kinks is followed, which is what rest is about. What
//           a kink within the step does to a derivative falls with h only, not with its powers. Steps short enough for
//           it took seven times the time of a gradient of a convolutional field at rtol 1e-3, and were still 30 rtol
//           off.
//
// No test counts for a step of min_step, since a shorter one is not allowed. Where it is accepted with a state error
// above 1, disturbances are dropped: no step was fit to follow them.
//
// No test counts below |h| = rtol times the solve's span, or rtol² where the |h| rate asks for it: at a jump of a
// derivative no step is short enough. Derivatives that are not finite are left alone, after four rejections in a row if
// a shorter step might have mended them.
//
// Implicit methods. What asks for one is stiff: |h| rate is above any threshold, and says nothing. So v is carried from
// the first attempt on and its error always decides, d and v1 being the tangents of the step's own estimate and end
// along v (the jvp of its Function); s_i falls by at most kFading in a step, and where the state shows something it may
// be off by more (leeway()). Fields with kinks along the state are left alone.
//
// Tolerances of the numbers, where they differ: each is followed to its own in place of rtol, and thresholds stand for
// the smallest. A number that is not controlled is not disturbed, and what becomes of it counts nowhere.
//
// The numbers of `pattern` are random, of either sign and of sizes from 0.5 to 1.5: with equal sizes, symmetric systems
// have disturbances that it is blind to. Everything is a sample's own; under joint control all that share their steps
// have the largest rate and the largest ratio. The guard only ever shortens steps, and where it does not, all bits are
// those of a solve without it. Lanes decide in f64. reference_solve() defines the arithmetic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "costate/solve/methods/tableau.h"

namespace costate::internal::guard {

inline constexpr std::int64_t kAskEvery = 4, kTryEvery = 32, kTryCarriedEvery = 128;
inline constexpr std::size_t kLargeState = 8;  // numbers: with more, one random vector can miss most of a mode
inline constexpr double kDropBelow = 0.1, kTestAbove = 0.25;  // of the threshold
inline constexpr double kMendAbove = 4;  // of the threshold: there, a shorter step may mend a disturbance not finite
inline constexpr int kMostMendings = 4;
inline constexpr double kFresh = 0.1;
inline constexpr double kFading = 0.1;
// What an error estimate may be, in units of rtol, of a step that is tried: at least kTried, and of a step that is a
// share of the solve's span kTriedByShare times it, at most kMostTried, times estimate_over_error. Of a disturbance
// that is carried: at least kCarried, and kCarriedByShare times the share.
inline constexpr double kTried = 10, kTriedByShare = 200, kMostTried = 100;
inline constexpr double kCarried = 2, kCarriedByShare = 30;
inline constexpr double kLongestSilent = 0.1;     // of the span: the step after one that showed nothing
inline constexpr double kWatchInputsUntil = 0.1;  // an error of the state, in tolerances
inline constexpr double kRescaleAbove = 0x1p40;   // a growing tangent is scaled back, lest it overflow

/// Whether the attempt that follows `attempts` earlier ones asks, of a state of so many numbers.
inline bool is_ask(std::int64_t attempts, std::size_t state_size) {
  return attempts % kAskEvery == 0 || (attempts == 1 && state_size > kLargeState);
}

/// What a disturbance of one number is followed to, relative to s_i: the number's rtol, or its atol where that is 0.
double disturbance_rtol(double rtol, double atol, double rounding);

/// What the error of a disturbance may be of an implicit step whose state shows something, in units of what it may be
/// elsewhere: in each step, and of the whole solve, which its steps share. The state moves, and its own error shortens
/// the steps; the estimates are above the errors, of radau5 by the most and of diagonally implicit methods by the
/// least. Found by trial (docs/speed.md, "Stiff systems").
struct Leeway {
  double of_step = 1, of_solve = 1;
};
Leeway leeway(Method method);

/// What the guard of a solve holds disturbances to. `rounding` is the epsilon of the type that the solve computes in.
struct Limits {
  Limits(const Tableau& tableau, double rtol, double atol, double rounding);

  double rtol;  // disturbance_rtol of the solve
  /// The error estimate, in units of rtol, up to which a step follows its disturbances well enough: ten, and more for
  /// steps that are a large part of the solve, of which few can add up, the more so at small rtol: the error itself is
  /// of one order more, 1/2 of the estimate at rtol 1e-3 and 1/7 at 1e-6.
  double tried(double share) const {
    return std::max(kTried, estimate_over_error * std::min(kTriedByShare * share, kMostTried));
  }
  /// |h| rate up to which this holds for whatever field: where v' = -rate v has that estimate, relative to v at the
  /// step's end. Between the shares of kShares on a line, which lies below the curve where more than ten are allowed.
  double threshold(double share) const {
    std::size_t i = std::size(kShares) - 1;
    while (i > 0 && share < kShares[i]) --i;
    if (i + 1 == std::size(kShares)) return thresholds[i];
    return thresholds[i] + (thresholds[i + 1] - thresholds[i]) * (share - kShares[i]) / (kShares[i + 1] - kShares[i]);
  }
  /// The estimate, in units of rtol, that a disturbance may have that is carried along.
  static double carried(double share, bool is_silent, const Leeway& more) {
    return is_silent ? more.of_step : std::max(kCarried * more.of_step, kCarriedByShare * more.of_solve * share);
  }
  /// Whether a step with this error of the state, in tolerances, shows nothing of the field: one ten times as long,
  /// which is the most that a controller tries, would be accepted, too. Rounding makes errors, too: where the error may
  /// be one of them (may_be_rounding), the slope tells. `bend`, in tolerances, is what its change over the step
  /// (bend_weights) moves the state by; at rest and on straight lines rounding makes it, a hundredth of straight_until
  /// at |h| rate 1.
  bool shows_nothing(double error, double bend) const {
    return error < silent_below || (may_be_rounding(error) && bend <= straight_until);
  }
  bool may_be_rounding(double error) const { return error >= silent_below && error < rounding_below; }
  double silent_below, rounding_below, straight_until;
  /// Disturbances below these, relative to what v began with and to its largest number, need not be followed: a
  /// gradient below the first is not told from 0 by atol; below the second, the rounding of a larger number would be
  /// taken for an error.
  double floor_of_start, floor_of_largest;
  /// Of v' = z v where the method no longer damps it: 1 if error estimate and end are of one sign, or -1.
  double sign_of_error = 1;

  static constexpr double kShares[] = {0, 0.02, 0.05, 0.1, 0.25, 0.5};
  double estimate_over_error = 1, thresholds[std::size(kShares)] = {};
  double floor(double largest, double start) const {
    return std::max(floor_of_start * std::max(largest, start), floor_of_largest * largest);
  }
};

/// What an error estimate is multiplied by where the disturbance's largest number grew from `before` to `after`: of
/// what grows as exp(z) in a step, an estimate relative to its end sees little, and nothing near z = 5.
inline double growth(double before, double after) { return before > 0 ? std::max(1.0, after / before) : 1; }

/// The |h| rate that needs no trial after one at `steepness` with `ratio` times the estimate that is allowed.
inline double reach(double steepness, double ratio, int error_order) {
  return steepness * std::clamp(std::pow(ratio, -1.0 / error_order), 1.0, 2.0);
}

/// Whether the error of a disturbance decides on a step of this share of the span.
struct Occasion {
  double share = 0;
  bool is_steep = false;   ///< |h| rate is above kTestAbove of the threshold
  bool is_silent = false;  ///< the state shows nothing
};
inline bool counts(const Occasion& occasion, double rtol) {
  return (occasion.is_silent && occasion.share > rtol) || (occasion.is_steep && occasion.share > rtol * rtol);
}

/// The error of a step of this share of the span after which the controller takes a tenth of the span.
inline double silence(double share, int error_order) {
  return share > kLongestSilent ? std::pow(share / kLongestSilent, error_order) : 0;
}

/// The larger one; NaN if one is.
inline double larger(double x, double y) { return x >= y || std::isnan(x) ? x : y; }

/// Weights of a step's slopes that give their change over the step: the last one that the error reads less the first.
std::vector<double> bend_weights(const Tableau& tableau);

/// Number `index` of the pattern of the state (stream 0) or of argument stream - 1.
double pattern(std::uint64_t stream, std::size_t index);

}  // namespace costate::internal::guard
