// The most probable field at the start and diffusion coefficient, given readings: L-BFGS on gradients of one solve.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "costate/costate.h"
#include "experiments/heat/heat_model.h"

namespace costate::experiments {

struct HeatEstimate {
  HostArray weights;  // of the prior [side, side]
  double diffusion = 0;
  std::vector<double> objective = {}, coefficient = {};  // after each step
  std::int64_t gradients = 0;                            // evaluations of the objective with its gradient

  /// The field at the start [size].
  std::vector<double> field(const HeatProblem& problem) const;
};

struct InversionOptions {
  int steps = 150;
  double gradient = 1e-3;  // ends where the gradient is so small, of an objective of about half a number of readings
};

/// Descends from `start`, whose weights may be of a coarser grid. Throws as check_problem does.
HeatEstimate estimate_heat(const HeatProblem& problem, const HostArray& measured, const HeatEstimate& start,
                           const InversionOptions& options, const std::function<void(const HeatEstimate&)>& after_step);

/// Where a descent begins: no field, and the prior's median coefficient.
HeatEstimate prior_estimate(const HeatProblem& problem);

}  // namespace costate::experiments
