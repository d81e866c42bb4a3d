// What a gradient by the adjoint costs, against the number of parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

/// Milliseconds of processor time, and how often the matrix was factorized for a gradient.
struct PanelCost {
  std::int64_t parameters = 0;
  double value = 0, gradient = 0;
  double forward = 0;  // the time of one tangent, times the parameters
  std::int64_t factorizations = 0;

  /// The reverse sweep alone, in units of assembly and solve.
  double reverse() const { return (gradient - value) / value; }
};

/// Of the lift of an airfoil with so many coefficients, an even number.
PanelCost panel_cost(std::int64_t panels, std::int64_t parameters);

Figure panel_cost_figure(const std::vector<PanelCost>& rows);

}  // namespace costate::experiments
