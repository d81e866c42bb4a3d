// Convolutions of channels apart from each other, and the gradients of their weights.
#pragma once

#include <cstddef>

#include "costate/exec/kernels/kernels.h"

namespace costate::internal {

/// Whether each row meets one channel (depthwise, or one channel without neighbours), under a kernel of few taps in
/// rows and columns, in a tile of several lanes.
bool is_apart(const ConvTable& table, std::size_t lanes);

/// What convolve() makes of such a convolution, to the bit.
template <class T>
void convolve_apart(const Convolution<T>& convolution);

/// Whether each channel meets one row, likewise.
bool has_apart_sums(const ConvTable& table, std::size_t lanes);

/// What add_weight_sums() adds then, sums spread over a vector.
template <class T>
void add_apart_sums(const WeightSums<T>& sums);

}  // namespace costate::internal
