// How kernels of convolutions go through an image.
#pragma once

#include <algorithm>
#include <cstddef>

#include "costate/plan/convolution.h"

namespace costate::internal {

/// So many pixels of a class are taken at a time that what they read of the other image, which every block of rows
/// reads again, stays in a quarter of a second-level cache. A multiple of the pixels that a block has.
inline std::size_t pass_pixels(const ConvTable& table, std::size_t lanes, std::size_t number_bytes) {
  const std::size_t stride = std::max<std::size_t>(1, table.from_pixels / std::max<std::size_t>(1, table.to_pixels));
  const std::size_t bytes = std::max<std::size_t>(1, table.depth * lanes * number_bytes * stride);
  return std::clamp<std::size_t>((std::size_t{256} << 10) / bytes / 6, 1, 5) * 6;
}

}  // namespace costate::internal
