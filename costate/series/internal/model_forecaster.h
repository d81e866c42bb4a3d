// A fitted model as a Forecaster: its state is estimated from the samples before the origin, and solved on. First over
// the context, which tells hidden states; then moved from there to fit the last samples (Correction), by weights that
// the validation chose.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "costate/series/forecaster.h"
#include "costate/series/internal/start_estimate.h"
#include "costate/series/series_model.h"

namespace costate {

class ModelForecaster : public Forecaster {
 public:
  /// The model must outlive it; its weights are read at each call.
  explicit ModelForecaster(const SeriesModel& model);

  std::string name() const override { return kModelName; }
  /// NaN from where a solve fails.
  std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const override;

  /// A forecast, and the whole state that it goes on from at the task's origin: measured ones in the data's units, then
  /// hidden ones, as in LastState.
  struct Path {
    std::vector<double> start;
    HostArray ahead;  // as of forecast()
  };
  std::vector<Path> paths(std::span<const ForecastTask> tasks) const;

  /// The two halves of it, for a few tasks and whoever tries several corrections: what the tasks' contexts tell of
  /// their starts, [task, z], and the paths from there with a correction.
  HostArray context_shifts(std::span<const ForecastTask> tasks) const;
  std::vector<Path> paths_from(std::span<const ForecastTask> tasks, HostArray shifts,
                               const Correction& correction) const;

 private:
  HostArray solve_from(std::span<const Stretch> stretches, const HostArray& shifts) const;
  HostArray corrected(std::span<const ForecastTask> tasks, const HostArray& shifts, const Correction& correction) const;

  const SeriesModel& model_;
  StartEstimator estimator_;
  WindowProgram solves_, starts_;
};

}  // namespace costate
