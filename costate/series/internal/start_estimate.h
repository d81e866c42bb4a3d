// Where a model stands after what was seen of a trajectory: the start of a stretch is moved to where the solve from it
// comes nearest to the stretch's known samples, hidden states too. Missing cells, uneven times and states that ended
// early need nothing of their own.
#pragma once

#include "costate/array/host_array.h"
#include "costate/series/internal/window_arrays.h"
#include "costate/series/series_model.h"

namespace costate {

class StartEstimator {
 public:
  /// The model must outlive it; its weights are read at each call.
  explicit StartEstimator(const SeriesModel& model);

  /// Shifts of the starts, [window, z], that minimize the squared distance from the known samples and `weight` times
  /// that from the shift expected, by at most ten steps of Levenberg and Marquardt (Nocedal and Wright 2006, chapter
  /// 10) for each window by itself. The shift expected for a window whose solve fails from there.
  HostArray estimate(const WindowArrays& windows, const HostArray& expected, double weight) const;
  /// With no shift expected, at the cost that it has in training (window_loss.h).
  HostArray estimate(const WindowArrays& windows) const;

 private:
  std::int64_t num_states_;
  WindowProgram program_;
};

}  // namespace costate
