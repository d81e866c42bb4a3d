#include "costate/graph/internal/convolution.h"

#include "costate/base/error.h"

namespace costate::internal {
namespace {

// Far above all that makes sense, and far below what overflows.
constexpr std::int64_t kMostOption = 1'000'000'000;
// 4096 x 4096. What is known of each pixel takes some hundred bytes (plan/convolution.h).
constexpr std::int64_t kMostPixels = std::int64_t{1} << 24;

void check_option(const std::string& who, const char* option, std::int64_t value, std::int64_t least) {
  if (value < least) throw InvalidArgument(who, " ", option, " must be at least ", least, "; got ", value, ".");
  if (value > kMostOption) throw InvalidArgument(who, " ", option, " must be at most 10^9; got ", value, ".");
}

void check_pixels(const char* what, const std::array<std::int64_t, 2>& lengths) {
  if (lengths[0] > 0 && lengths[1] > kMostPixels / lengths[0])
    throw ShapeError(what, " would have ", lengths[0], " x ", lengths[1], " pixels, and at most ", kMostPixels,
                     " are possible");
}

ConvGeometry geometry_of(const Shape& image, const Shape& weights, const std::vector<std::int64_t>& attributes) {
  COSTATE_CHECK(attributes.size() == 7, "a convolution has seven attributes");
  for (std::size_t i = 0; i < attributes.size(); ++i) {
    const bool is_padding = i == 2 || i == 3;
    COSTATE_CHECK(attributes[i] >= (is_padding ? 0 : 1) && attributes[i] <= kMostOption,
                  "an attribute of a convolution is out of range");
  }
  if (image.rank() != 3) throw ShapeError("the image must be [channels, height, width]");
  if (weights.rank() != 4)
    throw ShapeError("the weights must be [outputs, channels / groups, kernel height, kernel width]");
  ConvGeometry geometry{.channels = image[0], .outputs = weights[0], .groups = attributes[6]};
  if (geometry.channels % geometry.groups != 0 || geometry.outputs % geometry.groups != 0)
    throw ShapeError(geometry.groups, " groups do not divide ", geometry.channels, " channels and ", geometry.outputs,
                     " outputs");
  if (weights[1] * geometry.groups != geometry.channels)
    throw ShapeError("the weights take ", weights[1], " channels a group, the image has ",
                     geometry.channels / geometry.groups);
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t length = image[static_cast<int>(axis) + 1], kernel = weights[static_cast<int>(axis) + 2];
    const std::int64_t stride = attributes[axis], padding = attributes[axis + 2], dilation = attributes[axis + 4];
    const std::int64_t padded = length + 2 * padding, reach = dilation * (kernel - 1) + 1;
    if (kernel < 1) throw ShapeError("the kernel is empty");
    if (reach > padded)
      throw ShapeError("the kernel reaches over ", reach, " pixels ", axis == 0 ? "down" : "across",
                       ", the padded image has ", padded);
    geometry.image[axis] = length;
    geometry.kernel[axis] = kernel;
    geometry.result[axis] = (padded - reach) / stride + 1;
    geometry.stride[axis] = stride;
    geometry.padding[axis] = padding;
    geometry.dilation[axis] = dilation;
  }
  check_pixels("the image", geometry.image);
  check_pixels("the result", geometry.result);
  return geometry;
}

Shape result_shape(const ConvGeometry& geometry) { return {geometry.outputs, geometry.result[0], geometry.result[1]}; }

}  // namespace

ConvGeometry conv_geometry(Op op, std::span<const Shape> operands, const std::vector<std::int64_t>& attributes,
                           const Shape& target) {
  if (op == Op::kConv2d) return geometry_of(operands[0], operands[1], attributes);
  const bool of_weights = op == Op::kConv2dWeights;
  const ConvGeometry geometry =
      of_weights ? geometry_of(operands[0], target, attributes) : geometry_of(target, operands[1], attributes);
  const Shape& given = operands[of_weights ? 1 : 0];
  if (!(given == result_shape(geometry)))
    throw ShapeError("the result's cotangent must be ", result_shape(geometry), ", not ", given);
  return geometry;
}

std::vector<std::int64_t> conv_attributes(const ConvOptions& options) {
  return {options.stride[0],   options.stride[1],   options.padding[0], options.padding[1],
          options.dilation[0], options.dilation[1], options.groups};
}

void check_conv_options(const std::string& who, const ConvOptions& options) {
  for (const std::size_t axis : {0, 1}) {
    check_option(who, "stride", options.stride[axis], 1);
    check_option(who, "padding", options.padding[axis], 0);
    check_option(who, "dilation", options.dilation[axis], 1);
  }
  check_option(who, "groups", options.groups, 1);
}

void check_conv_shapes(const std::string& who, const Shape& image, const Shape& weights, const ConvOptions& options) {
  try {
    geometry_of(image, weights, conv_attributes(options));
  } catch (const ShapeError& reason) {
    throw ShapeError(who, ": ", reason.what(), ".");
  }
}

Shape conv_shape(Op op, const ConvGeometry& geometry) {
  if (op == Op::kConv2d) return result_shape(geometry);
  if (op == Op::kConv2dInput) return {geometry.channels, geometry.image[0], geometry.image[1]};
  return {geometry.outputs, geometry.channels / geometry.groups, geometry.kernel[0], geometry.kernel[1]};
}

void for_meetings(const ConvGeometry& geometry,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& visit) {
  for (std::int64_t i = 0; i < geometry.result[0]; ++i)
    for (std::int64_t j = 0; j < geometry.result[1]; ++j)
      for (std::int64_t u = 0; u < geometry.kernel[0]; ++u)
        for (std::int64_t v = 0; v < geometry.kernel[1]; ++v) {
          const std::int64_t row = i * geometry.stride[0] + u * geometry.dilation[0] - geometry.padding[0];
          const std::int64_t column = j * geometry.stride[1] + v * geometry.dilation[1] - geometry.padding[1];
          if (row < 0 || row >= geometry.image[0] || column < 0 || column >= geometry.image[1]) continue;
          visit(u * geometry.kernel[1] + v, row * geometry.image[1] + column, i * geometry.result[1] + j);
        }
}

std::vector<double> interpret_convolution(const Node& node, std::span<const std::vector<double>> operands,
                                          std::span<const Shape> shapes) {
  const ConvGeometry geometry = conv_geometry(node.op, shapes, node.indices, node.shape);
  const std::int64_t channels = geometry.channels / geometry.groups, outputs = geometry.outputs / geometry.groups;
  const std::vector<double>&first = operands[0], &second = operands[1];
  std::vector<double> out(static_cast<std::size_t>(node.shape.size()), 0.0);
  for_meetings(geometry, [&](std::int64_t position, std::int64_t image_pixel, std::int64_t result_pixel) {
    for (std::int64_t o = 0; o < geometry.outputs; ++o)
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto x = static_cast<std::size_t>((o / outputs * channels + c) * geometry.image_pixels() + image_pixel);
        const auto w = static_cast<std::size_t>((o * channels + c) * geometry.positions() + position);
        const auto y = static_cast<std::size_t>(o * geometry.result_pixels() + result_pixel);
        if (node.op == Op::kConv2d) out[y] += first[x] * second[w];
        if (node.op == Op::kConv2dInput) out[x] += first[y] * second[w];
        if (node.op == Op::kConv2dWeights) out[w] += first[x] * second[y];
      }
  });
  return out;
}

}  // namespace costate::internal
