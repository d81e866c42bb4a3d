// The plain network: linear layers with an activation between them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/nn/activations.h"
#include "costate/nn/linear.h"

namespace costate {

struct MlpOptions {
  std::int64_t inputs = 0;
  std::vector<std::int64_t> hidden = {};
  std::int64_t outputs = 0;
  Activation activation = Activation::kTanh;
  Init init = Init::kGlorotUniform;
  std::uint64_t seed = 0;
  std::string name = "net";
};

/// Layers of widths inputs -> hidden… -> outputs; the activation follows each but the last. Layer i has the Parameters
/// "<name>.<i>.weight" and "<name>.<i>.bias".
class Mlp {
 public:
  /// InvalidArgument unless all widths are at least 1.
  explicit Mlp(const MlpOptions& options);

  /// x [inputs] -> [outputs].
  Array operator()(const Array& x) const;
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const MlpOptions& options() const { return options_; }

 private:
  MlpOptions options_;
  std::vector<Linear> layers_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
