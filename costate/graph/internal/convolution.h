// What the three convolutions of ops.def have in common: numbers x of an image, w of weights and y of a result, of
// which some meet. conv2d computes y from x and w, conv2d_input x from y and w, conv2d_weights w from x and y: each
// number is the sum of the products of the two others over all that meet it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "costate/array/shape.h"
#include "costate/graph/convolution.h"
#include "costate/graph/graph.h"

namespace costate::internal {

/// Pairs are down and across.
struct ConvGeometry {
  std::int64_t channels = 0, outputs = 0, groups = 1;
  std::array<std::int64_t, 2> image{}, kernel{}, result{};
  std::array<std::int64_t, 2> stride{}, padding{}, dilation{};

  std::int64_t image_pixels() const { return image[0] * image[1]; }
  std::int64_t result_pixels() const { return result[0] * result[1]; }
  std::int64_t positions() const { return kernel[0] * kernel[1]; }
};

/// Of an operation whose result has, or is to have, shape `target`; conv2d needs none. ShapeError with the bare reason
/// if shapes do not fit.
ConvGeometry conv_geometry(Op op, std::span<const Shape> operands, const std::vector<std::int64_t>& attributes,
                           const Shape& target);

/// The options as a node of conv2d has them.
std::vector<std::int64_t> conv_attributes(const ConvOptions& options);

/// InvalidArgument "<who> …" for options out of range; `who` is "[function]", and may say where.
void check_conv_options(const std::string& who, const ConvOptions& options);
/// ShapeError "<who>: …" if an image and weights of these shapes do not fit, such as by a kernel that is too large.
void check_conv_shapes(const std::string& who, const Shape& image, const Shape& weights, const ConvOptions& options);

/// The shape that the geometry gives to the result of an operation.
Shape conv_shape(Op op, const ConvGeometry& geometry);

/// Calls visit(position of the kernel, pixel of the image, pixel of the result) for all that meet: pixels of the result
/// in order, and for each the positions in order.
void for_meetings(const ConvGeometry& geometry,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& visit);

/// The value of such a node in plain loops.
std::vector<double> interpret_convolution(const Node& node, std::span<const std::vector<double>> operands,
                                          std::span<const Shape> shapes);

}  // namespace costate::internal
