// Functions of feature maps: convolutions, pooling, normalization, and the loss of a classifier.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "costate/base/error.h"
#include "costate/graph/convolution.h"
#include "costate/graph/pooling.h"
#include "costate/graph/softmax.h"
#include "costate/operations/normalize.h"
#include "python/bindings/bindings.h"
#include "python/bindings/image_keywords.h"

namespace costate::python {

Keywords<ConvOptions> conv_keywords() {
  using O = ConvOptions;
  return {pair("stride", &O::stride), pair("padding", &O::padding), pair("dilation", &O::dilation),
          option("groups", &O::groups)};
}

Keywords<SeriesConvOptions> series_conv_keywords() {
  using O = SeriesConvOptions;
  return {option("stride", &O::stride), option("padding", &O::padding), option("dilation", &O::dilation),
          option("groups", &O::groups)};
}

namespace {

/// A stride of 0 is how PoolOptions say "as long as the kernel", for which Python has None.
std::int64_t given_stride(const std::string& function, std::int64_t stride) {
  if (stride == 0)
    throw InvalidArgument("[", function, "] stride must be at least 1, or None to be as long as the kernel; got 0.");
  return stride;
}

/// Of a function. None where the stride is as long as the kernel. All may be given by position, as in PyTorch.
Keywords<PoolOptions> pool_keywords(const std::string& function) {
  using O = PoolOptions;
  Keyword<O> stride = pair("stride", &O::stride, KeywordRole::kInOrder);
  stride.annotation += " | None";
  stride.get = [](const O& options) {
    return options.stride == PerAxis(0) ? nb::object(nb::none()) : from_pair(options.stride);
  };
  stride.set = [function](O& options, nb::handle value) {
    options.stride = value.is_none() ? PerAxis(0) : to_pair(value);
    if (value.is_none()) return;
    given_stride(function, options.stride.rows);
    given_stride(function, options.stride.columns);
  };
  return {pair("kernel", &O::kernel, KeywordRole::kInOrder), stride,
          pair("padding", &O::padding, KeywordRole::kInOrder)};
}

Keywords<SeriesPoolOptions> series_pool_keywords(const std::string& function) {
  using O = SeriesPoolOptions;
  Keyword<O> stride = option("stride", &O::stride, KeywordRole::kInOrder);
  stride.annotation += " | None";
  stride.get = [](const O& options) { return options.stride == 0 ? nb::object(nb::none()) : nb::cast(options.stride); };
  stride.set = [function](O& options, nb::handle value) {
    options.stride = value.is_none() ? 0 : given_stride(function, argument_as<std::int64_t>(value));
  };
  return {option("kernel", &O::kernel, KeywordRole::kInOrder), stride,
          option("padding", &O::padding, KeywordRole::kInOrder)};
}

template <class Options>
void bind_convolution(nb::module_& module, const char* name, Array (*function)(Operand, Operand, const Options&),
                      const Keywords<Options>& keywords, const char* doc) {
  const std::string signature =
      text::concat("def ", name, "(x: object, weight: object", parameters_of(keywords), ") -> ", name_of<Array>());
  module.def(
      name,
      [function, keywords](nb::handle x, nb::handle weight, const nb::kwargs& options) {
        return function(to_array(x), to_array(weight), from_keywords(keywords, options));
      },
      nb::arg("x"), nb::arg("weight"), nb::arg("options"), nb::sig(signature.c_str()), doc);
}

template <class Options>
void bind_pool(nb::module_& module, const char* name, Array (*function)(Operand, const Options&),
               const Keywords<Options>& keywords, const char* doc) {
  const std::string signature =
      text::concat("def ", name, "(x: object", parameters_of(keywords), ") -> ", name_of<Array>());
  module.def(
      name,
      [function, keywords](nb::handle x, const nb::args& in_order, const nb::kwargs& options) {
        return function(to_array(x), from_call(keywords, in_order, options));
      },
      nb::arg("x"), nb::arg("in_order"), nb::arg("options"), nb::sig(signature.c_str()), doc);
}

void bind_convolutions(nb::module_& m) {
  bind_convolution<ConvOptions>(
      m, "conv2d", conv2d, conv_keywords(),
      R"(Convolves the feature maps of one sample, inside a trace, as torch.nn.functional.conv2d does.

x         [channels, rows, columns].
weight    [outputs, channels / groups, kernel rows, kernel columns]; the result is [outputs, rows, columns], without a bias.
stride, padding, dilation  of rows and columns: one integer, or two.
groups    of neighbouring channels, each of which makes its share of the outputs.

ShapeError if the kernel is larger than the padded maps, or groups do not divide channels and outputs.)");
  bind_convolution<SeriesConvOptions>(
      m, "conv1d", conv1d, series_conv_keywords(),
      "conv2d along one axis: x [channels, length], weight [outputs, channels / groups, "
      "kernel]; the result is [outputs, length].");
}

void bind_pools(nb::module_& m) {
  constexpr const char* kWindows = R"(

kernel   of rows and columns: one integer, or two, as for the others.
stride   from window to window; None: as long as the kernel.
padding  places on each side, up to half of the kernel.)";
  bind_pool<PoolOptions>(
      m, "max_pool2d", max_pool2d, pool_keywords("max_pool2d"),
      text::concat("The largest number of each window of x [channels, rows, columns], inside a trace. Padding holds no "
                   "number. Of equal numbers\nthe first, row by row, has the derivative, as in PyTorch.",
                   kWindows)
          .c_str());
  bind_pool<PoolOptions>(
      m, "avg_pool2d", avg_pool2d, pool_keywords("avg_pool2d"),
      text::concat("The mean of each window of x [channels, rows, columns], inside a trace. Zeros of the padding "
                   "count, as in PyTorch\nunless count_include_pad is False.",
                   kWindows)
          .c_str());
  bind_pool<SeriesPoolOptions>(m, "max_pool1d", max_pool1d, series_pool_keywords("max_pool1d"),
                               "max_pool2d along one axis, of x [channels, length].");
  bind_pool<SeriesPoolOptions>(m, "avg_pool1d", avg_pool1d, series_pool_keywords("avg_pool1d"),
                               "avg_pool2d along one axis, of x [channels, length].");
  m.def(
      "global_average", [](nb::handle x) { return global_average(to_array(x)); }, nb::arg("x"),
      "Inside a trace: the mean of each feature map, of x [channels, ...]: [channels].");
}

/// As NumPy's pad_width: one integer, one pair, or a pair for each axis.
std::vector<std::array<std::int64_t, 2>> to_widths(nb::handle value, int rank) {
  const HostArray widths = to_host(value);
  for (std::int64_t i = 0; i < widths.size(); ++i)
    if (std::floor(widths.at(i)) != widths.at(i) || std::abs(widths.at(i)) > 1e9)
      throw InvalidArgument("[pad] widths must be integers from 0 to 10^9; got ", widths.at(i), ".");
  const int given = widths.shape().rank();
  const auto axes = static_cast<std::int64_t>(rank);
  if (given > 2 || (given > 0 && widths.shape()[-1] != 2) || (given == 2 && widths.shape()[0] != axes))
    throw ShapeError("[pad] widths are one integer, one pair (before, behind), or a pair for each of the ", axes,
                     " axes; got shape ", widths.shape(), ".");
  std::vector<std::array<std::int64_t, 2>> pairs;
  for (std::int64_t axis = 0; axis < axes; ++axis) {
    const std::int64_t first = given == 2 ? 2 * axis : 0, second = given == 0 ? 0 : first + 1;
    pairs.push_back({static_cast<std::int64_t>(widths.at(first)), static_cast<std::int64_t>(widths.at(second))});
  }
  return pairs;
}

void bind_normalization(nb::module_& m) {
  m.def(
      "pad",
      [](nb::handle x, nb::handle widths) {
        const Array array = to_array(x);
        return pad(array, to_widths(widths, array.shape().rank()));
      },
      nb::arg("x"), nb::arg("widths"),
      "Zeros around x: widths are one integer, one pair (before, behind), or a list with a pair for each axis.");
  m.def(
      "softmax", [](nb::handle x, int axis) { return softmax(to_array(x), axis); }, nb::arg("x"), nb::arg("axis") = -1,
      "exp(x) / sum of exp(x) along an axis, for numbers of any size.");
  m.def(
      "log_softmax", [](nb::handle x, int axis) { return log_softmax(to_array(x), axis); }, nb::arg("x"),
      nb::arg("axis") = -1, "log(softmax(x)), for numbers of any size.");
  m.def(
      "cross_entropy",
      [](nb::handle logits, nb::handle target) { return cross_entropy(to_array(logits), to_array(target)); },
      nb::arg("logits"), nb::arg("target"),
      "-log_softmax(logits)[class], a scalar: logits [classes], and the class as a label [], one of the whole numbers "
      "0, ..., classes - 1\n(the loss and its gradients are NaN for any other), or as a unit vector or probabilities "
      "[classes].");
  m.def(
      "layer_norm",
      [](nb::handle x, nb::handle axis, double eps) { return layer_norm(to_array(x), to_integers(axis, "axis"), eps); },
      nb::arg("x"), nb::arg("axis") = -1, nb::kw_only(), nb::arg("eps") = 1e-5,
      "(x - mean) / sqrt(variance + eps) with the mean and the variance, divided by n, along an axis or several.");
  m.def(
      "group_norm", [](nb::handle x, std::int64_t groups, double eps) { return group_norm(to_array(x), groups, eps); },
      nb::arg("x"), nb::arg("groups"), nb::kw_only(), nb::arg("eps") = 1e-5,
      "(x - mean) / sqrt(variance + eps) with the mean and the variance of each of so many equal groups of "
      "neighbouring "
      "channels of\nx [channels, ...]. InvalidArgument unless groups divide the channels.");
}

}  // namespace

void bind_image_functions(nb::module_& module) {
  bind_convolutions(module);
  bind_pools(module);
  bind_normalization(module);
}

}  // namespace costate::python
