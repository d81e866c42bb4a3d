// One sample, plain loops, f64: what a solve means. The lane driver must agree with it to rounding, so that the order
// of the arithmetic is part of this contract (fma(x, y, z) rounds x y + z once):
//
// Combination.  combine(w, k) = fma(w_n, k_n, … fma(w_2, k_2, w_1 k_1)), i ascending, over the i with w_i != 0 alone.
// Step.         From (t, y, h) to t_next: k_i = f(t_i, fma(h, combine(a_i, k), y)); t_i is t_next if c_i = 1, else
//               fma(c_i, h, t). y1 = fma(h, combine(b, k), y). k_0 is the last accepted step's closing stage.
// Error.        err = h combine(e, k); scale = fma(rtol, max(|y|, |y1|), atol); r = err / scale;
//               error = sqrt(sum / n), sum = fma(r, r, sum) with the state's elements ascending; NaN if y1 is not
//               finite. With rtols and atols each element has its own; n counts those that are controlled, and r of the
//               others is 0 (error_measure.h). part_rms: the largest error of a part. max: the largest |r|. Of a method
//               with a second companion: sqrt(companion_square(error error, low low)) with low the same of e_low.
// Dense.        y(t_out) = fma(h, combine(b(theta), k), y), theta = (t_out - t) / h, dense_weights() giving b(theta).
//               An output at t_next is y1 itself.
// Closing stage. Evaluated before the error test if the error estimate reads it, in an accepted step with dense output,
//               and otherwise only as k_0 of the next step: the last step of an Euler solve costs one evaluation.
//
// Adaptive steps (the method has an error estimate and no fixed step is asked for): they pass interior output times
// freely and are cut to end exactly at the next stop, or at the final time t_end. With `left` = that - t, a step with
// |left| <= 1.01 |h| ends there, h = left (Hairer's DOPRI5 stretches by 1 % likewise). A rejected step retries with h *
// factor, the accepted one's successor starts with it. After a step that ended at a stop and was accepted with factor
// >= 1 the successor starts with the h planned before the cut, if that is longer: a cut step says little about the
// next. Before all this |h| is raised to min_step and cut to max_step; if `left` is longer than max_step (1 + 2^-40), a
// step of h = left / 2 comes in place of one that would be stretched to it. A step of |h| <= 1.01 min_step that would
// be rejected is the last one, as kStepTooSmall (kNonFinite if its error is not finite), whatever the guard asks for;
// with AtMinStep::kAccept it is accepted if its error is finite, and the controller goes on as after the rejection.
//
// Stops (stop_rule.h). With near(t) = stop_tolerance(t), the next stop from t is the first one beyond t + near(t) in
// the direction of time, if that is before t_end - near(t_end). t is at a stop if some lie in t +- near(t): at the
// latest of them, with the largest of their distances `inside`. A step that starts at a stop has k_0 at stop +- inside,
// on the side that time reaches later, one that ends there has its stages with c_i = 1 on the other; its closing stage
// is not carried over. This holds for fixed steps, too, which no stop moves.
//
// Events (reference_events.h). Adaptive steps alone, after the error test. A NaN of g in a step ends the solve before
// it, as kNonFinite.
//
// First step. Not below 20 eps |t|, which moves t; the trial step neither.
//
// A step whose end has a number of `nonnegative` below 0 has at least the error that halves it, as below.
//
// Implicit methods. A step is what the context's `step` makes of the times of its nodes, h and y. The error is that of
// its estimate; where its Newton error is above kMostNewtonError, it is at least 2 and at least the one
// after which a rejected step is halved, (2 safety)^order, or with fixed steps the solve ends as kNoConvergence. f is
// evaluated by itself for the first step alone.
//
// Method "auto". Its steps are what `explicit_step` makes of them, or `step`, as StiffnessSwitch says, which takes note
// of each accepted one.
//
// Fixed steps: n equal steps in each interval [t_i, t_i+1]: h = (t_i+1 - t_i) / n; step m starts at fma(m, h, t_i), the
// last ends at t_i+1 exactly. n is steps_per_interval, or ceil(|t_i+1 - t_i| / step_size (1 - 2^-40)), at least 1: a
// step_size that divides the interval up to rounding adds no step.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "costate/solve/internal/field_stops.h"
#include "costate/solve/internal/reference_events.h"
#include "costate/solve/internal/reference_guard.h"
#include "costate/solve/internal/step_function.h"
#include "costate/solve/options.h"
#include "costate/solve/status.h"

namespace costate::internal {

/// Writes f(t, y) to dy.
using ReferenceRhs = std::function<void(double t, std::span<const double> y, std::span<double> dy)>;

/// What a StepFunction gives.
struct ReferenceStepOutputs {
  std::vector<double> y_next, error;
  double newton_error = 0, stiffness = 0;
  std::vector<std::vector<double>> dense;
};
using ReferenceStepper =
    std::function<ReferenceStepOutputs(std::span<const double> times, double h, std::span<const double> y)>;

/// What a solve makes of its field and options, and its reference is told.
struct ReferenceContext {
  std::vector<Stop> stops = {};                       ///< ascending
  double stop_scale = 0;                              ///< stop_tolerance's
  std::vector<std::size_t> part_offsets = {0};        ///< where each part of the state begins
  const ReferenceDerivatives* derivatives = nullptr;  ///< adaptive: the gradient guard's, which judges the steps, too
  const StepFunction* step = nullptr;                 ///< of implicit methods
  ReferenceStepper stepper = {};                      ///< which evaluates it
  const StepFunction* explicit_step = nullptr;        ///< the other step of a method that switches
  ReferenceStepper explicit_stepper = {};
  const ReferenceEvents* events = nullptr;  ///< adaptive
};

/// An accepted step: it starts at t and has size h (negative backward in time). It ends where the next one starts.
struct ReferenceStep {
  double t;
  double h;
};

struct ReferenceSolution {
  std::vector<std::vector<double>> states;  ///< [times, state]; NaN from where the solve failed
  Status status = Status::kOk;
  double t = 0;  ///< the time reached
  double h = 0;  ///< the step tried last
  std::int64_t nfe = 0;
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  std::vector<ReferenceStep> steps;
  std::vector<ReferenceEvent> events;
};

/// Solves y' = f(t, y), y(times[0]) = y0 and gives y at all `times`, which ascend or descend and may repeat.
///
/// kNonFinite: y0, f(t0, y0) or a fixed step's y1 is not finite, or steps shrank to nothing with errors that are not
/// finite. kNoConvergence: of a fixed step of an implicit method. kStepTooSmall: |h| <= 10 eps |t|, or less than
/// min_step, is asked for. kMaxSteps: max_steps attempts did not reach the end. Throws InvalidArgument for an empty y0,
/// and what check_options() and check_times() refuse. Of the options, `stop_at` and `gradient_steps` are for the
/// context, and those of a batch, of adjoints and of types say nothing here.
ReferenceSolution reference_solve(const ReferenceRhs& rhs, std::span<const double> y0, std::span<const double> times,
                                  const SolveOptions& options = {}, const ReferenceContext& context = {});

}  // namespace costate::internal
