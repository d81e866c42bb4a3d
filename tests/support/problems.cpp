#include "tests/support/problems.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace costate::test {
namespace {

struct LotkaVolterra {
  template <class T, class Out>
  void operator()(double, const std::vector<T>& y, const std::vector<T>& p, Out dy) const {
    dy[0] = p[0] * y[0] - p[1] * y[0] * y[1];
    dy[1] = -p[2] * y[1] + p[3] * y[0] * y[1];
  }
};

struct VanDerPol {
  template <class T, class Out>
  void operator()(double, const std::vector<T>& y, const std::vector<T>& p, Out dy) const {
    dy[0] = y[1];
    dy[1] = p[0] * (1.0 - y[0] * y[0]) * y[1] - y[0];
  }
};

Problem cvode_problem(std::string name, const CvodeField& field, std::vector<double> y0, std::vector<double> p,
                      double t1) {
  Problem problem{.name = std::move(name), .rhs = {}, .y0 = y0, .t0 = 0, .t1 = t1, .solution = {}};
  problem.rhs = [field, p](double t, std::span<const double> y, std::span<double> dy) { field.rhs(t, y, p, dy); };
  problem.solution = [field, y0, p](double t) {
    if (t == 0) return y0;
    const double times[] = {0, t};
    return cvode_solve(field, y0, p, times).states.back();
  };
  return problem;
}

}  // namespace

Problem exponential() {
  return {.name = "exponential",
          .rhs = [](double, std::span<const double> y, std::span<double> dy) { dy[0] = -y[0]; },
          .y0 = {1},
          .t0 = 0,
          .t1 = 2,
          .solution = [](double t) { return std::vector{std::exp(-t)}; }};
}

Problem linear_2x2() {
  return {.name = "linear_2x2",
          .rhs =
              [](double, std::span<const double> y, std::span<double> dy) {
                dy[0] = -0.5 * y[0] + 2 * y[1];
                dy[1] = -2 * y[0] - 0.5 * y[1];
              },
          .y0 = {1, 0.5},
          .t0 = 0,
          .t1 = 3,
          .solution =
              [](double t) {
                const double decay = std::exp(-0.5 * t), c = std::cos(2 * t), s = std::sin(2 * t);
                return std::vector{decay * (c + 0.5 * s), decay * (-s + 0.5 * c)};
              }};
}

Problem quadratic_decay() {
  return {.name = "quadratic_decay",
          .rhs = [](double, std::span<const double> y, std::span<double> dy) { dy[0] = -y[0] * y[0]; },
          .y0 = {1},
          .t0 = 0,
          .t1 = 2,
          .solution = [](double t) { return std::vector{1 / (1 + t)}; }};
}

Problem cosine_growth() {
  return {.name = "cosine_growth",
          .rhs = [](double t, std::span<const double> y, std::span<double> dy) { dy[0] = y[0] * std::cos(t); },
          .y0 = {1},
          .t0 = 0,
          .t1 = 4,
          .solution = [](double t) { return std::vector{std::exp(std::sin(t))}; }};
}

Problem logistic() {
  return {.name = "logistic",
          .rhs = [](double, std::span<const double> y, std::span<double> dy) { dy[0] = y[0] * (1 - y[0]); },
          .y0 = {0.25},
          .t0 = 0,
          .t1 = 4,
          .solution = [](double t) { return std::vector{1 / (1 + 3 * std::exp(-t))}; }};
}

Problem kepler(double eccentricity, double t1) {
  const double e = eccentricity;
  return {.name = "kepler",
          .rhs =
              [](double, std::span<const double> y, std::span<double> dy) {
                const double cubed_distance = std::pow(std::hypot(y[0], y[1]), 3);
                dy[0] = y[2];
                dy[1] = y[3];
                dy[2] = -y[0] / cubed_distance;
                dy[3] = -y[1] / cubed_distance;
              },
          .y0 = {1 - e, 0, 0, std::sqrt((1 + e) / (1 - e))},
          .t0 = 0,
          .t1 = t1,
          .solution =
              [e](double t) {
                double anomaly = t;
                for (int n = 0; n < 50; ++n) {
                  anomaly -= (anomaly - e * std::sin(anomaly) - t) / (1 - e * std::cos(anomaly));
                }
                const double c = std::cos(anomaly), s = std::sin(anomaly), axis = std::sqrt((1 - e) * (1 + e));
                return std::vector{c - e, axis * s, -s / (1 - e * c), axis * c / (1 - e * c)};
              }};
}

Problem pendulum(double start_angle, double t1) {
  return {.name = "pendulum",
          .rhs =
              [](double, std::span<const double> y, std::span<double> dy) {
                dy[0] = y[1];
                dy[1] = -std::sin(y[0]);
              },
          .y0 = {start_angle, 0},
          .t0 = 0,
          .t1 = t1,
          .solution =
              [start_angle](double t) {
                const double k = std::sin(start_angle / 2);
                const auto [sn, cn, dn] = jacobi_elliptic(t, k);
                return std::vector{2 * std::asin(k * cn / dn), -2 * k * std::cos(start_angle / 2) * sn / dn};
              }};
}

Problem lotka_volterra() { return cvode_problem("lotka_volterra", lotka_volterra_field(), {1, 1}, {1.5, 1, 3, 1}, 5); }

Problem van_der_pol() { return cvode_problem("van_der_pol", van_der_pol_field(), {2, 0}, {1}, 10); }

std::vector<Problem> smooth_problems() { return {cosine_growth(), pendulum(1, 4), kepler(0.2, 2)}; }

CvodeField lotka_volterra_field() { return make_cvode_field(LotkaVolterra{}); }

CvodeField van_der_pol_field() { return make_cvode_field(VanDerPol{}); }

JacobiElliptic jacobi_elliptic(double u, double modulus) {
  constexpr int kSteps = 8;  // c_n squares each time: from 0.999 below eps in 8
  std::array<double, kSteps + 1> a{1}, c{modulus};
  double b = std::sqrt((1 - modulus) * (1 + modulus));
  for (std::size_t n = 1; n <= kSteps; ++n) {
    a[n] = (a[n - 1] + b) / 2;
    c[n] = (a[n - 1] - b) / 2;
    b = std::sqrt(a[n - 1] * b);
  }
  double phase = std::ldexp(a[kSteps] * u, kSteps);
  for (std::size_t n = kSteps; n >= 1; --n) phase = (phase + std::asin(c[n] / a[n] * std::sin(phase))) / 2;
  return {.sn = std::sin(phase),
          .cn = std::cos(phase),
          .dn = std::sqrt(1 - modulus * modulus * std::sin(phase) * std::sin(phase))};
}

double complete_elliptic_k(double modulus) {
  double a = 1;
  double b = std::sqrt((1 - modulus) * (1 + modulus));
  for (int n = 0; n < 8; ++n) {
    const double mean = (a + b) / 2;
    b = std::sqrt(a * b);
    a = mean;
  }
  return std::numbers::pi / (2 * a);
}

double relative_error(std::span<const double> value, std::span<const double> truth) {
  double error = 0;
  double size = 1e-300;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    // NaN in `value` must not compare as small.
    if (!(std::abs(value[i] - truth[i]) <= error)) error = std::abs(value[i] - truth[i]);
    size = std::max(size, std::abs(truth[i]));
  }
  return error / size;
}

}  // namespace costate::test
