// Recorded or simulated trajectories of one system: what `simulate` makes, a data file holds and `fit` learns from.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "costate/array/host_array.h"

namespace costate {

/// What enters the system at a time, such as a dose: at once (a bolus), or evenly over a duration (an infusion).
struct Event {
  double time = 0;
  std::size_t column = 0;  ///< of TimeSeries::event_names: what enters
  double amount = 0;       ///< below 0 where it leaves
  double duration = 0;     ///< 0: at once

  friend bool operator==(const Event& left, const Event& right) = default;
};

/// One run of the system.
struct Trajectory {
  std::string id = {};                  ///< of the trajectory column; "" if the file has none
  std::vector<double> times = {};       ///< [samples], strictly increasing
  HostArray states = {};                ///< [samples, state], f64; NaN where nothing was measured
  HostArray inputs = {};                ///< [samples, input], f64, all finite
  std::vector<double> covariates = {};  ///< what does not change along the trajectory: a dose, a weight; all finite
  /// [samples, state], how many measurements at that time a state is the mean of; empty ([0, 0]) if each is one alone.
  HostArray repeats = HostArray(Shape{0, 0});
  /// [samples, state], where a state was not measured but found to be below or above a limit of detection: that limit,
  /// and NaN elsewhere; empty ([0, 0]) if there is none.
  HostArray below = HostArray(Shape{0, 0}), above = HostArray(Shape{0, 0});
  /// In the order of their times, which need not be those of samples. What is measured at the time of an event is from
  /// before it.
  std::vector<Event> events = {};
};

/// What of a trajectory has a number for each cell of its states, or is empty ([0, 0]).
inline constexpr HostArray Trajectory::*kOfCells[] = {&Trajectory::repeats, &Trajectory::below, &Trajectory::above};

/// How calendar times became numbers: `unit`s since `origin`. Both are empty if the times are plain numbers.
struct TimeScale {
  std::string unit;         ///< "days" or "seconds"
  std::string origin;       ///< the ISO 8601 date or date-time of t = 0
  std::string format = {};  ///< of strftime, how the data write them; ISO 8601 if empty

  friend bool operator==(const TimeScale& left, const TimeScale& right) = default;
};

/// Trajectories with the names of their columns. Trajectories may differ in length and in times.
struct TimeSeries {
  std::string time_name = {};
  TimeScale time_scale = {};
  std::vector<std::string> state_names = {};
  std::vector<std::string> input_names = {};
  std::vector<Trajectory> trajectories = {};
  std::vector<std::string> covariate_names = {};
  std::string trajectory_name = {};  ///< of the column, or columns ("site,visit"), that ids come from; "" for none
  std::vector<std::string> event_names = {};
};

/// " of trajectory 'A'", for messages; "" of one without a name.
std::string of_trajectory(const std::string& id);

/// The first time of all trajectories, and the last one.
struct TimeRange {
  double first = 0, last = 0;
};
TimeRange time_range(const TimeSeries& series);

/// Cells of a state that are known by a limit of detection alone.
std::size_t count_beyond_limits(const TimeSeries& series, std::size_t state);

/// States [trajectory, time, state] that were measured every `spacing` from t = 0 on, without inputs, as a series.
/// ShapeError unless there is a name for each state.
TimeSeries evenly_sampled(const HostArray& states, double spacing, const std::vector<std::string>& state_names);

/// DataError, which begins with `what`, if times are not finite or do not increase.
void check_increasing(std::span<const double> times, const std::string& what);

/// DataError, or ShapeError, naming the trajectory, if a series is not as above: no trajectories, fewer than two
/// samples, times that are not finite or do not increase, infinite states, inputs that are not finite, events that
/// are not finite, turn back or last less than no time, shapes or names that do not fit.
void check(const TimeSeries& series);

}  // namespace costate
