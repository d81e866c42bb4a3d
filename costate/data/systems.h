// Dynamical systems to make data from. Each is a row of one of the lists in mechanics.cpp, oscillators.cpp and
// population.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace costate {

/// Where a system's slope is taken.
struct SystemPoint {
  double t;
  std::span<const double> z;           ///< [state]
  std::span<const double> delayed;     ///< the state one delay earlier; empty for a system without delay
  double drive;                        ///< the input; 0 for a system without
  std::span<const double> parameters;  ///< in the order of System::parameters
};

struct SystemParameter {
  std::string name;
  double value;
};

/// A state and the interval that its start is drawn from.
struct SystemState {
  std::string name;
  double start_low;
  double start_high;
};

struct System {
  std::string name;
  std::string description;  ///< with the equation
  std::vector<SystemState> states;
  std::vector<SystemParameter> parameters;
  double until;     ///< default end; the start is t = 0
  int num_samples;  ///< default, over [0, until]
  void (*slope)(const SystemPoint& at, std::span<double> dz);
  /// The system is driven by u(t) = mean_j sin(w_j t + phase_j) with these w_j and phases drawn for each trajectory.
  std::vector<double> drive_frequencies = {};
  /// The index of the parameter that is the delay of SystemPoint::delayed. Before t = 0 the state is its start.
  std::optional<std::size_t> delay_parameter = {};
};

/// All systems, in the order of documentation.
const std::vector<System>& systems();

/// The system called `name`; InvalidArgument with the nearest one if there is none.
const System& find_system(const std::string& name);

}  // namespace costate
