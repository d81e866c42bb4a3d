// The rows of fit_options(), by theme.
#pragma once

#include <vector>

#include "costate/series/fit_options.h"

/// Access to a member of FitConfig, and to one that is an enumeration, whose names are name(x) and from_name(name).
#define COSTATE_MEMBER(name) option_access<FitConfig>([](auto& config) -> auto& { return config.name; })
#define COSTATE_CHOICE(name, from_name) \
  choice_access<FitConfig>(             \
      [](auto& config) -> auto& { return config.name; }, from_name)

namespace costate::internal {

/// Which columns of the file are what; what judges; how the file is laid out.
std::vector<FitOption> column_options();
std::vector<FitOption> part_options();
std::vector<FitOption> layout_options();
/// The form of the model, its solves, its training; for how long and from which seeds.
std::vector<FitOption> model_options();
std::vector<FitOption> solver_options();
std::vector<FitOption> training_options();
std::vector<FitOption> run_options();

}  // namespace costate::internal
