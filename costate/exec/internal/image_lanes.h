// How many samples a tile takes where they are few, or images, whose values fill a cache with few samples. It changes
// no bit of a sample.
#pragma once

#include <algorithm>
#include <cstddef>

#include "costate/exec/kernels/image_bytes.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// Batches of up to so many samples run one by one, with features in the vectors; larger ones with samples in lanes.
inline constexpr std::size_t kMostAlone = 2;

/// Numbers in the largest image of a sample that a convolution of the function reads or writes, those of its extensions
/// included; 0 if there is none.
std::size_t largest_image(const Function& function);

/// As many lanes of a tile for `batch` samples, up to `lanes`, as let its largest image fit into kImageBytes; at least
/// one vector. Convolutions compute as fast with one vector as with more. A few samples that would leave most of a
/// vector empty run one by one where images are so large that channels and pixels fill vectors instead.
template <class T>
std::size_t lanes_for_images(std::size_t batch, std::size_t lanes, std::size_t largest) {
  constexpr std::size_t kLarge = 4096;
  const std::size_t width = simd_lanes<T>();
  if (batch <= width / 4 && largest >= kLarge) return 1;
  while (lanes > width && lanes * largest * sizeof(T) > kImageBytes) lanes = std::max(width, lanes / 2 / width * width);
  return lanes;
}

}  // namespace costate::internal
