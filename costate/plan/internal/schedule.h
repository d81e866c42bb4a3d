// Between selection and layout: instructions in an order in which more of them run together (plan/strips.h).
#pragma once

#include "costate/plan/internal/select.h"

namespace costate::internal {

/// The selection with what may run in strips side by side: instructions that may not go before it, or behind it if
/// they depend on it.
Selection gather_strips(Selection selection);

}  // namespace costate::internal
