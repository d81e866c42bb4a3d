// Convolutions of images and series.
#pragma once

#include <cstdint>

#include "costate/graph/array.h"
#include "costate/graph/per_axis.h"

namespace costate {

/// Down and across an image, in pixels.
struct ConvOptions {
  PerAxis stride = 1;
  PerAxis padding = 0;  // zeros at either side
  PerAxis dilation = 1;
  std::int64_t groups = 1;
};

/// The convolution of an image, as the networks' literature has it (a cross-correlation; torch.nn.functional.conv2d):
///
///   y[o, i, j] = sum over c, u, v of  weights[o, c, u, v] x[c, i stride + u dilation - padding, j …]
///
/// over what lies in the image. Shapes: x [channels, height, width] and weights [outputs, channels / groups, kernel
/// height, kernel width] give y [outputs, (height + 2 padding - dilation (kernel height - 1) - 1) / stride + 1, …],
/// rounded down. Of `groups` groups each has its share of the channels and of the outputs. A bias is added:
/// conv2d(x, w) + reshape(b, {outputs, 1, 1}).
/// InvalidArgument for a stride, dilation or number of groups below 1 and for a negative padding, and for any above
/// 10^9; ShapeError if x or weights have another rank, the kernel is larger than the padded image, groups do not divide
/// channels and outputs, or image or result have more than 2^24 pixels.
Array conv2d(Operand x, Operand weights, const ConvOptions& options = {});

/// Along a series.
struct SeriesConvOptions {
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t dilation = 1;
  std::int64_t groups = 1;

  /// Those of the same convolution across an image of one row.
  ConvOptions across() const { return {{1, stride}, {0, padding}, {1, dilation}, groups}; }
};

/// The same along a series: x [channels, length], weights [outputs, channels / groups, kernel].
Array conv1d(Operand x, Operand weights, const SeriesConvOptions& options = {});

}  // namespace costate
