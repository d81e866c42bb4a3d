// Arrays of normal numbers: noise of data, of latent states, of flows.
#pragma once

#include <cstdint>

#include "costate/array/host_array.h"
#include "costate/base/random.h"

namespace costate {

/// Standard normal numbers, f64. Element i, in the array's own order, is random.normal(stream, i), so that a longer
/// array begins with a shorter one.
HostArray normal_numbers(const Shape& shape, const Random& random, std::uint64_t stream);

}  // namespace costate
