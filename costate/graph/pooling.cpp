#include "costate/graph/pooling.h"

#include <algorithm>
#include <string>
#include <utility>

#include "costate/base/error.h"

namespace costate {
namespace {

/// The windows along one axis.
struct Windows {
  std::int64_t kernel, stride, padding;
};

using Combine = Array (*)(Operand, Operand);

// Each place of a window is a node of the graph.
constexpr std::int64_t kMostKernel = 1'000'000;
constexpr std::int64_t kMostWidth = 1'000'000'000;

Array add(Operand x, Operand y) { return x + y; }

/// Windows of the last axes. InvalidArgument and ShapeError as pooling.h says.
void check(const std::string& function, const Shape& shape, std::vector<Windows>& windows) {
  const auto rank = static_cast<int>(windows.size());
  if (shape.rank() != rank + 1)
    throw ShapeError("[", function, "] x must have shape ", rank == 2 ? "[channel, row, column]" : "[channel, place]",
                     "; got ", shape, ".");
  for (int i = 0; i < rank; ++i) {
    Windows& along = windows[static_cast<std::size_t>(i)];
    if (along.stride == 0) along.stride = along.kernel;
    if (along.kernel < 1 || along.stride < 1 || along.padding < 0 || along.padding > along.kernel / 2)
      throw InvalidArgument("[", function,
                            "] a window needs a kernel of at least 1, a stride of at least 1 and a padding from 0 to "
                            "half of the kernel; got kernel = ",
                            along.kernel, ", stride = ", along.stride, ", padding = ", along.padding, ".");
    if (along.kernel > kMostKernel)
      throw InvalidArgument("[", function, "] a kernel has at most 10^6 places along an axis; got ", along.kernel, ".");
    const std::int64_t length = shape[i + 1] + 2 * along.padding;
    if (along.kernel > length)
      throw ShapeError("[", function, "] a kernel of ", along.kernel, " does not fit into an axis of ", length,
                       ", padding included; x has shape ", shape, ".");
  }
}

/// The numbers at `positions` along an axis, which stays.
Array take(const Array& x, int axis, const std::vector<std::int64_t>& positions) {
  const std::vector<std::int64_t> strides = x.shape().strides();
  const std::int64_t inner = strides[static_cast<std::size_t>(axis)], length = x.shape()[axis];
  const std::int64_t outer = x.shape().size() / std::max<std::int64_t>(1, inner * length);
  std::vector<std::int64_t> flat;
  flat.reserve(static_cast<std::size_t>(outer * inner) * positions.size());
  for (std::int64_t block = 0; block < outer; ++block)
    for (const std::int64_t position : positions)
      for (std::int64_t i = 0; i < inner; ++i) flat.push_back((block * length + position) * inner + i);
  std::vector<std::int64_t> axes = x.shape().axes();
  axes[static_cast<std::size_t>(axis)] = static_cast<std::int64_t>(positions.size());
  return gather(x, std::move(flat), Shape(std::move(axes)));
}

/// Combines the numbers of each window along an axis, the first two first. Where a window reaches over an end of the
/// axis, the number at that end, which is in the window, stands for what is missing.
Array fold(const Array& x, int axis, const Windows& windows, Combine combine) {
  const std::int64_t length = x.shape()[axis];
  const std::int64_t count = (length + 2 * windows.padding - windows.kernel) / windows.stride + 1;
  Array folded;
  for (std::int64_t offset = 0; offset < windows.kernel; ++offset) {
    std::vector<std::int64_t> positions;
    for (std::int64_t window = 0; window < count; ++window)
      positions.push_back(std::clamp<std::int64_t>(window * windows.stride - windows.padding + offset, 0, length - 1));
    const Array next = take(x, axis, positions);
    folded = folded.is_empty() ? next : combine(folded, next);
  }
  return folded;
}

/// Along columns, then along rows: of equal numbers the first in row-major order stays first.
Array fold_all(Array x, const std::vector<Windows>& windows, Combine combine) {
  for (std::size_t axis = windows.size(); axis > 0; --axis)
    x = fold(x, static_cast<int>(axis), windows[axis - 1], combine);
  return x;
}

Array max_of(const std::string& function, const Array& x, std::vector<Windows> windows) {
  check(function, x.shape(), windows);
  return fold_all(x, windows, max);
}

Array mean_of(const std::string& function, const Array& x, std::vector<Windows> windows) {
  check(function, x.shape(), windows);
  std::vector<std::array<std::int64_t, 2>> widths = {{0, 0}};
  double size = 1;
  for (Windows& along : windows) {
    widths.push_back({along.padding, along.padding});
    along.padding = 0;
    size *= static_cast<double>(along.kernel);
  }
  return fold_all(pad(x, widths), windows, add) * (1 / size);
}

std::vector<Windows> windows_of(const PoolOptions& options) {
  return {{options.kernel[0], options.stride[0], options.padding[0]},
          {options.kernel[1], options.stride[1], options.padding[1]}};
}

std::vector<Windows> windows_of(const Pool1dOptions& options) {
  return {{options.kernel, options.stride, options.padding}};
}

}  // namespace

Array max_pool2d(Operand x, const PoolOptions& options) { return max_of("max_pool2d", x.array, windows_of(options)); }
Array max_pool1d(Operand x, const Pool1dOptions& options) { return max_of("max_pool1d", x.array, windows_of(options)); }
Array avg_pool2d(Operand x, const PoolOptions& options) { return mean_of("avg_pool2d", x.array, windows_of(options)); }
Array avg_pool1d(Operand x, const Pool1dOptions& options) {
  return mean_of("avg_pool1d", x.array, windows_of(options));
}

Array global_average(Operand x) {
  const Shape& shape = x.array.shape();
  if (shape.rank() < 1) throw ShapeError("[global_average] x must have shape [channel, …]; got ", shape, ".");
  std::vector<std::int64_t> axes;
  for (int axis = 1; axis < shape.rank(); ++axis) axes.push_back(axis);
  return mean(x, std::move(axes));
}

Array pad(Operand x, const std::vector<std::array<std::int64_t, 2>>& widths) {
  const Shape& shape = x.array.shape();
  if (static_cast<int>(widths.size()) != shape.rank())
    throw ShapeError("[pad] needs two widths, before and behind, for each axis of ", shape, "; got ", widths.size(),
                     " pairs.");
  std::vector<std::int64_t> axes = shape.axes();
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (widths[i][0] < 0 || widths[i][1] < 0)
      throw InvalidArgument("[pad] widths must not be negative; got ", widths[i][0], " and ", widths[i][1],
                            " for axis ", i, ".");
    if (std::max(widths[i][0], widths[i][1]) > kMostWidth)
      throw InvalidArgument("[pad] widths must be at most 10^9; got ", widths[i][0], " and ", widths[i][1],
                            " for axis ", i, ".");
    axes[i] += widths[i][0] + widths[i][1];
  }
  Shape padded(std::move(axes));
  if (padded == shape) return x.array;
  const std::vector<std::int64_t> from = shape.strides(), to = padded.strides();
  std::vector<std::int64_t> positions(static_cast<std::size_t>(shape.size()));
  for (std::size_t flat = 0; flat < positions.size(); ++flat) {
    auto rest = static_cast<std::int64_t>(flat);
    for (std::size_t axis = 0; axis < from.size(); ++axis) {
      positions[flat] += (rest / from[axis] + widths[axis][0]) * to[axis];
      rest %= from[axis];
    }
  }
  return scatter(x, std::move(positions), std::move(padded));
}

}  // namespace costate
