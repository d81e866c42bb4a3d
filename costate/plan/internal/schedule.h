// Between selection and layout: instructions in an order in which more of them run together (plan/strips.h).
#pragma once

#include "costate/plan/internal/select.h"

namespace costate::internal {

/// The selection with large scatters moved behind all that does not depend on them. The cotangents of a stencil's
/// neighbours are scatters between elementwise instructions of other sizes: so both kinds stand together.
Selection gather_scatters(Selection selection);

}  // namespace costate::internal
