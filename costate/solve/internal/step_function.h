// A step of an implicit method as a Function of one sample: what a solver runs in lanes, and what a reverse sweep runs
// the vjp of.
//
// Newton's method goes on numbers through which no derivative flows, a fixed number of iterations with one factorized
// matrix, so that all lanes run the same instructions. A function to be differentiated adds to the z that it found
//
//     -M(z)^-1 (G(z) - stop_gradient(G(z))),   G(z) = 0 at the stage, M = dG/dz
//
// which is 0 and has the derivative of the implicit function theorem: with and without gradients a step has the same
// bits, and only who asks for gradients pays for M.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "costate/solve/options.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

struct StepFunction {
  /// Inputs: the time of each node, h, the state y [n] before the step, then the field's arguments and Parameters.
  /// Outputs: y1 [n], then what StepUse says.
  Function function;
  std::vector<double> nodes = {};  ///< its times are those of t + node h
  std::size_t num_dense = 0;
  std::size_t dense_degree = 0;
  /// y(t + theta h) = y + sum_j d_j sum_p dense[j * dense_degree + p] theta^(p + 1).
  std::vector<double> dense = {};
  bool has_error = false, has_newton_error = false, has_stiffness = false;
  int evaluations = 0;  ///< of the field, those of its Jacobian not counted

  std::span<const double> dense_row(std::size_t j) const {
    return std::span(dense).subspan(j * dense_degree, dense_degree);
  }
  std::size_t first_state_input() const { return nodes.size() + 1; }
};

/// What a step is made for: to step, with the vectors of the dense output [n], then the estimate of the error [n], what
/// Newton's method is still off [], in tolerances, and the measure of control/stiffness_switch.h [], where there are
/// such; for its vjp, with the vectors of the dense output alone; or for its jvp, with the estimate of the error alone.
enum class StepUse { kForward, kReverse, kTangent };

/// Of the options the method, the mass matrix and the tolerances. `rounding` is the epsilon of the type that the solve
/// computes in. InvalidArgument for a state whose dense Jacobian is too large.
StepFunction implicit_step(const VectorField& field, const SolveOptions& options, StepUse use,
                           double rounding = std::numeric_limits<double>::epsilon());

/// The explicit step of a method that switches, whose implicit one implicit_step() gives. Both have the same dense
/// output, the three increments D_p of implicit.h behind y1 - y.
StepFunction explicit_step(const VectorField& field, const SolveOptions& options, StepUse use,
                           double rounding = std::numeric_limits<double>::epsilon());

/// Newton's method has failed where it is off by more, in tolerances: by theta / (1 - theta) times its last correction,
/// which was theta times the one before it. A correction near rounding says that it has arrived.
inline constexpr double kMostNewtonError = 0.03;

}  // namespace costate::internal
