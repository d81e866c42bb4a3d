// The first step when the user gives none: the algorithm of Hairer, Norsett and Wanner, Solving Ordinary Differential
// Equations I, II.4, with torchdiffeq's constants. It is cut into pure parts around its one extra evaluation of f:
//
//     scale_i = atol + rtol |y0_i|            (all norms: root mean square of v_i / scale_i)
//     d0 = |y0|,  d1 = |f0|,  f0 = f(t0, y0)
//     h0 = 0.01 d0 / d1,  or 1e-6 if d0 or d1 is below 1e-5                       trial_step
//     f1 = f(t0 + s h0, y0 + s h0 f0),  s = +-1 the direction of time
//     d2 = |f1 - f0| / h0
//     h1 = (0.01 / max(d1, d2))^(1 / k),  or max(1e-6, 1e-3 h0) if d1, d2 <= 1e-15
//     h  = min(100 h0, h1)                                                        initial_step
//
// with k the error estimate's order. Step sizes here are positive; the caller gives them their sign.
#pragma once

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

/// h. `error_order` is Tableau::error_order(). trial / 1000 if a norm is not finite.
double initial_step(double trial, const InitialNorms& norms, int error_order);

}  // namespace costate
