// The residual block x + h F(x) (He et al., CVPR 2016, eq. 1): with h = 1 the block of a ResNet; N blocks that share F,
// with h = 1 / N, are N Euler steps of x' = F(x) over [0, 1].
#pragma once

#include <vector>

#include "costate/nn/mlp.h"

namespace costate {

struct ResidualOptions {
  MlpOptions branch = {};  // F; inputs and outputs must be equal
  double scale = 1.0;      // h
};

class Residual {
 public:
  /// InvalidArgument unless F gives what it takes.
  explicit Residual(const ResidualOptions& options);

  /// x [n] -> [n].
  Array operator()(const Array& x) const { return x + options_.scale * branch_(x); }
  const ResidualOptions& options() const { return options_; }
  const Mlp& branch() const { return branch_; }
  const std::vector<Parameter>& parameters() const { return branch_.parameters(); }

 private:
  ResidualOptions options_;
  Mlp branch_;
};

}  // namespace costate
