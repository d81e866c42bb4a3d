#include "costate/solve/control/controller.h"

#include <algorithm>
#include <cmath>

namespace costate {

StepDecision decide_step(const StepControl& control, const ControlState& state, double error, int error_order) {
  const ControlState rejected{.previous_error = state.previous_error, .after_reject = true};
  if (!std::isfinite(error)) return {false, control.factor_min, rejected};
  if (error > 1) {
    const double factor = control.safety * std::pow(error, -1.0 / error_order);
    // At most 1: safety may exceed it, but the same step would be rejected again.
    return {false, std::clamp(factor, control.factor_min, 1.0), rejected};
  }
  const ControlState accepted{.previous_error = std::max(error, control.previous_floor), .after_reject = false};
  const double largest = state.after_reject ? control.factor_max_after_reject : control.factor_max;
  const double smallest = std::min(control.factor_min_accepted, largest);
  if (error == 0) return {true, largest, accepted};
  // One exponential and two logarithms: two powers cost more, and a small system's step is not much longer.
  const double exponent = control.beta1 * std::log(error) + control.beta2 * std::log(state.previous_error);
  const double factor = control.safety * std::exp(-exponent / error_order);
  return {true, std::clamp(factor, smallest, largest), accepted};
}

}  // namespace costate
