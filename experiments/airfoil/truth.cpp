#include "experiments/airfoil/truth.h"

#include <cmath>
#include <complex>
#include <numbers>

namespace costate::experiments {
namespace {

using Complex = std::complex<double>;
using Numbers = std::vector<Complex>;

constexpr double kPi = std::numbers::pi;

double weight_of(std::size_t i) { return 0.01 * std::cos(static_cast<double>(i)); }

// Functions of real numbers that are continued to a small imaginary part: exact to its first order.
Complex log1p_of(Complex x) { return {std::log1p(x.real()), x.imag() / (1 + x.real())}; }
Complex atan2_of(Complex y, Complex x) {
  return {std::atan2(y.real(), x.real()),
          (x.real() * y.imag() - y.real() * x.imag()) / std::norm(Complex(x.real(), y.real()))};
}

double binomial(std::size_t n, std::size_t k) {
  double product = 1;
  for (std::size_t i = 1; i <= k; ++i) product *= static_cast<double>(n - k + i) / static_cast<double>(i);
  return product;
}

/// y of the outline's points.
Numbers heights(const std::vector<double>& x, const Numbers& coefficients) {
  const std::size_t modes = coefficients.size() / 2;
  Numbers y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t side = 2 * i <= x.size() - 1 ? 0 : modes;
    Complex sum = 0;
    for (std::size_t k = 0; k < modes; ++k)
      sum += coefficients[side + k] * binomial(modes - 1, k) * std::pow(x[i], static_cast<double>(k)) *
             std::pow(1 - x[i], static_cast<double>(modes - 1 - k));
    y.push_back(std::sqrt(x[i]) * (1 - x[i]) * sum);
  }
  return y;
}

/// x with A x = b, by elimination; the pivot has the largest real part.
Numbers eliminate(Numbers a, Numbers b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a[i * n + k].real()) > std::abs(a[pivot * n + k].real())) pivot = i;
    for (std::size_t j = 0; j < n && pivot != k; ++j) std::swap(a[k * n + j], a[pivot * n + j]);
    std::swap(b[k], b[pivot]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const Complex factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k + 1; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      b[i] -= factor * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k * n + j] * b[j];
    b[k] /= a[k * n + k];
  }
  return b;
}

struct Panels {
  const std::vector<double>& x;
  const Numbers& y;
  std::size_t count;

  double dx(std::size_t j) const { return x[j + 1] - x[j]; }
  Complex dy(std::size_t j) const { return y[j + 1] - y[j]; }
  Complex length(std::size_t j) const { return std::sqrt(dx(j) * dx(j) + dy(j) * dy(j)); }
};

/// Adds what panel j brings about at point i to row i of the matrix.
void add_influence(const Panels& panels, std::size_t i, std::size_t j, Complex* row) {
  const std::size_t n = panels.count;
  const Complex length = panels.length(j), square = length * length;
  Complex whole = std::log(length) - 1.0, end = 0.5 * std::log(length) - 0.25;
  if (i == (j + 1) % n) {
    end -= 0.5;
  } else if (i != j) {
    const double px = panels.x[i] - panels.x[j];
    const Complex py = panels.y[i] - panels.y[j];
    const Complex x = (px * panels.dx(j) + py * panels.dy(j)) / square,
                  y = (py * panels.dx(j) - px * panels.dy(j)) / square;
    const Complex to_end = (x - 1.0) * (x - 1.0) + y * y, ratio = 0.5 * log1p_of((2.0 * x - 1.0) / to_end),
                  log_end = 0.5 * std::log(to_end), theta = atan2_of(-y, x * (x - 1.0) + y * y);
    whole += x * ratio + log_end - y * theta;
    end += 0.5 * ((x * x - y * y) * ratio + log_end) - x * y * theta - 0.5 * x;
  }
  row[j] += length / (2 * kPi) * (whole - end);
  row[j + 1] += length / (2 * kPi) * end;
}

/// gamma at the points.
Numbers vortex_strengths(const Panels& panels, Complex angle) {
  const std::size_t n = panels.count, size = n + 2;
  Numbers a(size * size, 0.0), b(size, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) add_influence(panels, i, j, a.data() + i * size);
    a[i * size + n + 1] = -1;
    b[i] = panels.x[i] * std::sin(angle) - panels.y[i] * std::cos(angle);
  }
  a[n * size] = a[n * size + n] = 1;
  Complex* const last = a.data() + (n + 1) * size;
  last[0] = last[2] = 1;
  last[1] = -2;
  last[n] = last[n - 2] = -1;
  last[n - 1] = 2;
  Numbers gamma = eliminate(std::move(a), std::move(b));
  gamma.resize(n + 1);
  return gamma;
}

Complex loss_at(const AirfoilShape& shape, const Numbers& at) {
  const std::vector<double>& x = shape.positions();
  const Numbers y = heights(x, Numbers(at.begin(), at.end() - 1));
  const Panels panels{x, y, x.size() - 1};
  const Numbers gamma = vortex_strengths(panels, at.back());
  Complex lift = 0, moment = 0, area = 0, rest = 0;
  for (std::size_t j = 0; j < panels.count; ++j) {
    const double dx = panels.dx(j);
    const Complex dy = panels.dy(j);
    lift += (gamma[j] + gamma[j + 1]) * panels.length(j);
    area += 0.5 * (x[j] * dy - y[j] * dx);
    for (const double s : {0.0, 0.5, 1.0}) {  // Simpson's rule
      const Complex g = (1 - s) * gamma[j] + s * gamma[j + 1], arm_y = y[j] + s * dy;
      moment += (s == 0.5 ? 4.0 : 1.0) / 6 * g * g * ((x[j] + s * dx - 0.25) * dx + arm_y * dy);
    }
  }
  for (std::size_t i = 0; i < gamma.size(); ++i) rest += weight_of(i) * (1.0 - gamma[i] * gamma[i]);
  return lift + 2.0 * moment + area + rest;
}

}  // namespace

Function test_loss(const AirfoilShape& shape) {
  return trace(
      [&](Array coefficients, Array angle) {
        const Array points = shape.points(coefficients);
        const PanelFlow flow = panel_flow(points, angle);
        std::vector<double> weights;
        for (std::size_t i = 0; i < shape.positions().size(); ++i) weights.push_back(weight_of(i));
        return flow.lift + 2.0 * flow.moment + outline_area(points) +
               sum(flow.pressure * constant(HostArray::vector(weights)));
      },
      {{"coefficients", {shape.num_coefficients()}}, {"angle", {}}});
}

std::vector<double> complex_step_gradient(const AirfoilShape& shape, const std::vector<double>& at) {
  constexpr double kStep = 1e-30;
  std::vector<double> gradient;
  for (std::size_t k = 0; k < at.size(); ++k) {
    Numbers moved(at.begin(), at.end());
    moved[k] += Complex(0, kStep);
    gradient.push_back(loss_at(shape, moved).imag() / kStep);
  }
  return gradient;
}

}  // namespace costate::experiments
