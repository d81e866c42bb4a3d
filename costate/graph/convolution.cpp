#include "costate/graph/convolution.h"

#include "costate/base/error.h"
#include "costate/graph/internal/builder.h"

namespace costate {
namespace {

void check_option(const Operand& x, const char* function, const char* option, std::int64_t value, std::int64_t least) {
  if (value < least)
    throw InvalidArgument("[", function, "] at ", x.where.file_name(), ":", x.where.line(), ": ", option,
                          " must be at least ", least, "; got ", value, ".");
}

void check_options(const Operand& x, const char* function, const ConvOptions& options) {
  for (const std::int64_t stride : options.stride) check_option(x, function, "stride", stride, 1);
  for (const std::int64_t padding : options.padding) check_option(x, function, "padding", padding, 0);
  for (const std::int64_t dilation : options.dilation) check_option(x, function, "dilation", dilation, 1);
  check_option(x, function, "groups", options.groups, 1);
}

}  // namespace

Array conv2d(Operand x, Operand weights, const ConvOptions& options) {
  check_options(x, "conv2d", options);
  const Array operands[] = {x.array, weights.array};
  return internal::append_op(Op::kConv2d, operands, x.where,
                             {options.stride[0], options.stride[1], options.padding[0], options.padding[1],
                              options.dilation[0], options.dilation[1], options.groups});
}

Array conv1d(Operand x, Operand weights, const Conv1dOptions& options) {
  const ConvOptions along{{1, options.stride}, {0, options.padding}, {1, options.dilation}, options.groups};
  check_options(x, "conv1d", along);
  const Shape series = x.array.shape(), kernel = weights.array.shape();
  if (series.rank() != 2 || kernel.rank() != 3)
    throw ShapeError("[conv1d] at ", x.where.file_name(), ":", x.where.line(),
                     ": x must be [channels, length] and weights [outputs, channels / groups, kernel]; got ", series,
                     " and ", kernel, ".");
  const Array image = reshape(x, {series[0], 1, series[1]});
  const Array result =
      conv2d({image, x.where}, {reshape(weights, {kernel[0], kernel[1], 1, kernel[2]}), weights.where}, along);
  return reshape(result, {result.shape()[0], result.shape()[2]});
}

}  // namespace costate
