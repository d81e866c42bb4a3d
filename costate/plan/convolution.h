// Where the instructions of a convolution find their numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/graph/graph.h"

namespace costate::internal {

/// A convolution as sums over another image:
///
///   to[group, row, pixel.to] = sum over taps and depth of  weights[group, row, depth, tap.position]
///                                                        * from[group, depth, pixel.from + tap.shift]
///
/// Of conv2d, `to` is its result and `from` the image; of conv2d_input it is the other way round. Pixels that lie alike
/// to the border (and, behind a stride, to the grid) have the same taps and make a class. What would be multiplied by
/// padding has no tap. The sums run over the taps in order and for each over the depth in order.
///
/// conv2d_weights has the table of its conv2d: each product of a pixel's two images is summed into the tap's weight.
struct ConvTable {
  struct Pixel {
    std::uint32_t to = 0, from = 0;
  };
  struct Tap {
    std::uint32_t position = 0;  // in the kernel, row-major
    std::int32_t shift = 0;      // in pixels; 0 for a class's first tap
  };
  struct PixelClass {
    std::uint32_t first_pixel = 0, num_pixels = 0;
    std::uint32_t first_tap = 0, num_taps = 0;
    std::uint32_t run = 1;  // its pixels are runs of so many that lie behind each other in both images
  };

  std::size_t groups = 1;
  std::size_t rows = 0, depth = 0;  // channels of a group: of `to`, of `from`
  std::size_t positions = 0;        // of the kernel
  std::size_t to_pixels = 0, from_pixels = 0;
  std::size_t row_stride = 0, depth_stride = 0;  // in weights as they stand; groups are rows * depth * positions apart
  std::vector<Pixel> pixels;
  std::vector<Tap> taps;
  std::vector<PixelClass> classes;

  std::size_t to_size() const { return groups * rows * to_pixels; }
  std::size_t from_size() const { return groups * depth * from_pixels; }
  std::size_t num_weights() const { return groups * rows * depth * positions; }
};

/// The pixel of `from` that a pixel's tap reads.
inline std::size_t shifted(const ConvTable::Pixel& pixel, const ConvTable::Tap& tap) {
  return static_cast<std::size_t>(static_cast<std::int64_t>(pixel.from) + tap.shift);
}

/// Of a node of conv2d, conv2d_input or conv2d_weights.
ConvTable conv_table(const Function& function, const Node& node);

/// Kernels read weights that are packed: of each group, rows in blocks of kPackedRows, then of the powers of two below
/// that are left; a block is [position, depth, its rows].
inline constexpr std::size_t kPackedRows = 8;
constexpr std::size_t packed_rows(std::size_t rows_left) {
  std::size_t rows = kPackedRows;
  while (rows > rows_left) rows /= 2;
  return rows;
}

/// Packed weight i is weights[packing_table[i]].
std::vector<std::uint32_t> packing_table(const ConvTable& table);

}  // namespace costate::internal
