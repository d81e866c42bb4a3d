// A Function that nothing was traced into: Function(), or one that was moved from.
#pragma once

#include <string_view>

#include "costate/graph/graph.h"

namespace costate::internal {

/// InvalidArgument, from `who`, if the function is empty.
void refuse_empty(const Function& function, std::string_view who);

}  // namespace costate::internal
