// What every Function must be, checked node by node: for tests, and for whoever builds graphs by hand.
#pragma once

#include "costate/graph/graph.h"

namespace costate {

/// InternalError, naming the node, unless operands come before their readers, shapes are those that inference gives,
/// inputs and constants have the numbers that they need, and outputs exist.
void verify(const Function& function);

}  // namespace costate
