// When method "auto" goes over from its explicit method to its implicit one and back: pure arithmetic of one sample.
//
// The measure is h rho, with rho an estimate of the size of the largest eigenvalue of df/dy, in units of the explicit
// method's limit of stability: above about 1 an explicit step is held down by stability and not by its error.
//
//     explicit steps  rho = |k_last - k_s| / |y_last - y_s| over the two stages at t + h (Hairer and Wanner II, IV.2)
//     implicit steps  rho = min(|J|_1, |J|_inf), an upper bound: where it is low, explicit steps are stable
//
// One step says little: the explicit estimate is a difference quotient along one direction, and a stiff field also has
// stretches where it is not. So a switch takes several such steps, fewer ones on the way back, where the estimate is a
// bound.
#pragma once

namespace costate::internal {

struct StiffnessSwitch {
  bool is_explicit = true;
  int streak = 0;  // steps that spoke for the other method, less those since that did not
};

inline constexpr double kStiffAbove = 0.9;
inline constexpr int kStiffSteps = 10, kSoftSteps = 3;

/// Takes note of an accepted step with this measure; whether the next one is of the other method.
inline bool note_stiffness(StiffnessSwitch& state, double stiffness) {
  const bool is_stiff = stiffness > kStiffAbove, speaks_for_other = is_stiff == state.is_explicit;
  state.streak = speaks_for_other ? state.streak + 1 : state.streak > 0 ? state.streak - 1 : 0;
  if (state.streak < (state.is_explicit ? kStiffSteps : kSoftSteps)) return false;
  state = {.is_explicit = !state.is_explicit, .streak = 0};
  return true;
}

}  // namespace costate::internal
