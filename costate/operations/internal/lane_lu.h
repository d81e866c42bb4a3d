// Small linear systems whose factors are numbers of the graph: who solves with one matrix many times, as a step of an
// implicit method does, factorizes it once and hands the factors on, to the reverse of the program as well. Samples are
// in lanes. linear_solve, for systems of any size, keeps its factors in a state.
#pragma once

#include "costate/graph/array.h"

namespace costate::internal {

/// The factors of A [n, n] as factor_lanes() of exec/kernels/lane_lu.h writes them, [n (n + 1)]; no derivative flows
/// through them, since lu_solve() has it. ShapeError unless A is square.
Array lu_factors(const Array& a);

/// A^-1 b, or A^-T b, by the factors of A; [n]. Derivatives go by A and b, to any order, with the same factors. An A
/// that is singular gives infinities or NaNs.
Array lu_solve(const Array& a, const Array& factors, const Array& b);

}  // namespace costate::internal
