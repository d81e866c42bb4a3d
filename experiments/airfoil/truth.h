// The gradient of the panel method by complex steps, through code of its own: plain loops over complex numbers.
#pragma once

#include "costate/costate.h"

namespace costate::experiments {

/// The loss whose gradients are compared: lift, moment, area and every pressure have a part in it.
/// Inputs: coefficients [2 modes] and the angle.
Function test_loss(const AirfoilShape& shape);

/// d test_loss / d (coefficients, angle) at numbers [2 modes + 1] by dL/dx = Im L(x + i h) / h, h = 1e-30: no
/// difference, so no cancellation (Squire and Trapp 1998).
std::vector<double> complex_step_gradient(const AirfoilShape& shape, const std::vector<double>& at);

}  // namespace costate::experiments
