// A Function as text, one node a line, for people.
#pragma once

#include <string>

#include "costate/graph/graph.h"

namespace costate {

/// Inputs, nodes (`%3 [64] = tanh %2`) and outputs.
std::string to_string(const Function& function);

}  // namespace costate
