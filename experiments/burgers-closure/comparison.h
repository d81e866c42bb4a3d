// Solvers of Burgers' equation beside each other: how far each is from averages of a fine one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "costate/costate.h"
#include "experiments/burgers-closure/burgers.h"

namespace costate::experiments {

constexpr double kSpacing = 0.05;  // of all output times
constexpr double kTrained = 1;     // the end of the trajectories that are trained on

/// Trajectories of a fine solver, and their averages over coarse cells.
struct Truth {
  std::vector<Waves> waves = {};
  BurgersProblem fine = {};
  HostArray times = {};
  HostArray fine_states = {}, states = {};  // [state, time, cells]

  /// Averages over so many cells at t = 0 [state, cells].
  HostArray start(std::int64_t cells) const;
};

struct TruthOptions {
  std::int64_t fine_cells = 512;
  double end = kTrained;
  SampleRange states = {};
};

Truth solve_truth(const BurgersProblem& coarse, const TruthOptions& options);

/// The largest relative error, in L2 over space, of the first four states against the exact solution, at a third of the
/// times: on the fine cells, and of the averages over the coarse ones.
struct TruthError {
  double fine = 0, coarse = 0;
};

TruthError check_truth(const Truth& truth, const BurgersProblem& coarse);

/// |found - truth| / |truth| in L2 over the coarse cells, at the output times after the start: [state][time].
using Errors = std::vector<std::vector<double>>;

/// The mean over all states and the times up to kTrained, and over the times after it.
double mean_error(const Errors& errors);
double later_error(const Errors& errors);
/// The mean of each state over the times up to kTrained, and that at each time over all states.
std::vector<double> by_state(const Errors& errors);
std::vector<double> by_time(const Errors& errors);

/// A solver on the states of a Truth.
struct Contender {
  std::string name = {};
  std::int64_t cells = 0;
  HostArray states = {};  // averages over the coarse cells [state, time, cells]
  Errors errors = {};
  double seconds = 0;  // of its solve
};

/// `solver` gives states [state, time, cells] from averages over the problem's cells.
Contender contend(const std::string& name, const Truth& truth, const BurgersProblem& problem,
                  const std::function<HostArray(const HostArray& start)>& solver);
/// The solver without a closure.
Contender contend_plain(const std::string& name, const Truth& truth, const BurgersProblem& problem,
                        Flux flux = central_flux);

/// How far the mean of a state moves from that of its start, at most.
double drift(const HostArray& states);

}  // namespace costate::experiments
