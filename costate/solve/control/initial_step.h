// The first step when the user gives none. Like the algorithm of Hairer, Norsett and Wanner (Solving Ordinary
// Differential Equations I, II.4) it spends one evaluation of f to see how fast the slope changes; what it makes of it
// is the method's own error estimate. Theirs knows neither the method nor the unit of time, and takes a first step
// whose error is 1e-5 of what is allowed: a tenth of the possible step for dopri5, less for dopri8, and solves of a few
// steps, which neural ODEs are, pay for that with a fifth of their evaluations. It is cut into pure parts around that
// evaluation:
//
//     scale_i = atol + rtol |y0_i|            (all norms: root mean square of v_i / scale_i)
//     d0 = |y0|,  d1 = |f0|,  f0 = f(t0, y0)
//     h0 = 0.01 d0 / d1,  or 1e-6 if d0 or d1 is below 1e-5                       trial_step
//     f1 = f(t0 + s h0, y0 + s h0 f0),  s = +-1 the direction of time
//     d2 = |f1 - f0| / h0,  rate = d2 / d1
//     h1: 0.003 = C h1^k d1 rate^(k-1),  or max(1e-6, 1e-3 h0) if d1 <= 1e-15
//     h  = min(100 h0, h1)                                                        initial_step
//
// with k the error estimate's order and C its error_constant: d1 rate^(k-1) stands for the solution's k-th derivative,
// as if every derivative were `rate` times the one before. By FirstStep::kHairers, torchdiffeq's, h1 is Hairer's as
// well, (0.01 / max(d1, d2))^(1/p) with p the method's order. Step sizes here are positive; the caller gives them their
// sign.
#pragma once

#include <cstddef>

#include "costate/solve/control/controller.h"
#include "costate/solve/methods/tableau.h"

namespace costate {

struct TrialNorms {
  double state;  ///< d0
  double slope;  ///< d1
};

/// h0. 1e-6 if a norm is not finite.
double trial_step(const TrialNorms& norms);

struct InitialNorms {
  double slope;      ///< d1
  double curvature;  ///< d2
};

/// The error that the first step is to have, in tolerances; measured: 0.003 to 0.3 cost the same within 2 %.
inline constexpr double kFirstError = 0.003, kHairersError = 0.01;

/// The other numbers of the formulas above.
struct FirstStepBounds {
  double least_norm = 1e-5;     ///< below, d0 and d1 tell nothing of a step
  double blind_trial = 1e-6;    ///< h0 then, and the least h1 of a field that is at rest
  double trial_share = 0.01;    ///< of d0 / d1
  double least_trial = 1e-300;  ///< a huge slope must not make a step of zero
  double least_slope = 1e-15;   ///< below, the field is at rest
  double rest_share = 1e-3;     ///< of h0, at rest and where a norm is not finite
  double most_trials = 100;     ///< h is at most so many h0
};
inline constexpr FirstStepBounds kFirstStepBounds = {};

/// The same by their names, for generated source, which takes a first step as well.
struct NamedBound {
  const char* name;
  double value;
};
inline constexpr NamedBound kNamedFirstStepBounds[] = {
    {"least_norm", kFirstStepBounds.least_norm},   {"blind_trial", kFirstStepBounds.blind_trial},
    {"trial_share", kFirstStepBounds.trial_share}, {"least_trial", kFirstStepBounds.least_trial},
    {"least_slope", kFirstStepBounds.least_slope}, {"rest_share", kFirstStepBounds.rest_share},
    {"most_trials", kFirstStepBounds.most_trials}};

/// h, for a method with an error estimate. trial / 1000 if a norm is not finite.
double initial_step(double trial, const InitialNorms& norms, const Tableau& tableau, FirstStep rule);

/// initial_step, to the bit, for many samples: `steps` [count] is the trials before and h after.
void initial_steps(const Tableau& tableau, FirstStep rule, const double* slopes, const double* curvatures,
                   double* steps, std::size_t count);

}  // namespace costate
