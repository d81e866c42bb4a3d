// A root of f(x) = 0 as a function of what f depends on. With J = df/dx at the root, one transposed solve J^T lambda =
// xbar gives thetabar = -lambda^T df/dtheta (the implicit function theorem; Blondel et al. 2022, "Efficient and modular
// implicit differentiation", eq. 4): no derivative goes through the iterations.
#pragma once

#include <functional>

#include "costate/graph/array.h"

namespace costate {

struct RootOptions {
  int iterations = 20;      // of Newton's method, all of them done
  double tolerance = 1e-9;  // of the last correction, relative to 1 + |x|, largest element
};

/// x [n] with f(x) = 0, by Newton's method from `guess` [n]. f maps [n] to [n] and may use any Array of the trace.
/// NaN where the iteration does not end within the tolerance. First derivatives, both ways.
///
/// Throws: ShapeError unless f gives what it takes; InvalidArgument for options out of range.
Array root(const std::function<Array(Array)>& f, Operand guess, const RootOptions& options = {});

}  // namespace costate
