// Solves whose states say nothing of their derivatives: at rest, on curves that a method follows exactly, beside modes
// that have decayed, under inputs that are 0 so far. Every truth is the solution of the variational equations: a matrix
// exponential, a closed form, or CVODES.
#pragma once

#include <cmath>
#include <numbers>
#include <string>
#include <unsupported/Eigen/MatrixFunctions>
#include <utility>
#include <vector>

#include "costate/exec/program.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/support/cvode.h"

namespace costate::test {

/// d(state at `end`) / d(z0, p) at z0 and p, for a field with one argument p of each sample (left out where empty).
struct RestCase {
  std::string name;
  VectorField field;
  std::vector<double> z0, p;
  double end = 1;
  Eigen::MatrixXd truth;  // [state, state + p]
};

inline Eigen::MatrixXd heat_matrix(int n) {
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n, n);
  for (int i = 0; i < n; ++i) {
    a(i, i) = -2;
    if (i > 0) a(i, i - 1) = a(i - 1, i) = 1;
  }
  return a * (n + 1) * (n + 1);
}

inline HostArray host(const Eigen::MatrixXd& a) {
  HostArray out(Shape{a.rows(), a.cols()});
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j) out.set(i * a.cols() + j, a(i, j));
  return out;
}

/// z' = a (z - rest), in parts of these sizes.
inline RestCase linear(std::string name, const Eigen::MatrixXd& a, std::vector<double> rest, std::vector<double> z0,
                       double end, const std::vector<std::int64_t>& parts = {}) {
  std::vector<StatePart> state;
  for (const std::int64_t size : parts) state.push_back({"part" + std::to_string(state.size()), {size}});
  if (state.empty()) state.push_back({"z", {a.rows()}});
  const HostArray matrix = host(a), offset = HostArray::vector(rest);
  VectorField field = vector_field(state, [&](Array, std::span<const Array> z) {
    const Array slope = matmul(constant(matrix), concat({z.begin(), z.end()}) - constant(offset));
    std::vector<Array> slopes;
    std::int64_t first = 0;
    for (const Array& part : z) {
      slopes.push_back(slope.slice(first, first + part.shape().size()));
      first += part.shape().size();
    }
    return slopes;
  });
  const Eigen::MatrixXd moved = a * end;
  return {std::move(name), std::move(field), std::move(z0), {}, end, moved.exp()};
}

template <class Rhs>
RestCase with_inputs(std::string name, std::vector<double> z0, std::vector<double> p, double end, Rhs rhs,
                     const Eigen::MatrixXd& truth) {
  const auto n = static_cast<std::int64_t>(z0.size()), m = static_cast<std::int64_t>(p.size());
  return {std::move(name), vector_field({n}, {{"p", {m}}}, rhs), std::move(z0), std::move(p), end, truth};
}

inline RestCase predator_prey_at_its_fixed_point() {
  const std::vector<double> p = {1.5, 1.0, 3.0, 0.7}, z0 = {p[2] / p[3], p[0] / p[1]}, times = {0, 10};
  const auto slope = [](double, const auto& z, const auto& r, auto dz) {
    dz[0] = r[0] * z[0] - r[1] * z[0] * z[1];
    dz[1] = r[3] * z[0] * z[1] - r[2] * z[1];
  };
  const test::CvodeSolution found = test::cvode_sensitivities(test::make_cvode_field(slope), z0, p, times);
  Eigen::MatrixXd truth(2, 6);
  for (int k = 0; k < 2; ++k) {
    for (int j = 0; j < 2; ++j) truth(k, j) = found.by_y0[1][static_cast<std::size_t>(j)][static_cast<std::size_t>(k)];
    for (int j = 0; j < 4; ++j)
      truth(k, 2 + j) = found.by_p[1][static_cast<std::size_t>(j)][static_cast<std::size_t>(k)];
  }
  return with_inputs(
      "predator_prey_at_its_fixed_point", z0, p, 10,
      [](Array, Array z, Array r) {
        return stack({r[0] * z[0] - r[1] * z[0] * z[1], r[3] * z[0] * z[1] - r[2] * z[1]});
      },
      truth);
}

