// The rows of fit_config_options(), by theme.
#pragma once

#include <vector>

#include "costate/series/fit_config_options.h"

/// Access to a member of FitConfig, and to one that is an enumeration, whose names are name(x) and from_name(name).
#define COSTATE_MEMBER(name) option_access<FitConfig>([](auto& config) -> auto& { return config.name; })
#define COSTATE_CHOICE(name, from_name) \
  choice_access<FitConfig>(             \
      [](auto& config) -> auto& { return config.name; }, from_name)

namespace costate::internal {

/// Which columns of the file are what; what judges; how the file is laid out.
std::vector<FitConfigOption> column_options();
std::vector<FitConfigOption> part_options();
std::vector<FitConfigOption> layout_options();
/// The form of the model, its solves, its training; for how long and from which seeds.
std::vector<FitConfigOption> model_options();
std::vector<FitConfigOption> solver_options();
std::vector<FitConfigOption> training_options();
std::vector<FitConfigOption> run_options();

}  // namespace costate::internal
