// Four adjoints, each against complex steps of an independent computation; what they cost is
// measured in cost.cpp.
#include <algorithm>
#include <cmath>
#include <complex>
#include <functional>

#include "experiments/adjoints/cost.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

using Complex = std::complex<double>;
using Numbers = std::vector<Complex>;

constexpr std::int64_t kSize = 4;  // of the systems
const std::vector<double> kTheta = {0.7, -0.4, 1.1};
const std::vector<double> kWeights = {1.0, -0.5, 2.0, 0.3};  // L = weights · x

// ---- the systems, written once for Arrays and once for complex numbers

/// A(theta): diagonally dominant, each parameter in several places.
template <class Number>
std::vector<Number> system_matrix(const std::vector<Number>& theta) {
  std::vector<Number> a;
  for (int i = 0; i < kSize; ++i)
    for (int j = 0; j < kSize; ++j) {
      const double fixed = i == j ? 4.0 + i : std::cos(1.0 + i + 2 * j);
      const Number& moving = theta[static_cast<std::size_t>(i + j) % theta.size()];
      a.push_back(fixed + std::sin(1.0 + i * j) * moving * moving);
    }
  return a;
}

template <class Number>
std::vector<Number> right_side(const std::vector<Number>& theta) {
  std::vector<Number> b;
  for (int i = 0; i < kSize; ++i) b.push_back(1.0 + 0.5 * i + theta[static_cast<std::size_t>(i) % theta.size()]);
  return b;
}

/// f(x, theta) = x^3 + 2 x + theta_0 x_next - b(theta) = 0: one root.
template <class Number>
std::vector<Number> nonlinear_system(const std::vector<Number>& x, const std::vector<Number>& theta) {
  const std::vector<Number> b = right_side(theta);
  std::vector<Number> f;
  for (std::size_t i = 0; i < x.size(); ++i)
    f.push_back(x[i] * x[i] * x[i] + 2.0 * x[i] + theta[0] * x[(i + 1) % x.size()] - b[i]);
  return f;
}

/// z' = -0.3 z + theta_0 sin(z_next) + theta_1 cos(t) - theta_2 z^3.
template <class Number, class Cosine>
std::vector<Number> nonlinear_slope(const Cosine& cosine, const std::vector<Number>& z,
                                    const std::vector<Number>& theta) {
  using std::sin;
  std::vector<Number> slope;
  for (std::size_t i = 0; i < z.size(); ++i)
    slope.push_back(-0.3 * z[i] + theta[0] * sin(z[(i + 1) % z.size()]) + theta[1] * cosine -
                    theta[2] * z[i] * z[i] * z[i]);
  return slope;
}

// ---- the truth: complex steps

/// x with A x = b, by elimination without pivots (A is diagonally dominant).
Numbers eliminate(Numbers a, Numbers b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k)
    for (std::size_t i = k + 1; i < n; ++i) {
      const Complex factor = a[i * n + k] / a[k * n + k];
      for (std::size_t j = k; j < n; ++j) a[i * n + j] -= factor * a[k * n + j];
      b[i] -= factor * b[k];
    }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k * n + j] * b[j];
    b[k] /= a[k * n + k];
  }
  return b;
}

Numbers find_root(const Numbers& theta) {
  Numbers x(kSize, 0.5);
  for (int iteration = 0; iteration < 50; ++iteration) {
    const Numbers f = nonlinear_system(x, theta);
    Numbers jacobian(kSize * kSize, 0.0);
    for (std::size_t i = 0; i < kSize; ++i) {
      jacobian[i * kSize + i] += 3.0 * x[i] * x[i] + 2.0;
      jacobian[i * kSize + (i + 1) % kSize] += theta[0];
    }
    const Numbers step = eliminate(jacobian, f);
    for (std::size_t i = 0; i < kSize; ++i) x[i] -= step[i];
  }
  return x;
}

