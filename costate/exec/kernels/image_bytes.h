// How much of images convolutions work on at once.
#pragma once

#include <cstddef>

namespace costate::internal {

/// A quarter of a second-level cache.
inline constexpr std::size_t kImageBytes = std::size_t{256} << 10;

}  // namespace costate::internal
