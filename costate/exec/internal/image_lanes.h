// How many samples a tile takes of images, whose values fill a cache with few samples. It changes no bit of a sample.
#pragma once

#include <algorithm>
#include <cstddef>

#include "costate/exec/kernels/kernels.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// Numbers of the largest image of a sample that the function convolves or makes by it, its extensions among that; 0 if
/// it has none.
std::size_t largest_image(const Function& function);

/// At most `lanes`, but whole vectors and at least one: so many that a tile's largest image fills a quarter of a
/// second-level cache. Convolutions compute as fast with one vector as with more.
template <class T>
std::size_t lanes_for_images(std::size_t lanes, std::size_t largest) {
  constexpr std::size_t kImageBytes = std::size_t{256} << 10;
  const std::size_t width = simd_lanes<T>();
  while (lanes > width && lanes * largest * sizeof(T) > kImageBytes) lanes = std::max(width, lanes / 2 / width * width);
  return lanes;
}

}  // namespace costate::internal
