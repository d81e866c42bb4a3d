// What makes feature maps of an image, in odenet_mnist.py of Chen et al. 2018:
//
//     conv 3x3    norm, relu, conv 4x4 of stride 2 and padding 1    the same once more       28 -> 26 -> 13 -> 6 rows
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/convolution.h"
#include "costate/nn/normalization.h"

namespace costate {

struct DownsamplingOptions {
  std::int64_t inputs = 1;     // channels of an image
  std::int64_t channels = 64;  // of the feature maps; 32 must divide more than 32
  WeightSource source = {};    // of the first convolution; the others take the next streams
  std::string name = "downsampling";
};

/// Parameters of "<name>.conv0", "norm0", "conv1", "norm1" and "conv2", in the order of the authors' state dict.
class Downsampling {
 public:
  /// InvalidArgument for options out of range.
  explicit Downsampling(const DownsamplingOptions& options);

  /// An image [inputs, H, W] -> [channels, h, w], h = floor((floor((H - 2) / 2)) / 2) and w alike.
  Array operator()(const Array& image) const;
  const DownsamplingOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  DownsamplingOptions options_;
  Conv2d first_, second_, third_;
  GroupNorm first_norm_, second_norm_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
