// How many samples a tile takes of images, whose values fill a cache with few samples. It changes no bit of a sample.
#pragma once

#include <algorithm>
#include <cstddef>

#include "costate/exec/kernels/image_bytes.h"
#include "costate/exec/kernels/kernels.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// Numbers in the largest image of a sample that a convolution of the function reads or writes, those of its extensions
/// included; 0 if there is none.
std::size_t largest_image(const Function& function);

/// As many lanes of a tile, up to `lanes`, as let its largest image fit into kImageBytes; at least one vector.
/// Convolutions compute as fast with one vector as with more.
template <class T>
std::size_t lanes_for_images(std::size_t lanes, std::size_t largest) {
  const std::size_t width = simd_lanes<T>();
  while (lanes > width && lanes * largest * sizeof(T) > kImageBytes) lanes = std::max(width, lanes / 2 / width * width);
  return lanes;
}

}  // namespace costate::internal
