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

double initial_step(double trial, const InitialNorms& norms, const Tableau& tableau) {
  constexpr double kFirstError = 0.003;  // measured: 0.003 to 0.3 cost the same within 2 %
  if (!std::isfinite(norms.slope) || !std::isfinite(norms.curvature)) return trial * 1e-3;
  double step = std::max(1e-6, trial * 1e-3);
  if (norms.slope > 1e-15) {
    const double order = tableau.error_order();
    const double rate = norms.curvature / norms.slope;
    // In logarithms: the power of a large rate would overflow, and a rate of 0 allows any step.
    step = std::exp((std::log(kFirstError / (tableau.error_constant * norms.slope)) - (order - 1) * std::log(rate)) /
                    order);
  }
  return std::min(100 * trial, step);
}

}  // namespace costate
