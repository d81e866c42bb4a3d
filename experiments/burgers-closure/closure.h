// A learned closure: what a net adds to the fluxes of a coarse solver, so that it follows the averages of a fine one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "costate/costate.h"
#include "experiments/burgers-closure/burgers.h"

namespace costate::experiments {

struct ClosureOptions {
  std::int64_t width = 16;  // channels of both hidden layers
  std::uint64_t seed = 0;
};

/// A flux between two cells from the three on each side of it: sum_k a_k(u) (u_k+1 - u_k), the a_k from a net of
/// convolutions, which is the same between all cells. It is 0 where the state is constant, and what leaves one cell
/// enters the next, whatever the net says.
class FluxClosure {
 public:
  static constexpr std::int64_t kReach = 3;  // cells on each side

  explicit FluxClosure(const ClosureOptions& options);

  /// From n cells in a row the n - 5 fluxes in the middle of six.
  Array operator()(const Array& row) const;
  std::vector<Parameter> parameters() const;

 private:
  Conv2d stencil_, hidden_, coefficients_;
};

/// du/dt of the cells by the central flux and the closure's.
Array closed_rate(const BurgersProblem& problem, const FluxClosure& closure, const Array& u);

/// As solve_plain, with the closure, in the same steps.
HostArray solve_closed(const BurgersProblem& problem, const FluxClosure& closure, const HostArray& start,
                       const HostArray& times);

struct ClosureTraining {
  std::int64_t epochs = 100;
  std::int64_t window = 5;  // output times that each window of a trajectory is solved over
  double rate = 5e-3;       // of Adam, falling
  std::uint64_t seed = 0;
};

/// Trains on windows of trajectories [sample, time, cells] at equally spaced times, `spacing` apart: each is solved
/// from its first state, and the loss is the mean over its other times of the square of the relative error. All in f32.
TrainResult train_closure(const BurgersProblem& problem, const FluxClosure& closure, const HostArray& trajectories,
                          double spacing, const ClosureTraining& options,
                          const std::function<void(const HistoryRow&)>& on_epoch);

}  // namespace costate::experiments
