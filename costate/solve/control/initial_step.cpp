#include "costate/solve/control/initial_step.h"

#include <algorithm>
#include <cmath>

namespace costate {

double trial_step(const TrialNorms& norms) {
  constexpr double kTiny = 1e-6;
  const bool usable = norms.state >= 1e-5 && norms.slope >= 1e-5 && std::isfinite(norms.state / norms.slope);
  if (!usable) return kTiny;
  // A huge slope must not make a step of zero.
  return std::max(0.01 * norms.state / norms.slope, 1e-300);
}

double initial_step(double trial, const InitialNorms& norms, int error_order) {
  if (!std::isfinite(norms.slope) || !std::isfinite(norms.curvature)) return trial * 1e-3;
  const double steepest = std::max(norms.slope, norms.curvature);
  const double step = steepest <= 1e-15 ? std::max(1e-6, trial * 1e-3) : std::pow(0.01 / steepest, 1.0 / error_order);
  return std::min(100 * trial, step);
}

}  // namespace costate
