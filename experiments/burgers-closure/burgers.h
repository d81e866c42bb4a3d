// Viscous Burgers on a ring of length 1: u_t + (u^2 / 2)_x = nu u_xx, as averages over cells, and its exact solution.
#pragma once

#include <cstdint>
#include <vector>

#include "costate/costate.h"

namespace costate::experiments {

struct BurgersProblem {
  std::int64_t cells = 32;
  double viscosity = 0.01;

  double width() const { return 1 / static_cast<double>(cells); }
};

/// InvalidArgument for fewer than 8 cells and a viscosity that is not positive.
void check_problem(const BurgersProblem& problem);

/// amplitude sin(2 pi number x + phase).
struct Wave {
  double amplitude = 1, phase = 0;
  int number = 1;
};
/// A state at t = 0, of mean 0.
using Waves = std::vector<Wave>;

/// States of the waves 1 … 4 with random amplitudes and phases, of a root mean square between 0.3 and 0.7. State i
/// depends on the seed and `first + i` alone.
std::vector<Waves> draw_waves(const SampleRange& range);

/// The averages of a state at t = 0 over the cells.
std::vector<double> initial_averages(const Waves& waves, std::int64_t cells);

/// The averages of the solution at time t by the transformation of Hopf (1950) and Cole (1951): u = -2 nu (log phi)_x
/// with phi_t = nu phi_xx. The heat equation is solved by a Fourier series, and the average over a cell is a difference
/// of two logarithms. InvalidArgument unless the number of cells divides 4096.
std::vector<double> exact_averages(const Waves& waves, const BurgersProblem& problem, double t);

/// Averages [batch, time, cells] over `coarse` cells each of so many neighbours. ShapeError unless `coarse` divides the
/// cells.
HostArray averaged(const HostArray& states, std::int64_t coarse);

// Inside a trace:

/// The cells with so many of each end put before and after them again: [cells + 2 more].
Array around_ring(const Array& u, std::int64_t more);

/// The flux from each cell to the next, of second order: (l^2 + l r + r^2) / 6 - nu (r - l) / h for neighbours l, r, of
/// which the first part creates no energy (Tadmor, Math. Comp. 49, 1987). From n cells of the ring in a row the n - 1
/// fluxes between them.
Array central_flux(const BurgersProblem& problem, const Array& row);
/// The same with Godunov's flux max(max(l, 0)^2, min(r, 0)^2) / 2, of first order.
Array upwind_flux(const BurgersProblem& problem, const Array& row);

/// du/dt of the cells from the fluxes before the first cell, between cells and after the last [cells + 1].
Array rate_of(const BurgersProblem& problem, const Array& fluxes);

/// du/dt without a closure, with one of the two fluxes.
using Flux = Array (*)(const BurgersProblem& problem, const Array& row);
Array plain_rate(const BurgersProblem& problem, const Array& u, Flux flux = central_flux);

// Outside:

/// States [batch, time, cells] from averages [batch, cells], without a closure, by steps of the classical method of
/// fourth order that are stable on these cells.
HostArray solve_plain(const BurgersProblem& problem, const HostArray& start, const HostArray& times,
                      Flux flux = central_flux);

/// The same of another field of the cells.
HostArray solve_stably(const BurgersProblem& problem, const VectorField& field, const HostArray& start,
                       const HostArray& times);

/// These steps, of equally spaced output times `spacing` apart.
SolveOptions stable_steps(const BurgersProblem& problem, double spacing);

}  // namespace costate::experiments
