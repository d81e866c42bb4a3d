#include "costate/solve/control/initial_step.h"

#include <algorithm>
#include <cmath>

#include "costate/exec/kernels/kernels.h"

namespace costate {

double trial_step(const TrialNorms& norms) {
  constexpr FirstStepBounds bounds = kFirstStepBounds;
  const bool usable =
      norms.state >= bounds.least_norm && norms.slope >= bounds.least_norm && std::isfinite(norms.state / norms.slope);
  if (!usable) return bounds.blind_trial;
  return std::max(bounds.trial_share * norms.state / norms.slope, bounds.least_trial);
}

void initial_steps(const Tableau& tableau, FirstStep rule, const double* slopes, const double* curvatures,
                   double* steps, std::size_t count) {
  constexpr std::size_t kChunk = 32;
  constexpr FirstStepBounds bounds = kFirstStepBounds;
  const double order = tableau.error_order();
  for (; count > 0; count -= std::min(count, kChunk), slopes += kChunk, curvatures += kChunk, steps += kChunk) {
    const std::size_t n = std::min(count, kChunk);
    // In logarithms: the power of a large rate would overflow, and a rate of 0 allows any step.
    double logs[2 * kChunk];
    for (std::size_t i = 0; i < n; ++i) {
      const double largest = std::max(slopes[i], curvatures[i]);
      logs[i] =
          rule == FirstStep::kHairers ? kHairersError / largest : kFirstError / (tableau.error_constant * slopes[i]);
      logs[n + i] = curvatures[i] / slopes[i];
    }
    internal::unary_kernel<double>(Op::kLog)(logs, logs, 2 * n);
    for (std::size_t i = 0; i < n; ++i)
      logs[i] = rule == FirstStep::kHairers ? logs[i] / tableau.order : (logs[i] - (order - 1) * logs[n + i]) / order;
    internal::unary_kernel<double>(Op::kExp)(logs, logs, n);
    for (std::size_t i = 0; i < n; ++i) {
      const double moves = rule == FirstStep::kHairers ? std::max(slopes[i], curvatures[i]) : slopes[i];
      const double trial = steps[i];
      const double step =
          moves > bounds.least_slope ? logs[i] : std::max(bounds.blind_trial, trial * bounds.rest_share);
      const bool is_finite = std::isfinite(slopes[i]) && std::isfinite(curvatures[i]);
      steps[i] = is_finite ? std::min(bounds.most_trials * trial, step) : trial * bounds.rest_share;
    }
  }
}

double initial_step(double trial, const InitialNorms& norms, const Tableau& tableau, FirstStep rule) {
  initial_steps(tableau, rule, &norms.slope, &norms.curvature, &trial, 1);
  return trial;
}

}  // namespace costate
