// Normalization as layers: those of operations/normalize.h, times a weight plus a bias.
//
// Both look at one sample alone. Batch normalization does not: it takes means over the batch, of which a Function,
// which describes one sample, knows nothing; in an ODE it would also make each sample's solution depend on its batch
// mates. Use GroupNorm. For dropout, which draws at random, use a penalty on the weights (AdamW's weight decay).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "costate/graph/array.h"

namespace costate {

struct GroupNormOptions {
  std::int64_t groups = 0;
  std::int64_t channels = 0;
  double eps = 1e-5;
  std::string name = "norm";
};

/// group_norm(x) w + b with one weight and one bias a channel: the Parameters "<name>.weight" [channels], which starts
/// at 1, and "<name>.bias" [channels], which starts at 0.
class GroupNorm {
 public:
  /// InvalidArgument unless groups divide the channels, both at least 1, and eps > 0.
  explicit GroupNorm(const GroupNormOptions& options);

  /// x [channels, …], of its shape. ShapeError if it has another number of channels.
  Array operator()(const Array& x) const;
  const GroupNormOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  GroupNormOptions options_;
  std::vector<Parameter> parameters_;
};

struct LayerNormOptions {
  std::vector<std::int64_t> shape = {};  // of the last axes of x, over which it is normalized
  double eps = 1e-5;
  std::string name = "norm";
};

/// layer_norm(x) w + b over the last axes: the Parameters "<name>.weight", which starts at 1, and "<name>.bias", which
/// starts at 0, both of the options' shape.
class LayerNorm {
 public:
  /// InvalidArgument unless there is an axis, all are at least 1, and eps > 0.
  explicit LayerNorm(const LayerNormOptions& options);

  /// x [… , shape], of its shape. ShapeError if the last axes are others.
  Array operator()(const Array& x) const;
  const LayerNormOptions& options() const { return options_; }
  const std::vector<Parameter>& parameters() const { return parameters_; }

 private:
  LayerNormOptions options_;
  std::vector<Parameter> parameters_;
};

}  // namespace costate
