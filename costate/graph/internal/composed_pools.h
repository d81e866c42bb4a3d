// Pools made of other operations, for targets that have no kernel of their own for them: generated source, CUDA.
#pragma once

#include "costate/graph/graph.h"

namespace costate::internal {

/// The same function of gathers, scatters, maxima, sums and selections in place of pools.
Function compose_pools(const Function& function);

}  // namespace costate::internal
