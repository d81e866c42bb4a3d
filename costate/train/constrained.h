// The lowest point among those that keep equations and limits, by the augmented Lagrangian (Nocedal and Wright 2006,
// "Numerical Optimization", sec. 17.3 and 17.4): with multipliers lambda and a penalty rho, rounds of L-BFGS on
//
//     f + sum_k (lambda_k g_k + rho / 2 g_k^2)                             over equations g_k = 0
//       + sum_k (max(0, lambda_k + rho g_k)^2 - lambda_k^2) / (2 rho)      over limits g_k <= 0,
//
// after each of which lambda_k becomes lambda_k + rho g_k, of a limit at least 0. At the end lambda_k is what a unit of
// g_k is worth in units of f. rho need not grow without end, and is raised only where a round came no nearer.
#pragma once

#include <cstdint>
#include <functional>

#include "costate/array/host_array.h"
#include "costate/graph/array.h"
#include "costate/train/evaluation.h"
#include "costate/train/minimize.h"

namespace costate {

/// A number for each equation and each limit.
struct Constraints {
  HostArray equations = {};
  HostArray limits = {};
};

struct Multipliers {
  Constraints lambda = {};
  double penalty = 1;  // rho
};

/// The same inside a trace: vectors; empty Arrays where there are none.
struct ConstraintArrays {
  Array equations = {};
  Array limits = {};
};

struct AugmentedTerms {
  ConstraintArrays g = {}, lambda = {};  // shaped alike
  Array penalty;
};

/// Inside a trace: the augmented Lagrangian of a scalar objective. ShapeError if g is no vector or lambda has another
/// shape.
Array augmented_lagrangian(const Array& objective, const AugmentedTerms& terms);

/// A problem as the rounds see it.
struct ConstrainedProblem {
  std::int64_t num_equations = 0, num_limits = 0;
  /// The augmented Lagrangian and its gradient, shaped like x; an infinite loss where there is none.
  std::function<Evaluation(const HostArray& x, const Multipliers& multipliers)> lagrangian;
  std::function<Constraints(const HostArray& x)> constraints;
};

/// What traced code gives at a point x.
struct ConstrainedLoss {
  Array objective;
  ConstraintArrays g = {};
};

/// The problem of code that is traced for an x of this shape. ShapeError unless the objective is a scalar and equations
/// and limits are vectors.
ConstrainedProblem constrained_problem(const std::function<ConstrainedLoss(Array x)>& loss, const Shape& shape);

struct ConstrainedOptions {
  int rounds = 20;            // at most
  MinimizeOptions each = {};  // round; on_step counts through all of them
  double violation = 1e-8;    // rounds end below this one
  double penalty = 10;        // the first rho
  double penalty_growth = 5;  // where a round leaves more than a quarter of the violation
};

struct ConstrainedMinimum {
  Constraints constraints = {};  // at the end
  Multipliers multipliers = {};
  /// The largest |g| of an equation, and of a limit that matters; of one that does not, how far lambda is from 0, over
  /// rho. Infinite after no round.
  double violation;
  int rounds = 0, steps = 0;
};

/// Moves x to a point with a small violation where the Lagrangian has a minimum. Whether it came there is what
/// `violation` tells: of limits that no point keeps it stays large.
/// Throws: InvalidArgument for options out of range; ShapeError as minimize().
ConstrainedMinimum minimize_constrained(HostArray& x, const ConstrainedProblem& problem,
                                        const ConstrainedOptions& options = {});

}  // namespace costate
