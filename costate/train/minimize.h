// The lowest point of a function of numbers, where no batches are drawn: designs, inverse problems.
#pragma once

#include <functional>

#include "costate/array/host_array.h"
#include "costate/train/evaluation.h"

namespace costate {

struct MinimizeOptions {
  int steps = 100;                                                 // at most
  int history = 30;                                                // pairs that L-BFGS keeps
  std::function<void(int step, const HostArray& x)> on_step = {};  // after each step, counted from 1
};

/// Moves x by L-BFGS (OptimizerKind::kLbfgs) until no step leads lower, and says how many steps it took. `evaluate`
/// gives the loss at a point with its gradient, shaped like x: infinity where there is none, and steps end before that.
/// Throws: InvalidArgument for a negative number of steps or a history of none; ShapeError for another gradient.
int minimize(HostArray& x, const std::function<Evaluation(const HostArray& x)>& evaluate,
             const MinimizeOptions& options = {});

}  // namespace costate
