#include "costate/graph/pooling.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"

namespace costate {
namespace {

// As many nodes as a window has places stand for a pool where there is no kernel (internal/composed_pools.h).
constexpr std::int64_t kMostKernel = 1'000'000;
constexpr std::int64_t kMostWidth = 1'000'000'000;

/// Windows of the last axes; a stride of 0 becomes what it stands for. InvalidArgument and ShapeError as pooling.h
/// says.
void check(const std::string& function, const Shape& shape, int num_axes, PoolOptions& options) {
  if (shape.rank() != num_axes + 1)
    throw ShapeError("[", function, "] x must have shape ",
                     num_axes == 2 ? "[channel, row, column]" : "[channel, place]", "; got ", shape, ".");
  for (int i = 0; i < num_axes; ++i) {
    const auto axis = static_cast<std::size_t>(i + 2 - num_axes);
    const std::int64_t kernel = options.kernel[axis], padding = options.padding[axis];
    std::int64_t& stride = options.stride[axis];
    if (stride == 0) stride = kernel;
    if (kernel < 1 || stride < 1 || padding < 0 || padding > kernel / 2)
      throw InvalidArgument("[", function,
                            "] a window needs a kernel of at least 1, a stride of at least 1 and a padding from 0 to "
                            "half of the kernel; got kernel = ",
                            kernel, ", stride = ", stride, ", padding = ", padding, ".");
    if (kernel > kMostKernel)
      throw InvalidArgument("[", function, "] a kernel has at most 10^6 places along an axis; got ", kernel, ".");
    if (shape[i + 1] < 1) throw ShapeError("[", function, "] x must have numbers along each axis; got ", shape, ".");
    const std::int64_t length = shape[i + 1] + 2 * padding;
    if (kernel > length)
      throw ShapeError("[", function, "] a kernel of ", kernel, " does not fit into an axis of ", length,
                       ", padding included; x has shape ", shape, ".");
  }
}

/// An image's pool, of the kind of `op`.
Array pool(Op op, const Operand& image, const PoolOptions& options) {
  const Array operands[] = {image.array, image.array};
  return internal::append_op(op, std::span(operands).first(static_cast<std::size_t>(info(op).arity)), image.where,
                             {options.kernel[0], options.kernel[1], options.stride[0], options.stride[1],
                              options.padding[0], options.padding[1]});
}

Array pool2d(Op op, const std::string& function, const Operand& x, PoolOptions options) {
  check(function, x.array.shape(), 2, options);
  return pool(op, x, options);
}

/// That of an image of one row.
Array pool1d(Op op, const std::string& function, const Operand& x, const SeriesPoolOptions& along) {
  PoolOptions options{.kernel = {1, along.kernel}, .stride = {1, along.stride}, .padding = {0, along.padding}};
  const Shape series = x.array.shape();
  check(function, series, 1, options);
  const Array pooled = pool(op, {reshape(x, {series[0], 1, series[1]}), x.where}, options);
  return reshape(pooled, {series[0], pooled.shape()[2]});
}

}  // namespace

Array max_pool2d(Operand x, const PoolOptions& options) { return pool2d(Op::kMaxPool, "max_pool2d", x, options); }
Array max_pool1d(Operand x, const SeriesPoolOptions& options) { return pool1d(Op::kMaxPool, "max_pool1d", x, options); }
Array avg_pool2d(Operand x, const PoolOptions& options) { return pool2d(Op::kAvgPool, "avg_pool2d", x, options); }
Array avg_pool1d(Operand x, const SeriesPoolOptions& options) { return pool1d(Op::kAvgPool, "avg_pool1d", x, options); }

Array global_average(Operand x) {
  const Shape& shape = x.array.shape();
  if (shape.rank() < 1) throw ShapeError("[global_average] x must have shape [channel, …]; got ", shape, ".");
  const bool is_image = shape.rank() == 3 && shape.size() > 0 && std::max(shape[1], shape[2]) <= kMostKernel;
  if (is_image) return reshape(avg_pool2d(x, {.kernel = {shape[1], shape[2]}}), {shape[0]});
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
