// A step of an implicit method.
//
// Newton's method goes on numbers through which no derivative flows, a fixed number of iterations with one factorized
// matrix, so that all lanes run the same instructions. A function to be differentiated adds to the z that it found
//
//     -M(z)^-1 (G(z) - stop_gradient(G(z))),   G(z) = 0 at the stage, M = dG/dz
//
// which is 0 and has the derivative of the implicit function theorem: with and without gradients a step has the same
// bits, and only who asks for gradients pays for M.
#pragma once

#include "costate/solve/internal/step_function.h"

namespace costate::internal {

/// InvalidArgument for a state whose dense Jacobian is too large.
StepFunction implicit_step(const VectorField& field, const SolveOptions& options, StepUse use, double rounding);

/// The explicit step of a method that switches, whose implicit one implicit_step() gives. Both have the same dense
/// output, the three increments D_p of methods/implicit.h behind y1 - y.
StepFunction explicit_step(const VectorField& field, const SolveOptions& options, StepUse use,
                           double rounding = std::numeric_limits<double>::epsilon());

}  // namespace costate::internal
