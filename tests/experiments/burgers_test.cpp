// Burgers' equation of the closure experiment: its exact solution, its solver's order, and what the closure cannot
// break.
#include "experiments/burgers-closure/burgers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/burgers-closure/closure.h"
#include "experiments/burgers-closure/comparison.h"
#include "experiments/distance.h"
#include "tests/support/expect_error.h"

namespace costate::experiments {
namespace {

const Waves kWaves = {{0.6, 0.3, 1}, {0.4, 2.0, 2}};

/// The relative error of the plain solver at t = 0.4, where the shocks stand.
double error_of_solver(std::int64_t cells, Flux flux) {
  const BurgersProblem problem{.cells = cells, .viscosity = 0.02};
  const HostArray start = HostArray::from_rows({initial_averages(kWaves, cells)}, cells);
  const HostArray states = solve_plain(problem, start, HostArray::vector({0, 0.2, 0.4}), flux);
  return relative_distance(states[0].row(2), exact_averages(kWaves, problem, 0.4));
}

TEST(Burgers, TheExactSolutionBeginsWithTheState) {
  const std::vector<double> found = exact_averages(kWaves, {.cells = 64}, 0), start = initial_averages(kWaves, 64);
  for (std::size_t i = 0; i < start.size(); ++i) EXPECT_NEAR(found[i], start[i], 1e-8);
}

TEST(Burgers, AStrongViscosityLeavesDecayingWaves) {
  // Of a small wave the square does not count: a e^(-nu k^2 t) sin(k x).
  const Waves small = {{1e-5, 0, 1}};
  const BurgersProblem problem{.cells = 16, .viscosity = 0.1};
  const double turn = 2 * std::numbers::pi, decay = std::exp(-0.1 * turn * turn * 0.5);
  const std::vector<double> found = exact_averages(small, problem, 0.5), start = initial_averages(small, 16);
  for (std::size_t i = 0; i < start.size(); ++i) EXPECT_NEAR(found[i], decay * start[i], 1e-9);
}

TEST(Burgers, TheSolverHasTheSecondOrder) {
  const double coarse = error_of_solver(128, central_flux), fine = error_of_solver(256, central_flux);
  EXPECT_GT(std::log2(coarse / fine), 1.8);
  EXPECT_LT(fine, 2e-3);
}

TEST(Burgers, GodunovsFluxHasTheFirstOrder) {
  const double order = std::log2(error_of_solver(128, upwind_flux) / error_of_solver(256, upwind_flux));
  EXPECT_GT(order, 0.8);
  EXPECT_LT(order, 1.4);
}

TEST(Burgers, AveragesAreThoseOfNeighbours) {
  const HostArray states(Shape{1, 2, 4}, std::vector<double>{1, 3, 5, 9, 0, 2, -4, 4});
  EXPECT_EQ(averaged(states, 2).numbers(), (std::vector<double>{2, 7, 1, 0}));
  EXPECT_ERROR(averaged(states, 3), ShapeError, "3 cells must divide those of the states");
}

TEST(Burgers, StatesDependOnTheirPlaceAlone) {
  const std::vector<Waves> all = draw_waves({.seed = 5, .count = 4}),
                           last = draw_waves({.seed = 5, .first = 3, .count = 1});
  double square = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(all[3][i].amplitude, last[0][i].amplitude);
    square += last[0][i].amplitude * last[0][i].amplitude / 2;
  }
  EXPECT_GT(std::sqrt(square), 0.3);
  EXPECT_LT(std::sqrt(square), 0.7);
}

/// What an untrained net does to du/dt of a state.
std::vector<double> closed_minus_plain(const std::vector<double>& state) {
  const auto cells = static_cast<std::int64_t>(state.size());
  const BurgersProblem problem{.cells = cells};
  const FluxClosure closure({.width = 8, .seed = 3});
  const Function difference =
      trace([&](Array u) { return closed_rate(problem, closure, u) - plain_rate(problem, u); }, {{"u", {cells}}});
  return compile(difference).run({HostArray(Shape{1, cells}, state)}).outputs[0].numbers();
}

TEST(Burgers, TheClosureKeepsTheMeanAndLeavesConstantsAlone) {
  std::vector<double> waves = initial_averages(kWaves, 32);
  double sum = 0, largest = 0;
  for (const double rate : closed_minus_plain(waves)) {
    sum += rate;
    largest = std::max(largest, std::abs(rate));
  }
  EXPECT_GT(largest, 1e-3);
  EXPECT_NEAR(sum, 0, 1e-13);
  for (const double rate : closed_minus_plain(std::vector<double>(32, 0.7))) EXPECT_EQ(rate, 0);
}

TEST(Burgers, TheClosureMovesWithTheState) {
  std::vector<double> state = initial_averages(kWaves, 32);
  const std::vector<double> before = closed_minus_plain(state);
  std::ranges::rotate(state, state.begin() + 5);
  const std::vector<double> after = closed_minus_plain(state);
  for (std::size_t i = 0; i < 32; ++i) EXPECT_NEAR(after[i], before[(i + 5) % 32], 1e-13);
}

TEST(Burgers, RefusesWhatIsNoProblem) {
  EXPECT_ERROR(check_problem({.cells = 4}), InvalidArgument, "at least 8 cells; got 4");
  EXPECT_ERROR(check_problem({.viscosity = 0}), InvalidArgument, "viscosity must be positive; got 0");
  EXPECT_ERROR(exact_averages(kWaves, {.cells = 24}, 1), InvalidArgument, "divides 4096; got 24");
}

}  // namespace
}  // namespace costate::experiments
