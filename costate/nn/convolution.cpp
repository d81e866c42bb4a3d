#include "costate/nn/convolution.h"

#include <utility>

#include "costate/base/error.h"

namespace costate {
namespace {

void check(const Conv2dOptions& options) {
  const std::int64_t groups = options.convolution.groups;
  if (options.inputs < 1 || options.outputs < 1 || options.kernel[0] < 1 || options.kernel[1] < 1)
    throw InvalidArgument("[Conv2d] inputs, outputs and the kernel must be at least 1; got inputs = ", options.inputs,
                          ", outputs = ", options.outputs, ", kernel = ", options.kernel[0], " x ", options.kernel[1],
                          ".");
  if (groups < 1 || options.inputs % groups != 0 || options.outputs % groups != 0)
    throw InvalidArgument("[Conv2d] groups must divide inputs and outputs; got ", groups, " groups of ", options.inputs,
                          " inputs and ", options.outputs, " outputs.");
}

/// The options of the layer of [t, x].
Conv2dOptions with_time(Conv2dOptions options) {
  check(options);
  if (options.convolution.groups != 1)
    throw InvalidArgument("[ConcatConv2d] t is a channel that all outputs read, so groups must be 1; got ",
                          options.convolution.groups, ".");
  ++options.inputs;
  return options;
}

void check_image(const Array& x, const Parameter& weight, std::int64_t channels) {
  if (x.shape().rank() != 3 || x.shape()[0] != channels)
    throw ShapeError("[Conv2d] '", weight.name(), "' takes feature maps of shape [", channels, ", row, column]; got ",
                     x.shape(), ".");
}

/// Input channels begin … end - 1 of a weight [output, input, row, column].
Array input_channels(const Array& weight, std::int64_t begin, std::int64_t end) {
  const Shape shape = weight.shape();
  const std::int64_t taps = shape[2] * shape[3];
  std::vector<std::int64_t> positions;
  for (std::int64_t output = 0; output < shape[0]; ++output)
    for (std::int64_t i = begin * taps; i < end * taps; ++i) positions.push_back(output * shape[1] * taps + i);
  return gather(weight, std::move(positions), {shape[0], end - begin, shape[2], shape[3]});
}

Array as_maps(const Parameter& bias) { return reshape(bias, {bias.shape()[0], 1, 1}); }

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options) : options_(options) {
  check(options);
  const std::int64_t inputs = options.inputs / options.convolution.groups;
  const auto [rows, columns] = options.kernel;
  const Shape matrix{options.outputs, inputs * rows * columns};
  parameters_.emplace_back(
      options.name + ".weight",
      initial_weights(options.init, matrix, options.source).reshape({options.outputs, inputs, rows, columns}));
  if (options.bias)
    parameters_.emplace_back(options.name + ".bias", initial_bias(options.init, matrix, options.source));
}

Array Conv2d::operator()(const Array& x) const {
  check_image(x, parameters_[0], options_.inputs);
  const Array maps = conv2d(x, parameters_[0], options_.convolution);
  return options_.bias ? maps + as_maps(parameters_[1]) : maps;
}

ConcatConv2d::ConcatConv2d(const Conv2dOptions& options) : options_(options), layer_(with_time(options)) {}

Array ConcatConv2d::operator()(const Array& t, const Array& x) const {
  check_image(x, parameters()[0], options_.inputs);
  const Array weight = parameters()[0], ones_map = ones({1, x.shape()[1], x.shape()[2]});
  const Array of_x = conv2d(x, input_channels(weight, 1, options_.inputs + 1), options_.convolution);
  const Array of_one = conv2d(ones_map, input_channels(weight, 0, 1), options_.convolution);
  const Array of_t = t * of_one;
  return options_.bias ? of_x + as_maps(parameters()[1]) + of_t : of_x + of_t;
}

}  // namespace costate
