// Elementwise operations as C expressions.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "costate/graph/ops.h"

namespace costate::internal {

/// Of operands that are names, elements of arrays, numbers or stand in parentheses; `helper` gives what the function of
/// an operation without an operator of its own is called.
std::string c_expression(Op op, const std::vector<std::string>& operands,
                         const std::function<std::string(const std::string&)>& helper);

}  // namespace costate::internal
