// How a solve of one sample ended. A numerical outcome is a value, not an exception.
#pragma once

#include <string_view>

namespace costate {

enum class Status {
  kOk,
  kMaxSteps,       ///< more attempted steps than max_steps
  kStepTooSmall,   ///< the error test asks for a step that no longer moves t
  kNonFinite,      ///< the state or its derivative is inf or NaN
  kInvalidTimes,   ///< times that a program computes are not finite, or neither ascend nor descend
  kCoarseTimes,    ///< the field reads t in f32, which cannot tell its times apart: subtract times[0] from times, and
                   ///< shift the field
  kNoConvergence,  ///< Newton's method does not solve the equations of an implicit step whose size is given
};

/// "ok", "max_steps", "step_too_small", "non_finite", "invalid_times", "coarse_times", "no_convergence".
constexpr std::string_view name(Status status) {
  constexpr std::string_view kNames[] = {
      "ok", "max_steps", "step_too_small", "non_finite", "invalid_times", "coarse_times", "no_convergence"};
  return kNames[static_cast<int>(status)];
}

}  // namespace costate
