// The gradient of a viscous flow against differences, and what it costs.
#pragma once

#include <cstdint>

#include "costate/costate.h"

namespace costate::experiments {

/// A rounded Joukowski airfoil, and the angle of the free stream that the experiment has it at, in radians.
HostArray test_airfoil();
constexpr double kTestAngle = 0.1;

/// What check_gradient finds of drag and lift by the coefficients of the design's first shape and the angle.
struct FlowGradientCheck {
  GradientCheck check;
  double error = 0;  // by each of them alone: the largest distance from a difference, of 1 + its size
};
FlowGradientCheck check_flow_gradient(const PolarGrid& grid, double reynolds);

/// Seconds of processor time; the flow begins from the potential one.
struct FlowCost {
  std::int64_t unknowns = 0, parameters = 0;
  double compilation = 0;  // of the first run, in which the program is made, beyond the time of another
  double value = 0, gradient = 0;
  std::int64_t flow_factorizations = 0, gradient_factorizations = 0;

  /// The adjoint alone, in units of a flow.
  double adjoint() const { return (gradient - value) / value; }
};
FlowCost flow_cost(const PolarGrid& grid, double reynolds);

}  // namespace costate::experiments
