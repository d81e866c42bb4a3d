// Prediction of a series by a driven device as a reservoir: each number enters as 50 masked inputs, the device's 50
// answers are its features, and a linear read-out is fitted to them.
#pragma once

#include <filesystem>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

/// The numbers of a file, one a line. DataError if there is something else in it, or too few of them.
std::vector<double> read_reservoir_inputs(const std::filesystem::path& path);

struct Reservoir {
  HostArray states;        // y1 at the start of each hold: [input, node]
  double nanoseconds = 0;  // of the device
  double seconds = 0;      // of the solve, on one core
};

/// Solves the model under the masked inputs, two samples of 5 ps each.
Reservoir run_reservoir(const DrivenDelays& model, const std::vector<double>& inputs);

constexpr int kShownHorizon = 10;

struct Prediction {
  std::vector<double> nrmse;              // by horizon, from 0
  std::vector<double> target, predicted;  // of the shown horizon, over the test
};

/// Fits a read-out to each horizon 0 … horizons - 1, and tests it on inputs that it has not seen.
Prediction predict(const Reservoir& reservoir, const std::vector<double>& inputs, int horizons);

}  // namespace costate::experiments
