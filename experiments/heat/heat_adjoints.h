// One gradient, by the field at the start and the logarithm of the coefficient, in several ways that must agree, and
// in one that cannot.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"
#include "experiments/heat/heat_model.h"

namespace costate::experiments {

/// How far ways to the same gradient are from the discrete adjoint, relative to its largest number.
struct AdjointAgreement {
  double smaller_budget = 0;    // the discrete adjoint with a hundredth of the memory
  double adjoint_equation = 0;  // the gradient by the start as the solution of the adjoint equation itself
  double forward_mode = 0;      // along directions at random, by tangents: relative to the derivative there
};

AdjointAgreement compare_adjoints(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                                  const HostArray& measured);

/// The error of Algorithm 2 on a grid in the derivative by the coefficient, relative to the discrete adjoint; infinite
/// where it came to nothing. It is the part that needs the state: the equation is linear, so that the derivative by the
/// start does not.
struct BacksolveRow {
  std::int64_t cells = 0;
  double growth = 0;  // of a rounding error over one interval, the factor exp(32/3 kappa cells^2 dt)
  double error = 0;
};

BacksolveRow try_backsolve(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                           const HostArray& measured);

/// What a gradient costs.
struct GradientCost {
  std::size_t budget = 0;  // bytes
  double evaluations = 0;  // of the field, forward and backward, over those of a solve alone
  double memory = 0;       // bytes beyond those of a solve alone
  double seconds = 0, forward_seconds = 0;
  std::vector<double> gradient = {};
};

GradientCost measure_gradient(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                              const HostArray& measured, std::size_t budget);

}  // namespace costate::experiments
