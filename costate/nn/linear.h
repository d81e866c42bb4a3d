// y = W x + b.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/graph/array.h"
#include "costate/nn/initializers.h"

namespace costate {

struct LinearOptions {
  std::int64_t in = 0;
  std::int64_t out = 0;
  Init init = Init::kGlorotUniform;
  WeightSource source = {};
  std::string name = "linear";
};

/// Weights W [out, in] and a bias b [out] that starts at 0: the Parameters "<name>.weight" and "<name>.bias".
class Linear {
 public:
  /// InvalidArgument unless in and out are at least 1.
  explicit Linear(const LinearOptions& options);

  /// x [in] -> [out]. ShapeError if x has another shape.
  Array operator()(const Array& x) const;
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace costate
