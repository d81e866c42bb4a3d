// Trajectories of a known system, as if measured.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "costate/array/time_series.h"
#include "costate/data/systems.h"

namespace costate {

struct SimulateOptions {
  int trajectories = 1;
  /// Standard deviation of the Gaussian noise on each state value, the first one included.
  double noise = 0;
  std::uint64_t seed = 0;
  std::optional<double> until = {};  ///< default: the system's
  std::optional<int> samples = {};   ///< of each trajectory, t = 0 included; default: the system's
  std::vector<double> start = {};    ///< [state]; empty: drawn for each trajectory from the system's start box
  std::vector<SystemParameter> parameters = {};  ///< in place of the system's defaults, by name
  bool irregular = false;  ///< times drawn uniformly from (0, until) after the first, not evenly spaced to `until`
};

/// Solves the system accurately (relative error about 1e-12 for the non-chaotic ones) and adds the noise. The numbers
/// of a trajectory depend on the seed and its index alone, not on how many others are made.
///
/// Throws: InvalidArgument for an unknown system or parameter (with the nearest) or an option out of range;
///         SolveFailed if the state turns too fast or grows beyond all bounds before `until`.
TimeSeries simulate(const std::string& system, const SimulateOptions& options = {});

/// One trajectory from each start [state], all at the same times: [trajectory, time, state]. InvalidArgument if the
/// options say otherwise (`start`, `trajectories`, `irregular`), and as simulate.
HostArray simulate_from(const std::vector<std::vector<double>>& starts, const std::string& system,
                        const SimulateOptions& options = {});

}  // namespace costate
