// y = W x + b.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/nn/initializers.h"

namespace costate {

struct LinearOptions {
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  Init init = Init::kGlorotUniform;
  WeightSource source = {};
  std::string name = "linear";
};

/// Weights W [outputs, inputs] and a bias b [outputs], which starts at 0 unless `init` is PyTorch's: the Parameters
/// "<name>.weight" and "<name>.bias".
class Linear {
 public:
  /// InvalidArgument unless inputs and outputs are at least 1.
  explicit Linear(const LinearOptions& options);

  /// x [inputs] -> [outputs]. ShapeError if x has another shape.
  Array operator()(const Array& x) const;
  const LinearOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  LinearOptions options_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
