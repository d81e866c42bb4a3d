// Recorded or simulated trajectories of one system: what `simulate` makes, a data file holds and `fit` learns from.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

/// One run of the system.
struct Trajectory {
  std::string id;             ///< of the trajectory column; "" if the file has none
  std::vector<double> times;  ///< [samples], strictly increasing
  HostArray states;           ///< [samples, state], f64; NaN where nothing was measured
  HostArray inputs;           ///< [samples, input], f64, all finite
  std::vector<double> covariates = {};  ///< what does not change along the trajectory: a dose, a weight; all finite
};

/// How calendar times became numbers: `unit`s since `origin`. Both are empty if the times are plain numbers.
struct TimeScale {
  std::string unit;    ///< "days" or "seconds"
  std::string origin;  ///< the ISO 8601 date or date-time of t = 0

  friend bool operator==(const TimeScale& left, const TimeScale& right) = default;
};

/// Trajectories with the names of their columns. Trajectories may differ in length and in times.
struct TimeSeries {
  std::string time_name;
  TimeScale time_scale;
  std::vector<std::string> state_names;
  std::vector<std::string> input_names;
  std::vector<Trajectory> trajectories;
  std::vector<std::string> covariate_names = {};
};

/// DataError, which begins with `what`, if times are not finite or do not increase.
void check_increasing(std::span<const double> times, const std::string& what);

/// DataError, or ShapeError, naming the trajectory, if a series is not as above: no trajectories, fewer than two
/// samples, times that are not finite or do not increase, infinite states, inputs that are not finite, shapes or names
/// that do not fit.
void check(const TimeSeries& series);

}  // namespace costate
