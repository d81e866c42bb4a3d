// Runs gnuplot.
#pragma once

#include <string>

#include "costate/report/figure.h"

namespace costate::internal {

/// What gnuplot draws on its terminal. IoError if it is missing or fails.
std::string drawn(const Sheet& sheet, const std::string& terminal);

}  // namespace costate::internal
