#include "costate/nn/convolution.h"

#include <algorithm>
#include <utility>

#include "costate/base/error.h"
#include "costate/graph/internal/convolution.h"

namespace costate {
namespace {

/// What a layer's options say, of a kernel with one axis or two.
struct LayerSizes {
  std::int64_t inputs, outputs, groups;
  std::vector<std::int64_t> kernel;
};

LayerSizes sizes_of(const Conv2dOptions& options) {
  return {options.inputs, options.outputs, options.convolution.groups, {options.kernel[0], options.kernel[1]}};
}
LayerSizes sizes_of(const Conv1dOptions& options) {
  return {options.inputs, options.outputs, options.convolution.groups, {options.kernel}};
}

void check(const std::string& layer, const LayerSizes& sizes, const ConvOptions& convolution) {
  std::int64_t least = std::min(sizes.inputs, sizes.outputs);
  for (const std::int64_t length : sizes.kernel) least = std::min(least, length);
  if (least < 1)
    throw InvalidArgument("[", layer,
                          "] inputs, outputs and the kernel must be at least 1; got inputs = ", sizes.inputs,
                          ", outputs = ", sizes.outputs, ", kernel = ", text::join(sizes.kernel, " x "), ".");
  internal::check_conv_options("[" + layer + "]", convolution);
  if (sizes.inputs % sizes.groups != 0 || sizes.outputs % sizes.groups != 0)
    throw InvalidArgument("[", layer, "] groups must divide inputs and outputs; got ", sizes.groups, " groups of ",
                          sizes.inputs, " inputs and ", sizes.outputs, " outputs.");
}

/// The options of the layer of [t, x].
Conv2dOptions with_time(Conv2dOptions options) {
  check("ConcatConv2d", sizes_of(options), options.convolution);
  if (options.convolution.groups != 1)
    throw InvalidArgument("[ConcatConv2d] t is a channel that all outputs read, so groups must be 1; got ",
                          options.convolution.groups, ".");
  ++options.inputs;
  return options;
}

/// The weight, and the bias if there is one.
template <class Options>
std::vector<Parameter> start_parameters(const Options& options) {
  const LayerSizes sizes = sizes_of(options);
  std::vector<std::int64_t> axes = {sizes.outputs, sizes.inputs / sizes.groups};
  axes.insert(axes.end(), sizes.kernel.begin(), sizes.kernel.end());
  const Shape shape(std::move(axes)), matrix{sizes.outputs, shape.size() / sizes.outputs};
  std::vector<Parameter> parameters;
  parameters.emplace_back(options.name + ".weight",
                          initial_weights(options.init, matrix, options.source).reshape(shape));
  if (options.bias) parameters.emplace_back(options.name + ".bias", initial_bias(options.init, matrix, options.source));
  return parameters;
}

/// "[Conv2d] 'conv.weight'": what errors of a call begin with.
std::string who(const std::string& layer, const Parameter& weight) {
  return text::concat("[", layer, "] '", weight.name(), "'");
}

void check_channels(const std::string& layer, const Array& x, const Parameter& weight, std::int64_t channels) {
  const bool is_image = weight.shape().rank() == 4;
  if (x.shape().rank() != weight.shape().rank() - 1 || x.shape()[0] != channels)
    throw ShapeError(who(layer, weight), " takes ", is_image ? "feature maps" : "series", " of shape [", channels,
                     is_image ? ", row, column]" : ", place]", "; got ", x.shape(), ".");
}

/// conv2d, whose errors name the layer.
Array convolved(const std::string& layer, const Array& x, const Array& weight, const Parameter& of,
                const ConvOptions& options) {
  internal::check_conv_shapes(who(layer, of), x.shape(), weight.shape(), options);
  return conv2d(x, weight, options);
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
  check("Conv2d", sizes_of(options), options.convolution);
  parameters_ = start_parameters(options);
}

Array Conv2d::operator()(const Array& x) const {
  check_channels("Conv2d", x, parameters_[0], options_.inputs);
  const Array maps = convolved("Conv2d", x, parameters_[0], parameters_[0], options_.convolution);
  return options_.bias ? maps + as_maps(parameters_[1]) : maps;
}

Conv1d::Conv1d(const Conv1dOptions& options) : options_(options) {
  check("Conv1d", sizes_of(options), options.convolution.across());
  parameters_ = start_parameters(options);
}

Array Conv1d::operator()(const Array& x) const {
  check_channels("Conv1d", x, parameters_[0], options_.inputs);
  const Shape series = x.shape(), weight = parameters_[0].shape();
  const Array row = reshape(x, {series[0], 1, series[1]});
  const Array filters = reshape(parameters_[0], {weight[0], weight[1], 1, weight[2]});
  const Array maps = convolved("Conv1d", row, filters, parameters_[0], options_.convolution.across());
  const Array found = reshape(maps, {maps.shape()[0], maps.shape()[2]});
  return options_.bias ? found + reshape(parameters_[1], {weight[0], 1}) : found;
}

ConcatConv2d::ConcatConv2d(const Conv2dOptions& options) : options_(options), layer_(with_time(options)) {}

Array ConcatConv2d::operator()(const Array& t, const Array& x) const {
  const Parameter& parameter = parameters()[0];
  check_channels("ConcatConv2d", x, parameter, options_.inputs);
  const Array weight = parameter, ones_map = ones({1, x.shape()[1], x.shape()[2]});
  const Array of_x =
      convolved("ConcatConv2d", x, input_channels(weight, 1, options_.inputs + 1), parameter, options_.convolution);
  const Array of_one = conv2d(ones_map, input_channels(weight, 0, 1), options_.convolution);
  const Array of_t = t * of_one;
  return options_.bias ? of_x + as_maps(parameters()[1]) + of_t : of_x + of_t;
}

}  // namespace costate
