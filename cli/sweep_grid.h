// The file of a sweep: which fits to run.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "costate/io/toml.h"
#include "costate/series/fit_config.h"

namespace costate::cli {

/// Options of `costate fit` by flag, as typed: {"--hidden", "64,64"}.
using GivenOptions = std::vector<std::pair<std::string, std::string>>;

struct SweepGrid {
  std::string data;
  GivenOptions fixed;               // of every fit
  std::vector<std::string> varied;  // flags
  std::vector<GivenOptions> runs;   // of each fit, one for each of `varied`; the last one changes fastest
};

/// "hidden" of "--hidden", as a grid calls it.
std::string key_of(const std::string& flag);

/// Reads a grid: [fit] holds `data` and options of `costate fit` by their flags without dashes, [grid] a list of values
/// for each option that varies. Every combination is checked as the command line would.
///
/// Throws: DataError, with file and line, for what is not such a file or has an unknown option, with the nearest one;
///         InvalidArgument, naming the run, for values that a fit refuses.
SweepGrid sweep_grid(const Config& file);

/// Of all files that the fits read, the one of the data and those that judge. IoError if one cannot be read.
std::string digest_of_data(const SweepGrid& grid);

}  // namespace costate::cli
