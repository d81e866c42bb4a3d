#include "costate/graph/convolution.h"

#include <string>

#include "costate/base/error.h"
#include "costate/base/text.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/internal/convolution.h"

namespace costate {
namespace {

std::string called_at(const Operand& x) { return text::concat(" at ", x.where.file_name(), ":", x.where.line()); }

}  // namespace

Array conv2d(Operand x, Operand weights, const ConvOptions& options) {
  internal::check_conv_options("[conv2d]" + called_at(x) + ":", options);
  const Array operands[] = {x.array, weights.array};
  return internal::append_op(Op::kConv2d, operands, x.where, internal::conv_attributes(options));
}

Array conv1d(Operand x, Operand weights, const SeriesConvOptions& options) {
  const ConvOptions across = options.across();
  const Shape series = x.array.shape(), kernel = weights.array.shape();
  internal::check_conv_options("[conv1d]" + called_at(x) + ":", across);
  if (series.rank() != 2 || kernel.rank() != 3)
    throw ShapeError("[conv1d]", called_at(x),
                     ": x must be [channels, length] and weights [outputs, channels / groups, kernel]; got ", series,
                     " and ", kernel, ".");
  const Shape image{series[0], 1, series[1]}, filters{kernel[0], kernel[1], 1, kernel[2]};
  const std::string who = text::concat("[conv1d] of x ", series, " and weights ", kernel, called_at(x));
  internal::check_conv_shapes(who, image, filters, across);
  const Array result = conv2d({reshape(x, image), x.where}, {reshape(weights, filters), weights.where}, across);
  return reshape(result, {result.shape()[0], result.shape()[2]});
}

}  // namespace costate