/// Classical Runge-Kutta with so many steps that its error is rounding.
Numbers integrate(const std::function<Numbers(double, const Numbers&)>& slope, Numbers z, double end) {
  constexpr int kSteps = 4000;
  const double h = end / kSteps;
  const auto moved = [](const Numbers& from, double by, const Numbers& along) {
    Numbers to = from;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += by * along[i];
    return to;
  };
  for (int step = 0; step < kSteps; ++step) {
    const double t = h * step;
    const Numbers k1 = slope(t, z), k2 = slope(t + h / 2, moved(z, h / 2, k1)),
                  k3 = slope(t + h / 2, moved(z, h / 2, k2)), k4 = slope(t + h, moved(z, h, k3));
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += h / 6 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
  }
  return z;
}

Numbers linear_flow(const Numbers& theta) {
  const Numbers a = system_matrix(theta);
  return integrate(
      [&](double, const Numbers& z) {
        Numbers slope(kSize, 0.0);
        for (std::size_t i = 0; i < kSize; ++i)
          for (std::size_t j = 0; j < kSize; ++j) slope[i] -= 0.3 * a[i * kSize + j] * z[j];
        return slope;
      },
      right_side(theta), 1.0);
}

Numbers nonlinear_flow(const Numbers& theta) {
  return integrate([&](double t, const Numbers& z) { return nonlinear_slope(std::cos(t), z, theta); },
                   right_side(theta), 1.0);
}

/// dL/dtheta = Im L(theta + i h) / h: no difference, so no cancellation (Squire and Trapp 1998).
std::vector<double> complex_step(const std::function<Numbers(const Numbers&)>& solution) {
  constexpr double kStep = 1e-30;
  std::vector<double> gradient;
  for (std::size_t k = 0; k < kTheta.size(); ++k) {
    Numbers theta(kTheta.begin(), kTheta.end());
    theta[k] += Complex(0, kStep);
    const Numbers x = solution(theta);
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sum += kWeights[i] * x[i].imag() / kStep;
    gradient.push_back(sum);
  }
  return gradient;
}

// ---- the same with Costate

std::vector<Array> elements(const Array& x) {
  std::vector<Array> all;
  for (std::int64_t i = 0; i < x.shape()[0]; ++i) all.push_back(x[i]);
  return all;
}

Array matrix_of(const Array& theta) { return reshape(stack(system_matrix(elements(theta))), {kSize, kSize}); }
Array right_side_of(const Array& theta) { return stack(right_side(elements(theta))); }

Array linear_system(const Array& theta) { return linear_solve(matrix_of(theta), right_side_of(theta)); }

Array nonlinear_root(const Array& theta) {
  return root([&](Array x) { return stack(nonlinear_system(elements(x), elements(theta))); }, full({kSize}, 0.5));
}

const SolveOptions kTight{.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-13};

/// The end of a solve from the right side, over a time of 1.
Array flow(const std::function<Array(Array t, Array z, Array theta)>& slope, const Array& theta, Adjoint adjoint) {
  const VectorField field = vector_field({kSize}, {{"theta", theta.shape()}}, slope);
  const Array times = constant(HostArray::vector({0, 1}));
  SolveOptions options = kTight;
  options.adjoint = adjoint;
  return solve(field, right_side_of(theta), times, options, std::span(&theta, 1))[1];
}

Array linear_ode(const Array& theta, Adjoint adjoint) {
  return flow([](Array, Array z, Array p) { return -0.3 * matmul(matrix_of(p), z); }, theta, adjoint);
}

/// e^B z0 by its Taylor series: the closed form of z' = B z, differentiated as any product.
Array linear_ode_by_exponential(const Array& theta) {
  const Array b = -0.3 * matrix_of(theta);
  Array term = right_side_of(theta), sum = term;
  for (int k = 1; k <= 60; ++k) {
    term = matmul(b, term) / static_cast<double>(k);
    sum = sum + term;
  }
  return sum;
}

Array nonlinear_ode(const Array& theta, Adjoint adjoint) {
  const auto slope = [](Array t, Array z, Array p) { return stack(nonlinear_slope(cos(t), elements(z), elements(p))); };
  return flow(slope, theta, adjoint);
}

std::vector<double> gradient_by(const std::function<Array(const Array&)>& solution) {
  const HostArray theta = HostArray::vector(kTheta);
  const Function loss = trace([&](Array p) { return sum(solution(p) * constant(HostArray::vector(kWeights))); },
                              {{"theta", theta.shape()}});
  return compile(value_and_grad(loss)).run({theta.reshape({1, theta.size()})}).outputs[1].numbers();
}

