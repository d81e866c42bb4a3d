// The pre-activation residual block on feature maps (He et al., ECCV 2016, arXiv:1603.05027, fig. 1b), `ResBlock` of
// odenet_mnist.py:
//
//     x + conv(relu(norm(conv(relu(norm(x))))))        conv 3x3 of padding 1 without a bias
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/convolution.h"
#include "costate/nn/normalization.h"

namespace costate {

struct ResidualConvOptions {
  std::int64_t channels = 64;
  WeightSource source = {};  // of the first convolution; the second takes the next stream
  std::string name = "block";
};

/// Parameters of "<name>.norm0", "conv0", "norm1" and "conv1".
class ResidualConv {
 public:
  /// InvalidArgument for options out of range.
  explicit ResidualConv(const ResidualConvOptions& options);

  /// x [channels, H, W], of its shape.
  Array operator()(const Array& x) const;
  const ResidualConvOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  ResidualConvOptions options_;
  GroupNorm first_norm_, second_norm_;
  Conv2d first_, second_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