/// z' = -z / 10 + u(t), u a table of 11 values that are held and all 0.
inline RestCase controls_that_are_all_zero() {
  std::vector<double> knots(11);
  for (std::size_t i = 0; i < 11; ++i) knots[i] = 10.0 * static_cast<double>(i);
  Eigen::MatrixXd truth(1, 12);
  truth(0, 0) = std::exp(-10.0);
  for (int i = 0; i < 10; ++i)
    truth(0, 1 + i) = 10 * (std::exp(-(100 - 10.0 * (i + 1)) / 10) - std::exp(-(100 - 10.0 * i) / 10));
  truth(0, 11) = 0;
  return with_inputs(
      "controls_that_are_all_zero", {0}, std::vector<double>(11, 0.0), 100,
      [=](Array t, Array z, Array u) {
        const Array table = reshape(u, {11, 1});
        return -0.1 * z + interpolate(constant(HostArray::vector(knots)), table, t, Interpolation::kHold);
      },
      truth);
}

/// z' = -k z + a sin(w t) with amplitude a = 0.
inline RestCase force_of_amplitude_zero(double k, double w) {
  const double end = 10, decay = std::exp(-k * end);
  Eigen::MatrixXd truth(1, 2);
  truth << decay, (k * std::sin(w * end) - w * std::cos(w * end) + w * decay) / (k * k + w * w);
  return with_inputs(
      "force_of_amplitude_zero_" + std::to_string(static_cast<int>(w)), {0}, {0}, end,
      [=](Array t, Array z, Array a) { return -k * z + a * sin(w * t); }, truth);
}

/// z' = -3 (z - u) with z = u: u, and not the state, is the sample's.
inline RestCase steady_input() {
  const double decay = std::exp(-3.0 * 5);
  Eigen::MatrixXd truth(1, 2);
  truth << decay, 1 - decay;
  return with_inputs(
      "steady_input", {1.5}, {1.5}, 5, [](Array, Array z, Array u) { return -3.0 * (z - u); }, truth);
}

/// z' = rate(t) (z - 2) from 2: at rest, with a Jacobian that t alone moves. `change` is the integral of the rate.
template <class Rate>
RestCase rate_of_time(std::string name, double end, double change, Rate rate) {
  Eigen::MatrixXd truth(1, 1);
  truth << std::exp(change);
  VectorField field = vector_field({1}, [&](Array t, Array z) { return rate(t) * (z - 2.0); });
  return {std::move(name), std::move(field), {2}, {}, end, truth};
}

/// The same with the time as a state.
inline RestCase rate_of_a_clock() {
  Eigen::MatrixXd truth = Eigen::MatrixXd::Identity(2, 2);
  truth(0, 0) = std::exp(-3 * std::sqrt(std::numbers::pi) * std::erf(5.0));
  VectorField field = vector_field({2}, [](Array, Array z) {
    return stack({-3.0 * exp(-square(z[1] - 5.0)) * (z[0] - 2.0), 1.0 + 0.0 * z[1]});
  });
  return {"rate_of_a_clock", std::move(field), {2, 0}, {}, 10, truth};
}

/// z = t³, which the error estimate takes for exact, attracts at rate k.
inline RestCase polynomial_in_t() {
  Eigen::MatrixXd truth(1, 1);
  truth << std::exp(-2.0 * 4);
  VectorField field = vector_field({1}, [](Array t, Array z) { return 3.0 * t * t - 2.0 * (z - t * t * t); });
  return {"polynomial_in_t", std::move(field), {0}, {}, 4, truth};
}

/// The second number falls at rate 200 onto the square of the first, which is slow.
inline RestCase stiff_decay_onto_a_slow_manifold() {
  const double end = 5, x0 = 1;
  Eigen::MatrixXd truth = Eigen::MatrixXd::Zero(2, 2);
  truth(0, 0) = std::exp(-0.5 * end);
  truth(1, 0) = 2 * x0 * 200 * (std::exp(-end) - std::exp(-200 * end)) / 199;
  truth(1, 1) = std::exp(-200 * end);
  VectorField field = vector_field({2}, [](Array, Array z) {
    return stack({-0.5 * z[0], -200.0 * (z[1] - z[0] * z[0])});
  });
  return {"stiff_decay_onto_a_slow_manifold", std::move(field), {x0, 200.0 / 199}, {}, end, truth};
}

