// Pairs of standard normal numbers for many places at once: what paths of a Brownian motion are made of.
#pragma once

#include <cstddef>
#include <cstdint>

namespace costate::internal {

/// Pair i is Box and Muller's of the Philox block (base/random.h) with the counter {node, channel, sample, stream} of
/// place i under the key `seed`: radius cos and radius sin, where
///
///     radius = sqrt(-2 log(((w0 + 1/2) 2^-32 + floor(w1 / 2^11)) 2^-21)),  angle = 2 pi (w2 + w3 2^-32) 2^-32
///
/// It depends on these numbers alone, not on the other places or on their count.
struct NormalPlaces {
  std::uint64_t seed = 0;
  std::uint32_t node = 0;
  const double* channel = nullptr;  // [count] whole numbers from 0 to 2^32 - 1, as the next two
  const double* sample = nullptr;
  const double* stream = nullptr;
  std::size_t count = 0;
};

/// Writes [count] numbers each.
void normal_pairs(const NormalPlaces& places, double* first, double* second);

}  // namespace costate::internal
