// An independent truth for solvers and their gradients: SUNDIALS CVODES at tight tolerance (Adams, functional
// iteration, dense in-memory vectors). Test-only. Fields here are not stiff and depend on parameters p.
#pragma once

#include <complex>
#include <functional>
#include <span>
#include <vector>

namespace costate::test {

/// y' = f(t, y, p) and its directional derivative out = (df/dy) y_dot + (df/dp) p_dot.
struct CvodeField {
  std::function<void(double t, std::span<const double> y, std::span<const double> p, std::span<double> dy)> rhs;
  std::function<void(double t, std::span<const double> y, std::span<const double> p, std::span<const double> y_dot,
                     std::span<const double> p_dot, std::span<double> out)>
      jvp;  // may be empty where no sensitivities are asked for
};

/// Both parts from one generic callable `field(t, y, p, dy)` on vectors of double and of std::complex<double>: the
/// derivative is the complex step Im f(y + i eps v) / eps, exact to rounding.
template <class Field>
CvodeField make_cvode_field(Field field) {
  CvodeField out;
  out.rhs = [field](double t, std::span<const double> y, std::span<const double> p, std::span<double> dy) {
    field(t, std::vector<double>(y.begin(), y.end()), std::vector<double>(p.begin(), p.end()), dy);
  };
  out.jvp = [field](double t, std::span<const double> y, std::span<const double> p, std::span<const double> y_dot,
                    std::span<const double> p_dot, std::span<double> result) {
    constexpr double kEps = 1e-100;
    using Complex = std::complex<double>;
    std::vector<Complex> moved_y(y.size());
    std::vector<Complex> moved_p(p.size());
    std::vector<Complex> moved_dy(y.size());
    for (std::size_t i = 0; i < y.size(); ++i) moved_y[i] = {y[i], kEps * y_dot[i]};
    for (std::size_t i = 0; i < p.size(); ++i) moved_p[i] = {p[i], kEps * p_dot[i]};
    field(t, moved_y, moved_p, std::span<Complex>(moved_dy));
    for (std::size_t i = 0; i < y.size(); ++i) result[i] = moved_dy[i].imag() / kEps;
  };
  return out;
}

struct CvodeOptions {
  double rtol = 1e-13;
  double atol = 1e-14;
};

struct CvodeSolution {
  std::vector<std::vector<double>> states;              ///< [times, state]
  std::vector<std::vector<std::vector<double>>> by_p;   ///< [times, parameter, state]: dy / dp
  std::vector<std::vector<std::vector<double>>> by_y0;  ///< [times, start state, state]: dy / dy0
};

/// y at `times` (ascending or descending), times[0] being the start. Throws std::runtime_error if CVODE fails.
CvodeSolution cvode_solve(const CvodeField& field, std::span<const double> y0, std::span<const double> parameters,
                          std::span<const double> times, const CvodeOptions& options = {});

/// The same with forward sensitivities for all parameters and all elements of y0.
CvodeSolution cvode_sensitivities(const CvodeField& field, std::span<const double> y0,
                                  std::span<const double> parameters, std::span<const double> times,
                                  const CvodeOptions& options = {});

}  // namespace costate::test
