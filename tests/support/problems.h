// Initial value problems with known solutions, in f64.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/support/cvode.h"

namespace costate::test {

struct Problem {
  std::string name;
  std::function<void(double t, std::span<const double> y, std::span<double> dy)> rhs;
  std::vector<double> y0;
  double t0;
  double t1;
  /// y(t): a closed form, or CVODES at rtol 1e-13 where there is none.
  std::function<std::vector<double>(double t)> solution;
};

/// y' = -y: exp(-t).
Problem exponential();
/// y' = A y with A = [[-1/2, 2], [-2, -1/2]]: exp(-t/2) times a rotation by -2 t.
Problem linear_2x2();
/// y' = -y^2: y0 / (1 + y0 t).
Problem quadratic_decay();
/// y' = y cos t: y0 exp(sin t).
Problem cosine_growth();
/// y' = y (1 - y): the logistic curve.
Problem logistic();
/// The two-body problem q'' = -q / |q|^3 with eccentricity e, semi-major axis 1, from perihelion; y = (q, q').
/// Position and velocity follow from Kepler's equation E - e sin E = t.
Problem kepler(double eccentricity, double t1 = 10);
/// theta' = omega, omega' = -sin theta from rest at `start_angle` in (0, pi), over [0, t1]:
/// sin(theta/2) = k cd(t), omega = -2 k k' sd(t), with modulus k = sin(start_angle / 2).
Problem pendulum(double start_angle, double t1 = 10);
/// x' = a x - b x y, y' = -c y + d x y, parameters (a, b, c, d) = (1.5, 1, 3, 1), from (1, 1) over [0, 5].
Problem lotka_volterra();
/// x' = v, v' = mu (1 - x^2) v - x, mu = 1, from (2, 0) over [0, 10].
Problem van_der_pol();

/// Three with a closed form whose errors follow the leading power of h early, for orders of convergence.
std::vector<Problem> smooth_problems();

/// The fields with parameters, for sensitivities: p = (a, b, c, d) and p = (mu).
CvodeField lotka_volterra_field();
CvodeField van_der_pol_field();

/// Jacobi's elliptic functions of real argument u and modulus k in [0, 1), by descending Landen steps (the
/// arithmetic-geometric mean): Abramowitz and Stegun 16.4. Good to a few eps times 1 + |u|.
struct JacobiElliptic {
  double sn;
  double cn;
  double dn;
};
JacobiElliptic jacobi_elliptic(double u, double modulus);

/// K(k) = pi / (2 agm(1, sqrt(1 - k^2))): a quarter of the pendulum's period.
double complete_elliptic_k(double modulus);

/// max over elements |a_i - b_i| / max(1e-300, max_i |b_i|): an error relative to the size of the state.
double relative_error(std::span<const double> value, std::span<const double> truth);

}  // namespace costate::test
