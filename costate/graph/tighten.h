// tighten: the same function, more exact. What is approximate is measured by what it becomes.
#pragma once

#include "costate/graph/graph.h"

namespace costate {

/// The function with each operation that approximates (a solve, its derivatives) at a tightened tolerance
/// (Extension::tightened). All else, inputs and outputs among it, is as it was.
Function tighten(const Function& function);

}  // namespace costate
