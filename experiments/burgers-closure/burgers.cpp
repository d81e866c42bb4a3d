#include "experiments/burgers-closure/burgers.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>

namespace costate::experiments {
namespace {

constexpr double kPi = std::numbers::pi;
constexpr std::size_t kPoints = 4096;  // where phi is known at t = 0

/// The integral of a state from 0 on, at x.
double antiderivative(const Waves& waves, double x) {
  double sum = 0;
  for (const Wave& wave : waves) {
    const double turn = 2 * kPi * wave.number;
    sum -= wave.amplitude / turn * std::cos(turn * x + wave.phase);
  }
  return sum;
}

/// phi at t = 0 at kPoints points, up to a factor.
std::vector<double> initial_phi(const Waves& waves, double viscosity) {
  std::vector<double> phi;
  for (std::size_t i = 0; i < kPoints; ++i)
    phi.push_back(-antiderivative(waves, static_cast<double>(i) / static_cast<double>(kPoints)) / (2 * viscosity));
  const double largest = std::ranges::max(phi);
  for (double& value : phi) value = std::exp(value - largest);
  return phi;
}

/// e^(2 pi i j / kPoints).
std::vector<std::complex<double>> roots_of_one() {
  std::vector<std::complex<double>> roots;
  for (std::size_t j = 0; j < kPoints; ++j)
    roots.push_back(std::polar(1.0, 2 * kPi * static_cast<double>(j) / static_cast<double>(kPoints)));
  return roots;
}

/// phi at time t at every `step`-th point. Terms that have decayed below all rounding are left out.
std::vector<double> phi_at(const std::vector<double>& phi, double viscosity, double t, std::size_t step) {
  static const std::vector<std::complex<double>> roots = roots_of_one();
  constexpr std::size_t kTerms = 512;  // a state is smooth: at t = 0 the rest is rounding
  std::vector<double> later(kPoints / step);
  for (std::size_t k = 0; k < kTerms; ++k) {
    const double decay = std::exp(-viscosity * std::pow(2 * kPi * static_cast<double>(k), 2) * t);
    if (decay < 1e-30) break;
    std::complex<double> term = 0;
    for (std::size_t j = 0; j < kPoints; ++j) term += phi[j] * std::conj(roots[k * j % kPoints]);
    term *= (k == 0 ? 1.0 : 2.0) * decay / static_cast<double>(kPoints);
    for (std::size_t i = 0; i < later.size(); ++i) later[i] += (term * roots[k * i * step % kPoints]).real();
  }
  return later;
}

/// Neighbours l and r in a row of cells.
struct Neighbours {
  Array left, right;
};

Neighbours neighbours(const Array& row) {
  const std::int64_t size = row.shape().size();
  return {row.slice(0, size - 1), row.slice(1, size)};
}

Array diffusive_flux(const BurgersProblem& problem, const Neighbours& at) {
  return (problem.viscosity / problem.width()) * (at.left - at.right);
}

}  // namespace

void check_problem(const BurgersProblem& problem) {
  if (problem.cells < 8) throw InvalidArgument("[burgers] the ring needs at least 8 cells; got ", problem.cells, ".");
  if (!(problem.viscosity > 0) || !std::isfinite(problem.viscosity))
    throw InvalidArgument("[burgers] the viscosity must be positive; got ", problem.viscosity,
                          ": without it, shocks have no width.");
}

std::vector<Waves> draw_waves(const SampleRange& range) {
  constexpr int kNumbers = 4;
  const Random random(range.seed);
  std::vector<Waves> states;
  for (std::int64_t i = 0; i < range.count; ++i) {
    const auto stream = static_cast<std::uint64_t>(range.first + i);
    Waves waves;
    double square = 0;
    for (int number = 1; number <= kNumbers; ++number) {
      const auto index = static_cast<std::uint64_t>(number);
      waves.push_back({random.normal(stream, index), random.uniform(stream, index, 0, 2 * kPi), number});
      square += waves.back().amplitude * waves.back().amplitude / 2;
    }
    const double scale = random.uniform(stream, 0, 0.3, 0.7) / std::sqrt(square);
    for (Wave& wave : waves) wave.amplitude *= scale;
    states.push_back(waves);
  }
  return states;
}

std::vector<double> initial_averages(const Waves& waves, std::int64_t cells) {
  std::vector<double> averages;
  const auto count = static_cast<double>(cells);
  for (std::int64_t i = 0; i < cells; ++i)
    averages.push_back(count * (antiderivative(waves, static_cast<double>(i + 1) / count) -
                                antiderivative(waves, static_cast<double>(i) / count)));
  return averages;
}

std::vector<double> exact_averages(const Waves& waves, const BurgersProblem& problem, double t) {
  check_problem(problem);
  const auto cells = static_cast<std::size_t>(problem.cells);
  if (kPoints % cells != 0)
    throw InvalidArgument("[burgers] the exact solution needs a number of cells that divides ", kPoints, "; got ",
                          cells, ".");
  const std::vector<double> phi = phi_at(initial_phi(waves, problem.viscosity), problem.viscosity, t, kPoints / cells);
  std::vector<double> averages(cells);
  for (std::size_t i = 0; i < cells; ++i)
    averages[i] = -2 * problem.viscosity / problem.width() * std::log(phi[(i + 1) % cells] / phi[i]);
  return averages;
}

HostArray averaged(const HostArray& states, std::int64_t coarse) {
  const std::int64_t batch = states.shape()[0], times = states.shape()[1], cells = states.shape()[2];
  if (coarse < 1 || cells % coarse != 0)
    throw ShapeError("[burgers] ", coarse, " cells must divide those of the states, ", states.shape(), ".");
  const std::int64_t each = cells / coarse;
  HostArray out(Shape{batch, times, coarse});
  for (std::int64_t i = 0; i < out.size(); ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < each; ++k) sum += states.at(i * each + k);
    out.set(i, sum / static_cast<double>(each));
  }
  return out;
}

