// What makes logits of feature maps, in odenet_mnist.py of Chen et al. 2018: norm, relu, the mean of each map, linear.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/linear.h"
#include "costate/nn/normalization.h"

namespace costate {

struct ClassifierHeadOptions {
  std::int64_t channels = 64;
  std::int64_t classes = 10;
  WeightSource source = {};
  std::string name = "head";
};

/// Parameters of "<name>.norm" and "<name>.linear".
class ClassifierHead {
 public:
  /// InvalidArgument for options out of range.
  explicit ClassifierHead(const ClassifierHeadOptions& options);

  /// x [channels, H, W] -> logits [classes].
  Array operator()(const Array& x) const;
  const ClassifierHeadOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  ClassifierHeadOptions options_;
  GroupNorm norm_;
  Linear linear_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
