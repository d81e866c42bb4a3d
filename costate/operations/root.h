// A root of f(x) = 0 as a function of what f depends on. With J = df/dx at the root, one transposed solve J^T lambda =
// xbar gives thetabar = -lambda^T df/dtheta (the implicit function theorem; Blondel et al. 2022, "Efficient and modular
// implicit differentiation", eq. 4): no derivative goes through the iterations.
#pragma once

#include <cstdint>
#include <functional>

#include "costate/graph/array.h"

namespace costate {

/// How a root's Jacobian is held.
enum class RootJacobian : std::uint8_t {
  kAuto,    // sparse from 64 unknowns on, if at most a quarter as many derivatives as unknowns give all of it
  kDense,   // [n, n], of n derivatives, in each of the iterations
  kSparse,  // where the graph of f says that it may be other than 0, by LU factorization of a sparse matrix
  kKrylov,  // the same places, but its linear systems are solved iteratively: beyond 10^5 unknowns, say
};

struct RootOptions {
  int iterations = 20;      // of Newton's method; dense: all of them done, sparse: at most
  double tolerance = 1e-9;  // of the last correction, relative to 1 + |x|, largest element
  RootJacobian jacobian = RootJacobian::kAuto;
};

/// x [n] with f(x) = 0, by Newton's method from `guess` [n]. f maps [n] to [n] and may use any Array of the trace.
/// NaN where the iteration does not end within the tolerance.
///
/// Dense: derivatives of any order, both ways, by the factors of the last iteration.
///
/// Sparse: for thousands of unknowns that each meet few others, as those of a grid do. Which meet is found once, from
/// the graph: numbers that are 0 are not looked at, but in constant matrices. Unknowns that meet no common equation
/// share one derivative (Curtis, Powell and Reid 1974). A sample without a root is in the run's report, with its
/// residual. The factors of the last iteration serve all derivatives, of any order and both ways; a linear f is
/// factorized once. Computed in f64, in f32 programs too. Takes as much memory a thread as the factors have numbers,
/// for each sample of a tile: some 30 n log2(n) bytes a sample for a grid of n unknowns in the plane.
///
/// Krylov: the same, but without factors, which grow faster than the unknowns do. Each linear system is solved by
/// BiCGSTAB (van der Vorst 1992) with an incomplete LU factorization (Saad 1994) for a preconditioner, which takes at
/// most some 20 times the memory of J, and as much of J^T for gradients. Where 500 iterations bring no solution, there
/// is no root, and the report has the linear system's residual, too.
///
/// Throws: ShapeError unless f gives what it takes; InvalidArgument for options out of range, and if the Jacobian is
/// asked for as a sparse one and the graph says of too many of its numbers that they may be other than 0.
Array root(const std::function<Array(Array)>& f, Operand guess, const RootOptions& options = {});

}  // namespace costate