/// Susceptible and infected fractions before the first infection, which would spread.
inline RestCase epidemic_before_the_first_infection() {
  Eigen::MatrixXd slope(2, 2);
  slope << 0, -0.5, 0, 0.3;
  VectorField field = vector_field({2}, [](Array, Array z) {
    const Array infections = 0.5 * z[0] * z[1];
    return stack({-infections, infections - 0.2 * z[1]});
  });
  const Eigen::MatrixXd moved = slope * 40;
  return {"epidemic_before_the_first_infection", std::move(field), {1, 0}, {}, 40, moved.exp()};
}

/// a + b <-> c in equilibrium: a mode that falls at rate 14,500 beside two numbers that are conserved.
inline RestCase binding_at_equilibrium() {
  const double on = 5e4, off = 2e3, a = 0.2, b = 0.05, c = on * a * b / off, end = 0.3;
  Eigen::MatrixXd slope(3, 3);
  slope << -on * b, -on * a, off, -on * b, -on * a, off, on * b, on * a, -off;
  VectorField field = vector_field({3}, [=](Array, Array z) {
    const Array rate = on * z[0] * z[1] - off * z[2];
    return stack({-rate, -rate, rate});
  });
  const Eigen::MatrixXd moved = slope * end;
  return {"binding_at_equilibrium", std::move(field), {a, b, c}, {}, end, moved.exp()};
}

inline std::vector<RestCase> rest_cases() {
  Eigen::MatrixXd one(1, 1), oscillator(3, 3), spring(2, 2), pair(2, 2), saddle(2, 2), driven(2, 2), parts(4, 4);
  one << -1;
  oscillator << 0, 1, 0, -1, 0, 0, 0, 0, -100;
  spring << 0, 1, -25, 0;
  pair << -2, 2, 2, -2;  // (1, 1) is blind to its only mode that moves
  saddle << 1, 0, 0, -3;
  driven << -0.1, 1, 0, -30;
  parts << 0, 1, 0, 0, -1, 0, 0, 0, 0, 0, -50, 0, 0, 0, 0, 0;
  const Eigen::MatrixXd heat = heat_matrix(32), back = -one, stiff = -1000 * Eigen::MatrixXd::Identity(1, 1);
  std::vector<double> sine(32), cold(32, 0.0);
  for (std::size_t i = 0; i < 32; ++i) sine[i] = std::sin(std::numbers::pi * static_cast<double>(i + 1) / 33);
  std::vector<RestCase> cases;
  cases.push_back(linear("rest", one, {2}, {2}, 10));
  cases.push_back(linear("oscillator_beside_a_decayed_mode", oscillator, {0, 0, 0}, {1, 0, 0}, 10));
  cases.push_back(linear("heat_from_a_sine", heat, std::vector<double>(32, 0.0), sine, 0.2));
  cases.push_back(linear("heat_at_rest", heat, std::vector<double>(32, 0.0), cold, 0.1));
  cases.push_back(linear("backwards", back, {2}, {2}, -8));
  cases.push_back(linear("spring_at_rest", spring, {1, 0}, {1, 0}, 10));
  cases.push_back(linear("symmetric_pair_at_rest", pair, {1, 1}, {1, 1}, 2));
  cases.push_back(linear("saddle_at_rest", saddle, {0, 0}, {0, 0}, 4));
  cases.push_back(linear("slow_mode_behind_a_fast_one", driven, {0, 0}, {1, 0}, 5));
  cases.push_back(linear("several_parts", parts, {0, 0, 1000, 0}, {1, 0, 1000, 1}, 6, {2, 1, 1}));
  cases.push_back(linear("stiff_at_rest", stiff, {3}, {3}, 0.012));
  cases.push_back(epidemic_before_the_first_infection());
  cases.push_back(predator_prey_at_its_fixed_point());
  cases.push_back(binding_at_equilibrium());
  cases.push_back(controls_that_are_all_zero());
  cases.push_back(force_of_amplitude_zero(1, 5));
  cases.push_back(force_of_amplitude_zero(0.1, 40));
  cases.push_back(rate_of_time("rate_that_begins_late", 8, -4.5, [](Array t) { return -relu(t - 5.0); }));
  cases.push_back(rate_of_time("rate_of_the_season", 30, -1.5,
                               [](Array t) { return -0.05 * (1.0 + sin(2 * std::numbers::pi * t)); }));
  cases.push_back(
      rate_of_time("rate_of_both_signs", 60, -6, [](Array t) { return 0.3 * cos(2 * std::numbers::pi * t) - 0.1; }));
  cases.push_back(rate_of_a_clock());
  cases.push_back(steady_input());
  cases.push_back(polynomial_in_t());
  cases.push_back(stiff_decay_onto_a_slow_manifold());
  return cases;
}

