// What the operations of sparse_root.cpp mean: Newton's method and linear systems with a full matrix, by the
// interpreter.
#pragma once

#include <span>
#include <vector>

#include "costate/operations/internal/implicit_system.h"
#include "costate/operations/internal/sample_system.h"

namespace costate::internal {

/// Root and last point [2, n]; operands: the guess, the arguments. NaN where there is none.
std::vector<double> reference_newton(const ImplicitSystem& system, const NewtonOptions& options,
                                     std::span<const std::vector<double>> operands);

/// Operands: root and last point [2, n], the arguments, b.
std::vector<double> reference_jacobian_solve(const ImplicitSystem& system, Side side,
                                             std::span<const std::vector<double>> operands);

}  // namespace costate::internal
