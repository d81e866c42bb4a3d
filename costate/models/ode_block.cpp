#include "costate/models/ode_block.h"

#include <cmath>

#include "costate/base/error.h"
#include "costate/solve/solve.h"

namespace costate {

Array ode_block(const std::function<Array(Array t, Array z)>& field, const Array& x, const OdeBlockOptions& options) {
  if (!std::isfinite(options.end) || options.end == 0)
    throw InvalidArgument("[ode_block] the end must be finite and not 0; got ", options.end, ".");
  const Shape shape = x.shape();
  const VectorField slope = vector_field(shape, [&](Array t, Array z) { return field(t, z); });
  const Array times = constant(HostArray::vector({0.0, options.end}));
  return reshape(solve(slope, x, times, options.solve)[1], shape);
}

}  // namespace costate
