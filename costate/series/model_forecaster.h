// A fitted model as a Forecaster: its state is estimated from the samples before the origin, and solved on. First over
// the context, which tells hidden states; then moved from there to fit the last samples (Correction), by weights that
// the validation chose.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "costate/series/forecaster.h"
#include "costate/series/series_model.h"
#include "costate/series/start_estimate.h"

namespace costate {

class ModelForecaster : public Forecaster {
 public:
  /// The model must outlive it; its weights are read at each call.
  explicit ModelForecaster(const SeriesModel& model);

  std::string name() const override { return "neural ODE"; }
  /// NaN from where a solve fails.
  std::vector<HostArray> forecast(std::span<const ForecastTask> tasks) const override;

  /// The whole state at each task's origin, hidden states included, normalized and in the data's units as in LastState.
  std::vector<std::vector<double>> states_at(std::span<const ForecastTask> tasks) const;

 private:
  /// [window, time, z] of stretches that begin at or before each origin.
  struct Paths {
    HostArray states;
    std::vector<std::size_t> known;  // samples up to the origin, it included
  };
  Paths solve(std::span<const ForecastTask> tasks) const;
  HostArray solve_from(std::span<const Stretch> stretches, const HostArray& shifts) const;
  HostArray corrected_shifts(std::span<const ForecastTask> tasks, const HostArray& shifts) const;

  const SeriesModel& model_;
  StartEstimator estimator_;
  std::optional<StartEstimator> corrector_;
  WindowProgram paths_;
};

}  // namespace costate
