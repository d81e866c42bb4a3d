// The kernels of small linear systems, one a lane: LU factors with partial pivoting and the solves with them
// (operations/internal/lane_lu.h). A matrix [n, n] of each lane stands as [n n, lanes].
#pragma once

#include <cstddef>

namespace costate::internal {

/// factors [n (n + 1), lanes]: the rows of P A = L U, with L's below the diagonal, U's above it and 1 / u_ii on it;
/// then for each row which one of A it was. In column k the first of the largest numbers is the pivot; each number of
/// the rest is a chain of fused multiply-adds, k ascending. Infinities and NaNs where A is singular.
template <class T>
void factor_lanes(const T* a, T* factors, std::size_t n, std::size_t lanes);

/// x = A^-1 b, or A^-T b: [n, lanes], other memory than b.
template <class T>
void solve_lanes(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes);
template <class T>
void solve_transposed_lanes(const T* factors, const T* b, T* x, std::size_t n, std::size_t lanes);

}  // namespace costate::internal
