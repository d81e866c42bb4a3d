// What an attempt is said to be off by that must not be taken whatever its error: one that the controller tries again
// with half its size.
#pragma once

#include <algorithm>
#include <cmath>

#include "costate/solve/control/controller.h"

namespace costate {

inline double halving_error(const StepControl& control, int error_order) {
  return std::max(2.0, std::pow(2 * control.safety, error_order));
}

}  // namespace costate
