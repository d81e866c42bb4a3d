// What derivatives of a linear_solve are written with: a solve by the factors that it has left.
#pragma once

#include <cstdint>

#include "costate/graph/array.h"

namespace costate::internal {

enum class System : std::uint8_t { kGiven, kTransposed };

/// y [n] with A y = b, or A^T y = b, differentiable to any order. `x`: of the linear_solve with the numbers of `a`,
/// whose factors serve; only time depends on it.
Array factored_solve(System system, const Array& a, const Array& x, const Array& b);

}  // namespace costate::internal
