// A driven system that is seen through one number y, with k successive samples of it as the state (Chen X. et al. 2022,
// Nature Communications 13:1016, eq. 4):
//
//     z = (y(t), y(t + 1), …, y(t + k - 1)),   dz/dt = rate net(z, e(t), e(t + 1), …, e(t + k - 1)),
//
// with the drives e [input] known, and t in samples.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/nn/mlp.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/vector_field.h"

namespace costate {

struct DrivenDelaysOptions {
  std::int64_t delays = 2;  // k
  std::int64_t inputs = 1;
  std::vector<std::int64_t> hidden = {50, 50};
  double rate = 1;  // a sample in the net's unit of time
  std::uint64_t seed = 0;
};

class DrivenDelays {
 public:
  /// InvalidArgument unless delays and inputs are at least 1.
  explicit DrivenDelays(const DrivenDelaysOptions& options);

  std::int64_t delays() const { return options_.delays; }
  const DrivenDelaysOptions& options() const { return options_; }
  /// Takes z, then each input's k samples, in order; gives dz/dt [delays].
  const Mlp& net() const { return net_; }
  const std::vector<Parameter>& parameters() const { return net_.parameters(); }
  /// Arguments: u_times [num_samples], in samples, and u [num_samples, input]; `interpolation` says how inputs run
  /// between them.
  VectorField field(std::int64_t num_samples, Interpolation interpolation = Interpolation::kCubic) const;

 private:
  DrivenDelaysOptions options_;
  Mlp net_;
};

}  // namespace costate
