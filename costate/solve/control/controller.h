// Step-size control as pure functions of numbers: one call for one attempted step of one sample. No state hides here,
// so that a driver can keep one ControlState a lane, or one for the whole batch.
//
// The error of an attempted step is the norm, root mean square over the state, of err_i / (atol + rtol max(|y0_i|,
// |y1_i|)). The step is accepted if that is at most 1. With k the error estimate's order (err = O(h^k)), the next step
// is h times
//
//     factor = clamp(safety * error^(-beta1 / k) * previous^(-beta2 / k) * before^(-beta3 / k), lower, upper)
//
// where `previous` is the error of the last accepted step and `before` that of the one before it. beta1 = 1, beta2 =
// beta3 = 0 is the elementary (I) controller; beta2 < 0 damps the sequence of steps (PI), beta3 makes it a PID one. Of
// gains p, i and d of the proportional, integral and derivative part (diffrax's pcoeff, icoeff, dcoeff) beta1 is the
// sum, beta2 = -(p + 2 d) and beta3 = d. After a rejection the elementary rule sets the retry.
//
// Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.4; Gustafsson, ACM TOMS 17 (1991) 533-554;
// Hairer and Wanner, Solving Ordinary Differential Equations II, IV.2; Soederlind, ACM TOMS 29 (2003) 1-26.
#pragma once

#include <cstddef>

namespace costate {

/// What chooses the first step where none is given (control/initial_step.h): the method's error estimate, or the order
/// alone, as Hairer, Norsett and Wanner do.
enum class FirstStep { kOfMethod, kHairers };

/// How a step size follows the error. beta1 and beta2 are Hairer's for DOPRI5, whose beta = 0.04 is beta2 = -0.2, beta1
/// = 0.85 here. His `previous` starts at 1e-4, and may become as small: after steps far below the tolerance that holds
/// the growth back by a third, where there is nothing to damp.
struct StepControl {
  double safety = 0.9;
  double factor_min = 0.2;             ///< a rejected step shrinks at most to this
  double factor_min_accepted = 0.2;    ///< the same after an accepted step
  double factor_rejected = 0.8;        ///< a rejected step shrinks at least to this
  double factor_rejected_again = 0.5;  ///< the same if the attempt before was rejected, too: err is not O(h^k) here
  double factor_max = 10.0;            ///< an accepted step grows at most by this
  double factor_max_after_reject = 1;  ///< the same for the step accepted right after a rejection
  double beta1 = 0.85;
  double beta2 = -0.2;
  double beta3 = 0;
  double previous_floor = 0.01;  ///< `previous` and `before` are never taken smaller
  FirstStep first_step_rule = FirstStep::kOfMethod;

  /// torchdiffeq's rule: elementary controller; an accepted step never shrinks; Hairer's first step.
  static constexpr StepControl torchdiffeq() {
    return {.factor_min_accepted = 1,
            .factor_rejected = 1,
            .factor_rejected_again = 1,
            .factor_max_after_reject = 10,
            .beta1 = 1,
            .beta2 = 0,
            .first_step_rule = FirstStep::kHairers};
  }

  bool operator==(const StepControl&) const = default;
};

/// What the controller remembers between steps of one sample. Starts as ControlState{}.
struct ControlState {
  double previous_log = 0;  ///< logarithm of the last accepted error; at first, what makes the rule elementary
  double before_log = 0;    ///< of the one before that, where beta3 asks for it
  bool after_reject = false;

  bool operator==(const ControlState&) const = default;
};

struct StepDecision {
  bool accepted;
  double factor;  ///< next h = h * factor
  ControlState next;
};

/// Decides on one attempted step. `error_order` is Tableau::error_order().
/// An error of 0 gives the largest growth. NaN or inf rejects the step with factor_min.
StepDecision decide_step(const StepControl& control, const ControlState& state, double error, int error_order);

/// Samples side by side, [count] each; conditions are 0 or 1.
struct StepDecisions {
  const double* error;
  double* previous_log;  // ControlState, before and after
  double* before_log;
  double* after_reject;
  double* accepted;
  double* factor;
};

/// decide_step, to the bit, for many samples: on a small system's step, one by one would take longer than the field.
void decide_steps(const StepControl& control, int error_order, const StepDecisions& samples, std::size_t count);

}  // namespace costate
