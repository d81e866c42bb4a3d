// Numbers as a constant of a trace.
#pragma once

#include <vector>

#include "costate/graph/array.h"

namespace costate::internal {

inline Array vector_of(const std::vector<double>& numbers) { return constant(HostArray::vector(numbers)); }

}  // namespace costate::internal
