// The most probable field and coefficient of a small grid without any solve or descent: matrices alone.
#pragma once

#include <vector>

#include "costate/costate.h"
#include "experiments/heat/heat_model.h"

namespace costate::experiments {

struct DirectOptimum {
  std::vector<double> field;  // at the start, [size]
  double diffusion = 0;
  double objective = 0;
};

/// For each coefficient the readings are linear in the weights of the prior, by e^(tA), and the best weights solve
/// normal equations; the coefficient then minimizes a function of one number.
DirectOptimum direct_optimum(const HeatProblem& problem, const HostArray& measured);

/// Readings [times, sensors] of a start [size] by e^(tA).
std::vector<double> exponential_readings(const HeatProblem& problem, const std::vector<double>& start,
                                         double diffusion);

}  // namespace costate::experiments
