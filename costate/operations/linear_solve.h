// x = A^-1 b as an operation of the graph. With lambda = A^-T xbar, one more solve with the transposed matrix,
//
//     bbar = lambda,   Abar = -lambda x^T     whatever A and b depend on (Giles 2008, "Collected matrix derivative
//                                              results for forward and reverse mode AD", sec. 2.3.1).
#pragma once

#include "costate/graph/array.h"

namespace costate {

/// x [n] with A x = b, for A [n, n] and b [n]; by LU factorization with partial pivoting, in each sample. NaN, and an
/// entry in the run's report, where A is singular to rounding. Differentiable to any order, both ways.
///
/// Cost: one factorization, 2/3 n^3 operations, in a program with all derivatives of this solve: they use its factors,
/// those by A^T too (RunReport::factorizations). Three solves of one matrix with three right sides are three.
/// Throws: ShapeError if A is not square or b has another size.
Array linear_solve(Operand a, Operand b);

}  // namespace costate
