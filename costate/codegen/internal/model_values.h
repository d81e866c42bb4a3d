// What the templates of all targets ask of a fitted model.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "costate/series/series_model.h"
#include "costate/solve/methods/tableau.h"
#include "costate/source/internal/source_template.h"

namespace costate::internal {

/// The method of the model's solves. NotSupported if it is implicit: these solvers have no source.
const Tableau& exported_method(const SeriesModel& model);

/// Conditions (inputs, events, hidden states …), sizes and the numbers of the solver; `number` writes one.
void describe_model(const SeriesModel& model, const std::function<std::string(double)>& number, TemplateValues& values);

/// "a, b", with names that hold a comma in quotes, as in CSV files: "x,y", v.
std::string list_of_names(const std::vector<std::string>& names);

/// The first lines of all that is made of a model: by what, and its names and units.
std::string about_model(const SeriesModel& model);

}  // namespace costate::internal
