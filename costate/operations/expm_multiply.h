// x = e^(tA) b as an operation of the graph, without forming e^(tA): Taylor polynomials on s steps (Al-Mohy and Higham
// 2011, "Computing the action of the matrix exponential", Algorithm 3.2).
//
//     dx = e^(tA) db + A x dt + integral from 0 to t of e^((t - s)A) dA e^(sA) b ds,
//
// the integral as a block of the exponential of a matrix of twice the size (Van Loan 1978).
#pragma once

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

}  // namespace costate
