// The inputs along a forecast: known ones, and what is taken for those that are not.
#pragma once

#include <string>
#include <vector>

#include "costate/series/internal/forecast_start.h"

namespace costate::internal {

struct ForecastInputs {
  Trajectory rows = {.id = {}, .times = {}, .states = HostArray(Shape{0, 0}), .inputs = HostArray(Shape{0, 0})};
  std::string note = {};  // what was assumed; "" for nothing
};

/// Over `times`, the first of which is the start's. Empty for a model without inputs. Throws as forecast().
ForecastInputs forecast_inputs(const SeriesModel& model, const ForecastOptions& options, const ForecastStart& start,
                               const std::vector<double>& times);

/// The inputs at a time; none for a model without.
std::vector<double> inputs_at(const SeriesModel& model, const ForecastInputs& inputs, double time);

}  // namespace costate::internal
