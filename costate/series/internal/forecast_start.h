// Where a forecast begins.
#pragma once

#include <string>
#include <vector>

#include "costate/series/forecast.h"

namespace costate::internal {

struct ForecastStart {
  std::string id;
  double time = 0;
  std::vector<double> state;  // measured ones, then hidden ones, if these are known
  std::vector<double> covariates = {};
  std::vector<Event> events = {};        // at this time or running on
  std::vector<double> input_times = {};  // of inputs that are known without a drive
  HostArray inputs = HostArray(Shape{0, 0});
  std::vector<double> ahead = {};  // times of samples behind the start
  std::string note = {};           // what was estimated; "" for nothing
};

/// Columns that measure states: those of `state_names` without delayed copies.
std::size_t num_columns(const SeriesModel& model);

/// Throws as forecast().
std::vector<ForecastStart> forecast_starts(const SeriesModel& model, const ForecastOptions& options);

}  // namespace costate::internal
