// A driven system that is seen through one number y, with k successive samples of it as the state (Chen X. et al. 2022,
// Nature Communications 13:1016, eq. 4):
//
//     z = (y(t), y(t + 1), …, y(t + k - 1)),   dz/dt = rate net(z, e(t), e(t + 1), …, e(t + k - 1)),
//
// with the drives e [input] known, and t in samples.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/nn/mlp.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/vector_field.h"
#include "costate/train/trajectory_fit.h"

namespace costate {

struct DrivenDelaysOptions {
  std::int64_t delays = 2;  // k
  std::int64_t inputs = 1;
  std::vector<std::int64_t> hidden = {50, 50};
  double rate = 1;  // a sample in the net's unit of time
  std::uint64_t seed = 0;
};

/// What a driven system showed, sampled evenly.
struct DrivenSeries {
  HostArray y;       // [sample]
  HostArray inputs;  // [sample, input]
};

/// Samples first, first + 1, …
struct SampleSpan {
  std::int64_t first = 0, count = 0;
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

  /// Windows of `length` samples over a stretch of a series, each half over the next, and the field for them: what
  /// fit_trajectories takes. Inputs beyond the series are its first and last ones. InvalidArgument unless the length is
  /// at least 2 and the stretch, with k - 1 samples behind each window, lies within the series and holds a window.
  TrajectoryWindows windows(const DrivenSeries& series, const SampleSpan& stretch, std::int64_t length) const;
  VectorField field(const TrajectoryWindows& windows) const;
  /// y [sample] over the stretch, solved from its first k samples alone, one step of rk4 a sample. InvalidArgument if
  /// the series does not have these.
  HostArray run(const DrivenSeries& series, const SampleSpan& stretch) const;

 private:
  std::vector<HostArray> inputs_along(const DrivenSeries& series, const std::vector<std::int64_t>& firsts,
                                      std::int64_t length) const;

  DrivenDelaysOptions options_;
  Mlp net_;
};

}  // namespace costate
