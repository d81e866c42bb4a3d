// Polynomials through numbers at Chebyshev's extreme points, by their coefficients of T_0, T_1, …
#pragma once

#include <vector>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"

namespace costate::internal {

/// The points on [0, 1], ascending from 0 to 1, `count` of them.
std::vector<double> chebyshev_points(int count);

/// The matrix [count, count] that makes coefficients of numbers at the points.
HostArray chebyshev_matrix(int count);

/// Inside a trace: T_0 … T_(count - 1) [count] at a place [] of [0, 1].
Array chebyshev_basis(const Array& place, int count);

}  // namespace costate::internal
