// Design: more lift at the same angle, within limits.
#pragma once

#include <string>
#include <vector>

#include "experiments/airfoil/inverse.h"

namespace costate::experiments {

/// A limit g <= 0 on the design.
struct Limit {
  std::string name;
  double start, end;  // g before and after
  double multiplier;  // what a unit of the limit is worth, in units of the objective
};

struct Design {
  std::vector<Stage> stages;
  std::vector<Limit> limits;
  int rounds = 0;  // of the augmented Lagrangian
  std::int64_t gradients = 0;
  double stationarity = 0;  // the largest element of the Lagrangian's gradient at the end

  /// The largest g, or 0.
  double violation() const;
};

struct DesignOptions {
  std::int64_t panels = 200;
  std::int64_t modes = 12;  // of each side
  int rounds = 20;
  int steps = 100;  // of L-BFGS in each round
};

/// Raises cl - w |a - a_start|^2 / 2 at 3 degrees over the coefficients a, by an augmented Lagrangian. The last term
/// keeps the design near its start: a potential flow knows no stall, and would take any camber. Limits: no thicker at
/// three stations, yet more area, and a moment about the quarter chord that turns the nose down little more.
Design raise_lift(const DesignOptions& options);

}  // namespace costate::experiments
