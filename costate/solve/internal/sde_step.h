// The steps of SDE methods as a field of the graph, phi(t, z) = (z1 - z) / h, which Euler's rule takes from each step's
// start: z + h phi = z1.
#pragma once

#include <memory>

#include "costate/solve/internal/sde_noise.h"
#include "costate/solve/sde.h"

namespace costate::internal {

/// Evaluations of f in a step.
int drift_evaluations(SdeMethod method, const StochasticField& field);

/// InvalidArgument for a method that is not for this noise, with one that is.
void check_noise(SdeMethod method, const StochasticField& field);

/// The field's arguments are those of the SDE, then the path's name [2]. It has the state as a vector.
VectorField sde_step_field(SdeMethod method, const StochasticField& field, const std::shared_ptr<const SdeGrid>& grid);

}  // namespace costate::internal
