// Pictures of viscous flows.
#pragma once

#include <string>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

/// The outline of the shape, closed.
Curve shape_curve(const Curve& style, const FoundViscousFlow& flow);

/// Where psi = level, in pieces a triangle of the grid long.
Curve streamline(const Curve& style, const FoundViscousFlow& flow, double level);

/// The shape with streamlines around it; `half_width` is what is shown on each side of its middle.
Figure flow_figure(const std::string& title, const FoundViscousFlow& flow, double half_width);

}  // namespace costate::experiments
