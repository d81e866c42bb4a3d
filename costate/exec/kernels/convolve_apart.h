// Convolutions of channels apart from each other.
#pragma once

#include <cstddef>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// Whether each group of a convolution has one channel on either side (depthwise), under a kernel of 2, 3, 2 x 2 or
/// 3 x 3, in a tile of several lanes.
bool is_apart(const ConvTable& table, std::size_t lanes);

/// What convolve() makes of such a convolution, to the bit.
template <class T>
void convolve_apart(const Convolution<T>& convolution);

}  // namespace costate::internal
