// The data stage's own integrators. Data that a solver is tested on must not come from that solver, so these share
// nothing with costate/solve: other methods, no options, accuracy near rounding before speed.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

namespace costate::internal {

/// dz/dt at (t, z).
using Slope = std::function<void(double t, std::span<const double> z, std::span<double> dz)>;

/// Gragg-Bulirsch-Stoer extrapolation: the modified midpoint rule with 2, 4, …, 16 substeps, whose error is a series in
/// the square of the substep, extrapolated to substep 0 until two orders agree to 2e-14 of the state (Hairer, Norsett,
/// Wanner, Solving Ordinary Differential Equations I, section II.9).
class ExtrapolationIntegrator {
 public:
  ExtrapolationIntegrator(Slope slope, std::vector<double> start) : slope_(std::move(slope)), z_(std::move(start)) {}

  /// Goes forward from the current time (0 at first) to t. SolveFailed if the state grows without bound.
  void advance_to(double t);
  const std::vector<double>& state() const { return z_; }

 private:
  int extrapolate(double h, std::vector<double>& result) const;
  std::vector<double> midpoint_rule(double h, int substeps) const;

  Slope slope_;
  double t_ = 0;
  std::vector<double> z_;
  double step_ = 0.1;
};

/// dz/dt at (t, z) with the state one delay earlier.
using DelaySlope =
    std::function<void(double t, std::span<const double> z, std::span<const double> delayed, std::span<double> dz)>;

/// RK4 with a fixed step that divides the delay, so that the corners of the solution at multiples of the delay fall
/// between steps; the past is read by cubic Hermite interpolation, of the order of the method. Before t = 0 the state
/// is its start.
class DelayIntegrator {
 public:
  DelayIntegrator(DelaySlope slope, std::vector<double> start, double delay);

  /// The state at t >= 0, stepping on as far as needed.
  std::vector<double> state_at(double t);

 private:
  std::vector<double> interpolate(std::size_t step, double fraction) const;
  std::vector<double> delayed(std::size_t step, double fraction) const;
  void take_step();

  DelaySlope slope_;
  std::size_t num_delay_steps_;
  double h_;
  std::vector<std::vector<double>> z_;  // at the steps 0, h, 2h, …
  std::vector<std::vector<double>> dz_;
};

}  // namespace costate::internal
