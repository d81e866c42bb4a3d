// x = e^(tA) b as an operation of the graph, without forming e^(tA): Taylor polynomials on s steps (Al-Mohy and Higham
// 2011, "Computing the action of the matrix exponential", Algorithm 3.2).
//
//     dx = e^(tA) db + A x dt + integral from 0 to t of e^((t - s)A) dA e^(sA) b ds,
//
// the integral as a block of the exponential of a matrix of twice the size (Van Loan 1978).
#pragma once

#include <functional>

#include "costate/graph/array.h"

namespace costate {

/// e^(tA) b for A [n, n], b [n] or [n, columns] and a scalar t of either sign, to rounding, in each sample. Computed in
/// f64, in f32 programs too. Differentiable by all three to any order, both ways; a gradient by A takes the time of
/// about 8 n such products with a vector.
///
/// Cost: about 5 + 6 |t| norm(A) products with A, of the norm that is the largest sum of a column (after a shift by
/// the mean of the diagonal). NaN, and an entry in the run's report, where A or t are not finite, or where they would
/// take more than 10^7 products.
/// Throws: ShapeError if the shapes do not fit.
Array expm_multiply(Operand a, Operand b, Operand t);

/// The same for an A that is given as a linear function of [n], which may use any Array of the trace; what it adds that
/// does not depend on x is left out. For thousands of numbers that each meet few others, as those of a grid do: A's
/// numbers are found by a few products, as root() finds those of a Jacobian, and no matrix [n, n] is made but for a
/// function of at most 4096 numbers that is not sparse. Differentiable by all that the function uses, b and t, to any
/// order, both ways.
///
/// Cost: as above, with products of as many terms as A has numbers; a gradient by what A depends on takes about four
/// times as long. It keeps the states at 2 sqrt(s) of s steps, s being at most 1 + |t| norm(A).
/// Throws: ShapeError unless b is a vector, t a number and the function gives what it takes; InvalidArgument if it is
/// not linear, and if more than 2^24 of A's numbers may be other than 0 by the function's graph.
Array expm_multiply(const std::function<Array(Array)>& a, Operand b, Operand t);

}  // namespace costate
