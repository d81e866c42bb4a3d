// e^(t A) b by Taylor polynomials on s steps (Al-Mohy and Higham 2011, Algorithm 3.2), for any A that can be multiplied
// by. The mean of A's diagonal is taken out before: A here is what is left, `shift` the mean.
#pragma once

#include <Eigen/Core>
#include <cmath>

namespace costate::internal {

inline constexpr double kMostProducts = 1e7;

/// What a failure of a run says where no scheme is feasible.
inline constexpr const char* kNoExponential =
    "A and t of expm_multiply must be finite, and |t| norm(A) so small that ten million products with A suffice";

/// Degree of the polynomial, number of steps and how long they are.
struct TaylorScheme {
  int degree = 5;
  double steps = 1;
  double h = 0;

  /// More would take hours.
  bool is_feasible() const { return steps * degree <= kMostProducts; }
};

/// The fewest products for a matrix whose largest sum of a column is `norm`.
TaylorScheme choose_scheme(double norm, double t);

template <class Block>
double row_norm(const Block& x) {
  return x.cwiseAbs().rowwise().sum().maxCoeff();
}

/// Adds to b the terms (h A)^k b / k! up to the degree, or until they no longer count. multiply(factor, x) is factor
/// A x.
template <class Block, class Multiply>
void add_terms(const TaylorScheme& scheme, const Multiply& multiply, Block& b) {
  constexpr double kUnit = 0x1p-53;
  Block term = b;
  double previous = row_norm(term);
  for (int k = 1; k <= scheme.degree; ++k) {
    term = multiply(scheme.h / k, term);
    b += term;
    const double size = row_norm(term);
    if (previous + size <= kUnit * row_norm(b)) break;
    previous = size;
  }
}

template <class Block, class Multiply>
void multiply_exponential(const TaylorScheme& scheme, double shift, const Multiply& multiply, Block& b) {
  const double growth = std::exp(scheme.h * shift);
  for (double step = 0; step < scheme.steps; ++step) {
    add_terms(scheme, multiply, b);
    b *= growth;
  }
}

}  // namespace costate::internal
