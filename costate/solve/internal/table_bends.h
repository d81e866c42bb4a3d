// At which knots a table of known numbers bends or jumps.
#pragma once

#include <span>
#include <vector>

#include "costate/operations/interpolate.h"

namespace costate::internal {

/// For each of the times [n] whether the derivative of this order in time of the interpolated values [n, m] jumps there
/// or bends. Of times that are repeated at the end the first counts.
std::vector<bool> find_bends(Interpolation interpolation, int order, std::span<const double> times,
                             std::span<const double> values);

}  // namespace costate::internal
