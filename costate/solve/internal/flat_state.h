// The state of a field as solvers hold it: its parts flattened and put one after the other, [state].
#pragma once

#include <span>
#include <vector>

#include "costate/graph/array.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

/// Inside a trace: the parts of a flat state, each in its own shape.
std::vector<Array> split_state(const Array& flat, std::span<const StatePart> parts);

/// Inside a trace: the flat state of parts of any shape.
Array join_state(std::span<const Array> parts);

}  // namespace costate::internal
