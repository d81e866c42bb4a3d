#include "costate/solve/control/controller.h"

#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"

namespace costate {
namespace {

constexpr std::size_t kChunk = 64;

/// factor = safety * exp(-exponent / error_order): one exponential and two logarithms cost less than two powers.
void find_factors(const StepControl& control, int error_order, std::span<const ControlState> states,
                  std::span<const double> errors, double* factors) {
  double numbers[2 * kChunk], logs[2 * kChunk];
  const std::size_t count = errors.size();
  for (std::size_t i = 0; i < count; ++i) {
    const bool has_log = std::isfinite(errors[i]) && errors[i] > 0;
    numbers[i] = has_log ? errors[i] : 1.0;
    numbers[count + i] = states[i].previous_error;
  }
  internal::unary_kernel<double>(Op::kLog)(numbers, logs, 2 * count);
  const double scale = -1.0 / error_order;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_rejected = errors[i] > 1;
    factors[i] = scale * (is_rejected ? logs[i] : control.beta1 * logs[i] + control.beta2 * logs[count + i]);
  }
  internal::unary_kernel<double>(Op::kExp)(factors, factors, count);
  for (std::size_t i = 0; i < count; ++i) factors[i] *= control.safety;
}

/// Values chosen, not branches taken: neighbouring samples decide differently.
StepDecision decide(const StepControl& control, const ControlState& state, double error, double factor) {
  const bool accepted = error <= 1;
  const double largest = state.after_reject ? control.factor_max_after_reject : control.factor_max;
  const double retry = state.after_reject ? control.factor_rejected_again : control.factor_rejected;
  const double upper = accepted ? largest : retry;
  const double lower = accepted ? std::min(control.factor_min_accepted, largest) : control.factor_min;
  double chosen = std::min(std::max(factor, lower), upper);
  chosen = error == 0 ? largest : chosen;
  chosen = std::isfinite(error) ? chosen : control.factor_min;
  const double previous = accepted ? std::max(error, control.previous_floor) : state.previous_error;
  return {accepted, chosen, {.previous_error = previous, .after_reject = !accepted}};
}

}  // namespace

void decide_steps(const StepControl& control, int error_order, std::span<const ControlState> states,
                  std::span<const double> errors, std::span<StepDecision> decisions) {
  double factors[kChunk];
  for (std::size_t first = 0; first < errors.size(); first += kChunk) {
    const std::size_t count = std::min(kChunk, errors.size() - first);
    find_factors(control, error_order, states.subspan(first, count), errors.subspan(first, count), factors);
    for (std::size_t i = first; i < first + count; ++i)
      decisions[i] = decide(control, states[i], errors[i], factors[i - first]);
  }
}

StepDecision decide_step(const StepControl& control, const ControlState& state, double error, int error_order) {
  StepDecision decision{};
  decide_steps(control, error_order, std::span(&state, 1), std::span(&error, 1), std::span(&decision, 1));
  return decision;
}

}  // namespace costate
