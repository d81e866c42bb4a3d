// Images as they might as well have been taken: shifted a little, or mirrored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "costate/array/host_array.h"

namespace costate {

struct AugmentationOptions {
  std::int64_t shift = 4;  // pixels, at most, up or down and left or right; zeros come in at the edge
  bool flip = false;       // every second image, on average, is mirrored left to right
  std::uint64_t seed = 0;
};

/// `images` [image, channel, row, column], such as those of a step's batch, moved as is drawn anew for each epoch; in
/// their shape and dtype. `numbers` has the number of each in its set. Shifts are uniform over the (2 shift + 1)^2
/// whole pixels, which is a random crop of the image padded by `shift`. What happens to an image depends on the seed,
/// the epoch and its number alone, so that a training that resumes sees the same.
///
/// Throws: ShapeError if `images` has other axes, or there is not one number for each; InvalidArgument for a shift that
///         is negative or as large as an image.
HostArray augmented(const HostArray& images, std::span<const std::size_t> numbers, std::int64_t epoch,
                    const AugmentationOptions& options = {});

}  // namespace costate
