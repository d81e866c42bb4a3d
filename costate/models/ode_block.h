// A solve as a layer, to be put between any two others: x -> z(end), where z' = f(t, z) and z(0) = x.
#pragma once

#include <functional>

#include "costate/graph/array.h"
#include "costate/solve/options.h"

namespace costate {

struct OdeBlockOptions {
  double end = 1;
  // Without the gradient guard: what is trained is the net that these steps make, and its gradient is exact for them.
  SolveOptions solve = {.rtol = 1e-3, .atol = 1e-3, .gradient_steps = GradientSteps::kOff};
};

/// Inside a trace: z(end) of z' = field(t, z), z(0) = x, in the shape of x, with whatever Parameters and Arrays of the
/// trace the field uses. InvalidArgument unless end is finite and not 0; ShapeError if the field gives another shape.
///
///     auto net = [&](Array image) { return head(ode_block(field, downsampling(image))); };
Array ode_block(const std::function<Array(Array t, Array z)>& field, const Array& x,
                const OdeBlockOptions& options = {});

}  // namespace costate