Array around_ring(const Array& u, std::int64_t more) {
  const std::int64_t cells = u.shape().size();
  return concat({u.slice(cells - more, cells), u, u.slice(0, more)});
}

Array central_flux(const BurgersProblem& problem, const Array& row) {
  const auto [left, right] = neighbours(row);
  return (1.0 / 6) * (left * (left + right) + right * right) + diffusive_flux(problem, {left, right});
}

Array upwind_flux(const BurgersProblem& problem, const Array& row) {
  const auto [left, right] = neighbours(row);
  return 0.5 * max(square(relu(left)), square(relu(-right))) + diffusive_flux(problem, {left, right});
}

Array rate_of(const BurgersProblem& problem, const Array& fluxes) {
  const auto [before, after] = neighbours(fluxes);
  return static_cast<double>(problem.cells) * (before - after);
}

Array plain_rate(const BurgersProblem& problem, const Array& u, Flux flux) {
  return rate_of(problem, flux(problem, around_ring(u, 1)));
}

HostArray solve_plain(const BurgersProblem& problem, const HostArray& start, const HostArray& times, Flux flux) {
  check_problem(problem);
  return solve_stably(problem,
                      vector_field({problem.cells}, [&](Array, Array u) { return plain_rate(problem, u, flux); }),
                      start, times);
}

HostArray solve_stably(const BurgersProblem& problem, const VectorField& field, const HostArray& start,
                       const HostArray& times) {
  const Solution solution = solve(field, start, times, stable_steps(problem, times.at(1) - times.at(0)));
  solution.check();
  return solution.states;
}

SolveOptions stable_steps(const BurgersProblem& problem, double spacing) {
  check_problem(problem);
  // The method is stable up to 2.78 on the negative and 2.8 on the imaginary axis. Diffusion has 4 nu / h^2, and a
  // speed of 2, which few states reach, 2 / h; what a closure adds needs room.
  const auto cells = static_cast<double>(problem.cells);
  const double rate = std::max(4 * problem.viscosity * cells * cells, 2 * cells);
  return {.method = Method::kRk4Classic, .steps_per_interval = static_cast<int>(std::ceil(rate / 1.7 * spacing))};
}

}  // namespace costate::experiments
