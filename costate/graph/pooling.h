// Pooling of feature maps, and padding with zeros. Windows are those of PyTorch: along an axis of n numbers there are
// floor((n + 2 padding - kernel) / stride) + 1, the first of which begins `padding` places before the axis; what is
// left behind the last one is not read. All have derivatives of any order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/per_axis.h"

namespace costate {

/// Rows, then columns.
struct PoolOptions {
  PerAxis kernel = 2;   // up to 10^6 each
  PerAxis stride = 0;   // 0: as long as the kernel
  PerAxis padding = 0;  // places on each side; at most half of the kernel
};

struct SeriesPoolOptions {
  std::int64_t kernel = 2;
  std::int64_t stride = 0;
  std::int64_t padding = 0;
};

/// The largest number of each window: [C, H, W] -> [C, h, w], and [C, L] -> [C, l]. Padding holds no number. Of equal
/// numbers the first in the window's row-major order has the derivative; a window with a NaN gives NaN, and its last
/// NaN has the derivative. ShapeError for another rank, an axis without numbers, or a kernel that does not fit into the
/// padded axis; InvalidArgument for options out of range.
Array max_pool2d(Operand x, const PoolOptions& options = {});
Array max_pool1d(Operand x, const SeriesPoolOptions& options = {});

/// The mean of each window, shapes and errors as above. Zeros of the padding count (PyTorch's count_include_pad=True):
/// every window is divided by the size of the kernel.
Array avg_pool2d(Operand x, const PoolOptions& options = {});
Array avg_pool1d(Operand x, const SeriesPoolOptions& options = {});

/// The mean of each feature map: [C, …] -> [C]. ShapeError for a scalar.
Array global_average(Operand x);

/// Zeros around x: `widths` has, for each axis, how many before and behind. InvalidArgument if one is negative or
/// above 10^9; ShapeError unless there are as many as axes.
Array pad(Operand x, const std::vector<std::array<std::int64_t, 2>>& widths);

}  // namespace costate
