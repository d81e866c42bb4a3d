// Implicit one-step methods as data (rows in methods.def). A step of size h from (t, y), with J = df/dy and f_t = df/dt
// there:
//
// Rosenbrock-Wanner, transformed as in Hairer and Wanner II, IV.7; i = 1 .. s:
//
//     (I - h gamma J) u_i = h gamma f(t + c_i h, y + sum_j a_ij u_j) + gamma sum_j C_ij u_j + gamma d_i h^2 f_t
//     y1 = y + sum_i m_i u_i,    err = sum_i e_i u_i
//     y(t + theta h) = y + theta (y1 - y) + theta (1 - theta) (D_1 + theta (D_2 + theta D_3)),   D_p = sum_i H_pi u_i
//
// Diagonally implicit Runge-Kutta, and fully implicit by collocation at the nodes c:
//
//     z_i = h sum_j a_ij k_j,    k_i = f(t + c_i h, y + z_i)
//     y1 = y + h sum_i b_i k_i,  err = h sum_i e_i k_i
//
// with one gamma = a_ii at all stages of the first but for an explicit first one. Of a field with an explicit part g,
// f + g, z_i has h sum_j<i explicit_a_ij g(t + c_j h, y + z_j) besides, and k_i is f + g in y1 and err. Where y1 = y +
// z_s the method is stiffly accurate. Dense output of a method with slopes at both ends is the cubic Hermite
// polynomial, by collocation that through y and with these slopes, of kencarp4 that through dense_stages, and of the
// others the straight line.
#pragma once

#include <cstddef>
#include <vector>

#include "costate/solve/methods/tableau.h"

namespace costate {

struct Rosenbrock {
  double gamma = 0;
  std::vector<std::vector<double>> a, c_matrix;  ///< a_ij and C_ij, rows of the strictly lower triangle
  std::vector<double> c, d, m, e;                ///< [stage]
  std::vector<std::vector<double>> dense;        ///< H, [3, stage]
};

struct DiagonallyImplicit {
  double gamma = 0;
  std::vector<std::vector<double>> a;  ///< rows of the lower triangle, with the diagonal
  std::vector<double> c, b, e;         ///< [stage]; e is empty without a companion
  /// Of the terms that are marked explicit_part, rows of the strictly lower triangle, with the same c, b and e; empty
  /// of methods that take these like the others.
  std::vector<std::vector<double>> explicit_a = {};
  /// Dense output through the states at the step's ends and at these stages. Slopes at the ends would be those of the
  /// implicit part at states that the explicit one has moved: errors times J.
  std::vector<std::size_t> dense_stages = {};
  /// The estimate of the error is multiplied by (I - h gamma J)^-1, since the companion is not stable.
  bool filters_error = false;

  bool starts_explicit() const { return a[0][0] == 0; }
};

struct Collocation {
  std::vector<std::vector<double>> a, inverse;  ///< [stage, stage], and its inverse
  std::vector<double> c, b;                     ///< [stage]
  std::vector<std::vector<double>> dense;       ///< h sum_i k_i sum_p dense[i][p] theta^(p + 1)
  /// Error of RADAU5: (I - h gamma J) err = h gamma f(t, y) + gamma sum_i e_i z_i; empty without one.
  double gamma = 0;
  std::vector<double> e;
};

/// The coefficients of an implicit method, of one that switches those of its implicit steps: one of the three is not
/// null.
struct ImplicitMethod {
  const Rosenbrock* rosenbrock = nullptr;
  const DiagonallyImplicit* diagonal = nullptr;
  const Collocation* collocation = nullptr;
};
ImplicitMethod implicit_method(Method method);

/// The two methods of "auto", and how far the first one's domain of stability reaches on the negative axis.
inline constexpr Method kAutoExplicit = Method::kTsit5, kAutoImplicit = Method::kRodas5p;
inline constexpr double kAutoStability = 3.5068;

/// Tableau::error_constant of an implicit method whose estimate is O(h^power); 0 if it has none.
double implicit_error_constant(Method method, int power);

}  // namespace costate
