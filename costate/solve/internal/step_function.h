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
#include <vector>

#include "costate/solve/methods/tableau.h"
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
  bool has_error = false, has_corrections = false;
  int evaluations = 0;  ///< of the field, those of its Jacobian not counted

  std::size_t first_state_input() const { return nodes.size() + 1; }
};

/// What a step is made for: to step, with the vectors of the dense output [n], then the estimate of the error [n] and
/// the size of Newton's last corrections [n] where there are such; for its vjp, with the vectors of the dense output
/// alone; or for its jvp, with the estimate of the error alone.
enum class StepUse { kForward, kReverse, kTangent };

/// InvalidArgument for a state whose dense Jacobian is too large.
StepFunction implicit_step(const VectorField& field, Method method, StepUse use);

/// Newton's method has failed where its last correction is larger, in tolerances.
inline constexpr double kMostCorrection = 0.03;

}  // namespace costate::internal