/// cotangent · (state at the end), of inputs z0, cotangent and, if the case has some, p.
inline Function rest_loss(const RestCase& c, const SolveOptions& options) {
  const auto n = static_cast<std::int64_t>(c.z0.size()), m = static_cast<std::int64_t>(c.p.size());
  std::vector<ArgumentSpec> inputs = {{"z0", {n}}, {"cotangent", {n}}};
  if (m > 0) inputs.push_back({"p", {m}});
  return trace_list(inputs, [&](std::span<const Array> in) {
    const std::vector<Array> arguments(in.begin() + 2, in.end());
    const Array states = solve(c.field, in[0], constant(HostArray::vector({0, c.end})), options, arguments);
    return std::vector<Array>{sum(states[1] * in[1])};
  });
}

/// Which inputs of rest_loss a gradient is asked for: z0 and p.
inline std::vector<std::size_t> rest_wrt(const RestCase& c) {
  return c.p.empty() ? std::vector<std::size_t>{0} : std::vector<std::size_t>{0, 2};
}

/// Inputs of rest_loss, with a sample for each unit vector as the cotangent, and one for a mixture.
inline std::vector<HostArray> rest_batch(const RestCase& c) {
  const auto n = static_cast<std::int64_t>(c.z0.size()), m = static_cast<std::int64_t>(c.p.size());
  const std::int64_t batch = n + 1;
  HostArray z0(Shape{batch, n}), cotangent(Shape{batch, n}), p(Shape{batch, m});
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t i = 0; i < n; ++i) z0.set(b * n + i, c.z0[static_cast<std::size_t>(i)]);
    for (std::int64_t i = 0; i < n; ++i)
      cotangent.set(b * n + i, b == n ? std::cos(2.0 * static_cast<double>(i)) : b == i ? 1 : 0);
    for (std::int64_t i = 0; i < m; ++i) p.set(b * m + i, c.p[static_cast<std::size_t>(i)]);
  }
  std::vector<HostArray> values = {z0, cotangent};
  if (m > 0) values.push_back(p);
  return values;
}

/// The numbers of sample `row`.
inline Eigen::VectorXd row_of(const HostArray& array, std::int64_t row) {
  const std::int64_t size = array.size() / array.shape()[0];
  Eigen::VectorXd numbers(size);
  for (std::int64_t i = 0; i < size; ++i) numbers[i] = array.at(row * size + i);
  return numbers;
}

/// The true gradient of rest_loss by its input rest_wrt[input], for sample `row` of rest_batch.
inline Eigen::VectorXd true_gradient(const RestCase& c, const std::vector<HostArray>& batch, std::int64_t row,
                                     std::size_t input) {
  const auto n = static_cast<std::int64_t>(c.z0.size()), m = static_cast<std::int64_t>(c.p.size());
  const Eigen::VectorXd both = c.truth.transpose() * row_of(batch[1], row);
  return input == 0 ? both.head(n) : both.segment(n, m);
}

}  // namespace costate::test
