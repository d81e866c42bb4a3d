// The right-hand side of an ODE-Net on feature maps, `ODEfunc` of odenet_mnist.py (Chen et al. 2018):
//
//     dx/dt = norm(conv(t, relu(norm(conv(t, relu(norm(x)))))))        conv 3x3 with t as one more channel
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/activations.h"
#include "costate/nn/convolution.h"
#include "costate/nn/normalization.h"

namespace costate {

struct ConvFieldOptions {
  std::int64_t channels = 64;
  Activation activation = Activation::kRelu;  // a smooth one shows a method's order
  WeightSource source = {};                   // of the first convolution; the second takes the next stream
  std::string name = "field";
};

/// Parameters of "<name>.norm0", "conv0", "norm1", "conv1" and "norm2", in the order of the authors' state dict.
class ConvField {
 public:
  /// InvalidArgument for options out of range.
  explicit ConvField(const ConvFieldOptions& options);

  /// dx/dt [channels, H, W] at t [] and x [channels, H, W].
  Array operator()(const Array& t, const Array& x) const;
  const ConvFieldOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  ConvFieldOptions options_;
  GroupNorm first_norm_, second_norm_, last_norm_;
  ConcatConv2d first_, second_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
