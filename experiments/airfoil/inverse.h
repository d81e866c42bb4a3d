// Inverse design: which airfoil has this pressure?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/airfoil/flow.h"

namespace costate::experiments {

/// An airfoil on the way, after so many steps of L-BFGS.
struct Stage {
  int step;
  FlowPast flow;
};

struct Recovery {
  FlowPast hidden;            // points and exact pressure of the conformal map
  std::vector<Stage> stages;  // before, along the way, after
  std::int64_t coefficients = 0;
  double shape_error = 0;     // the largest distance in y of the outlines, in chords
  double pressure_error = 0;  // root mean square over the first 98 % of the chord
};

struct RecoverOptions {
  std::int64_t panels = 200;
  std::int64_t modes = 12;  // of each side
  int steps = 400;
};

/// A Karman-Trefftz airfoil, which class and shape functions meet approximately only, from the exact pressure of its
/// conformal map, from a symmetric airfoil on.
Recovery recover(const RecoverOptions& options);

}  // namespace costate::experiments
