// Many layers of one width, plain or with an identity around each: the two families of He, Zhang, Ren and Sun (CVPR
// 2016), as fully connected nets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/linear.h"

namespace costate {

enum class Skip { kNone, kIdentity };

/// "none", "identity".
std::string name(Skip skip);
/// InvalidArgument, with the nearest name, if there is none.
Skip skip_from_name(const std::string& name);

struct DeepNetOptions {
  std::int64_t inputs = 0;
  std::int64_t width = 32;
  std::int64_t depth = 1;  // layers width -> width
  std::int64_t outputs = 0;
  Skip skip = Skip::kIdentity;
  std::uint64_t seed = 0;
};

/// h_0 = relu(W x + b); then h_{i+1} = relu(W_i h_i + b_i), plain, or h_i + relu(W_i h_i + b_i), residual; W h_depth +
/// b comes out. Weights start as in He et al. 2015; those of residual branches 1 / sqrt(depth) smaller, so that the sum
/// of all branches has the size of one. Parameters "first.…", "layer0.…", …, "last.…", each .weight and .bias.
class DeepNet {
 public:
  /// InvalidArgument unless inputs, width and outputs are at least 1 and depth is not negative.
  explicit DeepNet(const DeepNetOptions& options);

  /// x [inputs] -> [outputs].
  Array operator()(const Array& x) const;
  const DeepNetOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  DeepNetOptions options_;
  Linear first_;
  std::vector<Linear> layers_;
  Linear last_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
