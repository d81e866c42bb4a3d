// The rows of fit_options(), part by part.
#pragma once

#include <vector>

#include "costate/series/fit_options.h"

namespace costate::internal {

/// In the order of config.toml.
std::vector<FitOption> fit_option_rows();

}  // namespace costate::internal
