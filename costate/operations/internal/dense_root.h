// A root by a dense Jacobian: Newton's method, whose last linear system serves all derivatives.
#pragma once

#include "costate/operations/internal/traced_system.h"
#include "costate/operations/root.h"

namespace costate::internal {

/// As root() says. `guess` is a number: no derivative flows through it.
Array dense_root(const TracedSystem& system, const Array& guess, const RootOptions& options);

}  // namespace costate::internal
