// What the templates of all targets ask of a fitted model.
#pragma once

#include <functional>
#include <string>

#include "costate/codegen/internal/source_template.h"
#include "costate/series/series_model.h"

namespace costate::internal {

/// Conditions (inputs, events, hidden states …), sizes and the numbers of the solver; `number` writes one.
void describe_model(const SeriesModel& model, const std::function<std::string(double)>& number, TemplateValues& values);

/// The first lines of all that is made of a model: by what, and its names and units.
std::string about_model(const SeriesModel& model);

}  // namespace costate::internal
