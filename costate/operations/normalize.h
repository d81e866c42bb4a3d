// Layer and group normalization. Each is one pass over memory for the value and one for a derivative: of the operations
// that it is composed of, each would be a pass of its own, and would keep its result for the reverse sweep.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/graph/array.h"

namespace costate {

/// (x - mean) / sqrt(variance + eps) with the mean and the variance, divided by n and not n - 1, of the numbers along
/// `axes` (Ba, Kiros and Hinton 2016, arXiv:1607.06450). Derivatives of any order. InvalidArgument unless eps > 0 and
/// there is an axis; ShapeError for an axis that x does not have.
Array layer_norm(Operand x, std::vector<std::int64_t> axes, double eps = 1e-5);

/// The same for each of `groups` equal groups of neighbouring channels of x [C, …] (Wu and He 2018, arXiv:1803.08494).
/// InvalidArgument unless groups divide C, and eps > 0.
Array group_norm(Operand x, std::int64_t groups, double eps = 1e-5);

}  // namespace costate
