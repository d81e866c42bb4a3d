// The members of an ensemble as one Forecaster.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "costate/series/ensemble.h"
#include "costate/series/internal/model_forecaster.h"

namespace costate {

class EnsembleForecaster : public Forecaster {
 public:
  /// The ensemble must outlive it.
  explicit EnsembleForecaster(const Ensemble& ensemble);

  std::string name() const override { return kModelName; }
  /// Middles of bands.
  std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const override;

  struct Path {
    std::vector<std::vector<double>> starts;  // [member]: the state that it goes on from, as ModelForecaster::Path
    BandedPath ahead;                         // [ahead, state]
  };
  std::vector<Path> paths(std::span<const ForecastTask> tasks) const;

  /// What the members miss the measured cells of the tasks by.
  std::vector<Miss> misses(std::span<const ForecastTask> tasks) const;

 private:
  /// [member][task]
  using MemberPaths = std::vector<std::vector<ModelForecaster::Path>>;
  MemberPaths member_paths(std::span<const ForecastTask> tasks) const;

  const Ensemble& ensemble_;
  std::vector<std::unique_ptr<ModelForecaster>> members_;
};

}  // namespace costate
