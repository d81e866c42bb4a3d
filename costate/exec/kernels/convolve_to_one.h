// Convolutions into one channel.
#pragma once

#include <cstddef>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// Whether each group of a convolution goes from many channels into one, under a kernel whose taps follow each other in
/// the image, in a tile of several lanes.
bool is_to_one(const ConvTable& table, std::size_t lanes);

/// What convolve() makes of such a convolution, to the bit.
template <class T>
void convolve_to_one(const Convolution<T>& convolution);

}  // namespace costate::internal
