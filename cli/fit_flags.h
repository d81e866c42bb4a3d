// The rows of fit_config_options() as flags of a command.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/command_line.h"
#include "costate/series/fit_config.h"
#include "costate/series/fit_config_options.h"

namespace costate::cli {

/// Adds a flag for each option that `wants`. What is given is set in `config`, and noted in `given`: "--epochs 9".
void add_fit_flags(Command& command, FitConfig& config, std::vector<std::string>& given,
                   const std::function<bool(const FitConfigOption&)>& wants);

/// Sets the option of a flag, such as "--epochs", from text. InvalidArgument as on the command line.
void set_fit_option(FitConfig& config, const std::string& flag, const std::string& text);

}  // namespace costate::cli
