// Convolutions as layers: those of graph/convolution.h with weights of their own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/graph/convolution.h"
#include "costate/nn/initializers.h"

namespace costate {

struct Conv2dOptions {
  std::int64_t inputs = 0;   // channels
  std::int64_t outputs = 0;  // channels
  PerAxis kernel = 3;
  ConvOptions convolution = {};  // stride, padding, dilation, groups
  bool bias = true;
  Init init = Init::kTorchUniform;
  WeightSource source = {};
  std::string name = "conv";
};

/// W * x + b, with the Parameters "<name>.weight" [outputs, inputs / groups, kernel rows, kernel columns] and, if the
/// options have one, "<name>.bias" [outputs], as PyTorch's Conv2d has them. Initializers see the weight as the matrix
/// [outputs, inputs / groups · kernel].
class Conv2d {
 public:
  /// InvalidArgument unless all sizes are at least 1, groups divide inputs and outputs, and the options of the
  /// convolution are in conv2d's range.
  explicit Conv2d(const Conv2dOptions& options);

  /// x [inputs, H, W] -> [outputs, h, w]. ShapeError if x has another rank or number of channels, or if the kernel is
  /// larger than the padded image.
  Array operator()(const Array& x) const;
  const Conv2dOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  Conv2dOptions options_;
  std::vector<Parameter> parameters_;
};

struct Conv1dOptions {
  std::int64_t inputs = 0;   // channels
  std::int64_t outputs = 0;  // channels
  std::int64_t kernel = 3;
  SeriesConvOptions convolution = {};  // stride, padding, dilation, groups
  bool bias = true;
  Init init = Init::kTorchUniform;
  WeightSource source = {};
  std::string name = "conv";
};

/// The same along a series, as PyTorch's Conv1d: Parameters "<name>.weight" [outputs, inputs / groups, kernel] and
/// "<name>.bias" [outputs].
class Conv1d {
 public:
  /// InvalidArgument as Conv2d.
  explicit Conv1d(const Conv1dOptions& options);

  /// x [inputs, L] -> [outputs, l]. ShapeError as Conv2d.
  Array operator()(const Array& x) const;
  const Conv1dOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  Conv1dOptions options_;
  std::vector<Parameter> parameters_;
};

/// The convolution of [t, x], in which t is one more channel before those of x (`ConcatConv2d` of the authors'
/// odenet_mnist.py, Chen et al. 2018). No such map is made: it is W_x * x + t (W_t * 1) + b, and W_t * 1, which no
/// sample changes, is computed once. Parameters "<name>.weight" [outputs, 1 + inputs, …] and "<name>.bias".
class ConcatConv2d {
 public:
  /// `inputs` does not count t. InvalidArgument as above, and for groups other than 1.
  explicit ConcatConv2d(const Conv2dOptions& options);

  /// t [] and x [inputs, H, W] -> [outputs, h, w].
  Array operator()(const Array& t, const Array& x) const;
  const Conv2dOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return layer_.parameters(); }

 private:
  Conv2dOptions options_;
  Conv2d layer_;  // of 1 + inputs channels
};

}  // namespace costate
