#include "costate/data/augmentation.h"

#include <algorithm>
#include <vector>

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {
namespace {

/// What is done to an image: out(row, column) = in(row + down, column + right), mirrored before.
struct Move {
  std::int64_t down, right;
  bool is_flipped;
};

class Moves {
 public:
  Moves(const AugmentationOptions& options, std::int64_t epoch)
      : options_(options), random_(options.seed), stream_(kStream + static_cast<std::uint64_t>(epoch)) {}

  Move of(std::size_t image) const {
    const auto draw = [&](std::uint64_t which, std::int64_t count) {
      return static_cast<std::int64_t>(random_.below(stream_, 3 * image + which, static_cast<std::uint64_t>(count)));
    };
    const std::int64_t places = 2 * options_.shift + 1;
    return {.down = draw(0, places) - options_.shift,
            .right = draw(1, places) - options_.shift,
            .is_flipped = options_.flip && draw(2, 2) == 1};
  }

 private:
  // Streams from 0 on are those of the epochs' orders (train/loop.cpp), which may have the same seed.
  static constexpr std::uint64_t kStream = std::uint64_t{1} << 32;

  AugmentationOptions options_;
  Random random_;
  std::uint64_t stream_;
};

/// One channel [row, column]; `to` is all zeros.
template <class T>
void move_channel(const Move& move, std::int64_t width, std::span<const T> from, std::span<T> to) {
  const std::int64_t height = static_cast<std::int64_t>(from.size()) / width;
  const std::int64_t first_row = std::max<std::int64_t>(0, -move.down), last_row = std::min(height, height - move.down),
                     first = std::max<std::int64_t>(0, -move.right), last = std::min(width, width - move.right);
  for (std::int64_t row = first_row; row < last_row; ++row)
    for (std::int64_t column = first; column < last; ++column) {
      const std::int64_t seen = column + move.right, source = move.is_flipped ? width - 1 - seen : seen;
      to[static_cast<std::size_t>(row * width + column)] =
          from[static_cast<std::size_t>((row + move.down) * width + source)];
    }
}

template <class T>
void move_images(const Moves& moves, std::span<const std::size_t> numbers, const HostArray& images, HostArray& out) {
  const Shape& shape = images.shape();
  const auto area = static_cast<std::size_t>(shape[2] * shape[3]), channels = static_cast<std::size_t>(shape[1]);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Move move = moves.of(numbers[i]);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const std::size_t at = (i * channels + channel) * area;
      move_channel(move, shape[3], images.data<T>().subspan(at, area), out.data<T>().subspan(at, area));
    }
  }
}

void check(const HostArray& images, std::span<const std::size_t> numbers, const AugmentationOptions& options) {
  const Shape& shape = images.shape();
  if (shape.rank() != 4) throw ShapeError("[augmented] images must be [image, channel, row, column]; got ", shape, ".");
  if (shape[0] != static_cast<std::int64_t>(numbers.size()))
    throw ShapeError("[augmented] there must be the number of each image; got ", numbers.size(), " numbers of ",
                     shape[0], " images.");
  if (options.shift < 0 || options.shift >= std::min(shape[2], shape[3]))
    throw InvalidArgument("[augmented] shift must be at least 0 and below the ", shape[2], " x ", shape[3],
                          " pixels of an image; got ", options.shift, ".");
}

}  // namespace

HostArray augmented(const HostArray& images, std::span<const std::size_t> numbers, std::int64_t epoch,
                    const AugmentationOptions& options) {
  check(images, numbers, options);
  HostArray out(images.shape(), images.dtype());
  const Moves moves(options, epoch);
  if (images.dtype() == Dtype::kF32)
    move_images<float>(moves, numbers, images, out);
  else
    move_images<double>(moves, numbers, images, out);
  return out;
}

}  // namespace costate