double error_of(const std::vector<double>& found, const std::vector<double>& truth) {
  double largest = 0;
  for (std::size_t i = 0; i < truth.size(); ++i)
    largest = std::max(largest, std::abs(found[i] - truth[i]) / (1 + std::abs(truth[i])));
  return largest;
}

/// An adjoint with its error against complex steps.
struct Check {
  std::string name;
  double error;
};

std::vector<Check> checks() {
  const std::vector<double> linear =
      complex_step([](const Numbers& theta) { return eliminate(system_matrix(theta), right_side(theta)); });
  const std::vector<double> implicit = complex_step(find_root), flow = complex_step(linear_flow),
                            curved = complex_step(nonlinear_flow);
  const auto solved_by = [](Array (*ode)(const Array&, Adjoint), Adjoint adjoint) {
    return gradient_by([=](const Array& theta) { return ode(theta, adjoint); });
  };
  return {{"A x = b by A^T lambda = dL/dx", error_of(gradient_by(linear_system), linear)},
          {"f(x, theta) = 0 by J^T lambda = dL/dx", error_of(gradient_by(nonlinear_root), implicit)},
          {"z' = B z by e^B", error_of(gradient_by(linear_ode_by_exponential), flow)},
          {"z' = B z by the discrete adjoint", error_of(solved_by(linear_ode, Adjoint::kDiscrete), flow)},
          {"z' = B z by its adjoint ODE", error_of(solved_by(linear_ode, Adjoint::kBacksolve), flow)},
          {"z' = f(t, z) by the discrete adjoint", error_of(solved_by(nonlinear_ode, Adjoint::kDiscrete), curved)},
          {"z' = f(t, z) by its adjoint ODE", error_of(solved_by(nonlinear_ode, Adjoint::kBacksolve), curved)}};
}

}  // namespace

Outcome adjoints(const Request& request) {
  request.tell("gradients against complex steps");
  const std::vector<Check> all = checks();
  request.tell("cost against the number of parameters");
  std::vector<CostRow> costs;
  for (std::int64_t width = 1; width <= (request.quick ? 100 : 10'000); width *= 10) costs.push_back(cost_of(width));
  request.tell("the order of a product");
  std::vector<ProductRow> products;
  for (std::int64_t n = 16; n <= (request.quick ? 512 : 2048); n *= 2) products.push_back(products_of(n));

  Outcome outcome{.title = "Adjoints, and what they cost",
                  .figure = Sheet({cost_figure(costs), product_figure(products)}, 2, {.width = 500, .height = 400}),
                  .caption =
                      "Left: the adjoint's cost is about three times the solve's up to 10,000 parameters, and more at "
                      "100,000; forward sensitivities need one solve for each. Right: the reason is the order of a "
                      "product, O(dn) from the left and O(d + n) from the right."};
  Table errors{.header = {"adjoint", "largest error against complex steps"}};
  for (const Check& check : all) {
    errors.add(check.name, check.error);
    outcome.metrics.push_back(at_most(1e-9, "error: " + check.name, check.error));
  }
  Table times{.header = {"parameters", "solve, ms", "adjoint, ms", "forward sensitivities, ms", "adjoint over solve"},
              .caption = "Forward sensitivities: the time of one, p times."};
  double most = 0, least = HUGE_VAL;
  for (const CostRow& row : costs) {
    times.add(row.parameters, row.solve, row.adjoint, row.forward, row.adjoint_over_solve());
    most = std::max(most, row.adjoint_over_solve());
    least = std::min(least, row.adjoint_over_solve());
  }
  const CostRow& dearest = costs.back();
  const ProductRow& largest = products.back();
  outcome.metrics.insert(
      outcome.metrics.end(),
      {told("a gradient in units of its solve, worst over p", most),
       told("the same, the most of any p over the least", most / least),
       told("forward sensitivities over adjoint at the most parameters", dearest.forward / dearest.adjoint),
       told("(A B) C over A (B C) at the largest size", largest.from_left / largest.from_right)});
  outcome.sections = {{"Numbers", {errors, times}}};
  return outcome;
}

}  // namespace costate::experiments
