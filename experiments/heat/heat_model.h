// Heat in a fluid that turns: u_t + c . grad u = kappa laplace(u) on the unit square, u = 0 on its edge, c the rotation
// around its middle. What sensors read of it, and the prior of the field at the start.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

struct Place {
  double x = 0, y = 0;
};

struct HeatProblem {
  std::int64_t cells = 64;          // along each side; the state is u at the (cells - 1)^2 points between them
  std::vector<Place> sensors = {};  // inside of the square
  std::int64_t num_times = 10;      // of readings, evenly spaced up to `end`
  double end = 1;
  double turn = 1;                  // radians in a unit of time
  double noise = 0.005;             // deviation of a reading
  double prior_diffusion = 0.0045;  // median of a lognormal prior
  double prior_spread = 1;          // deviation of log(diffusion)
  double prior_length = 0.1;        // over which the field varies
  double prior_deviation = 0.5;     // of the field in the middle of the square

  std::int64_t side() const { return cells - 1; }
  std::int64_t size() const { return side() * side(); }
};

/// InvalidArgument for a grid of fewer than 4 cells, no sensor or one outside of the square, and times, noise or priors
/// that are not positive.
void check_problem(const HeatProblem& problem);
/// InvalidArgument unless the coefficient is positive.
void check_diffusion(double diffusion);

/// A blob of heat: amplitude exp(-r^2 / (2 deviation^2)).
struct Blob {
  Place middle;
  double amplitude = 1, deviation = 0.07;
};

/// The field of blobs on the plane at time t: they turn, spread as deviation^2 + 2 kappa t and keep their heat. On the
/// square as long as they are far from its edge.
double exact_field(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion, double t,
                   const Place& at);
/// The same at the points of the grid [(cells - 1)^2], rows of equal y.
std::vector<double> exact_grid(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion, double t);
/// At the sensors and times of readings [times, sensors].
std::vector<double> exact_readings(const std::vector<Blob>& blobs, const HeatProblem& problem, double diffusion);

// Inside a trace:

/// du/dt of u [size] by differences of fourth order, u being 0 outside. All parts of it are slices of u and products
/// with constants, which run on whole vectors.
Array heat_rate(const HeatProblem& problem, const Array& u, const Array& diffusion);

/// What the sensors read of states [times + 1, size], the start among them: [times, sensors], linear between points.
Array heat_readings(const HeatProblem& problem, const Array& states);

/// The field of weights [side, side] of standard normal numbers: the sum of weights_jk s_jk 2 sin(pi j x) sin(pi k y)
/// with s_jk ~ 1 / (1 + l^2 pi^2 (j^2 + k^2))^2. The same weights give the same field on any grid.
Array prior_field(const HeatProblem& problem, const Array& weights);

/// States at the start and the times of readings.
Array heat_states(const HeatProblem& problem, const Array& start, const Array& log_diffusion,
                  const SolveOptions& options);
/// Half the sum of squares of what states miss of the measured readings, in deviations of the noise.
Array heat_misfit(const HeatProblem& problem, const Array& states, const Array& measured);

/// Fixed steps of the classical method of fourth order, stable up to this diffusion.
SolveOptions stable_steps(const HeatProblem& problem, double largest_diffusion);

}  // namespace costate::experiments
