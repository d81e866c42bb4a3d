#include "costate/array/time_series.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/base/error.h"
#include "costate/base/text.h"

namespace costate {
namespace {

std::string name_of(const TimeSeries& series, std::size_t i) {
  const std::string& id = series.trajectories[i].id;
  return series.trajectories.size() == 1 ? "" : text::concat(" of trajectory ", id.empty() ? std::to_string(i) : id);
}

void check_shape(const HostArray& array, std::size_t samples, std::size_t columns, const std::string& what) {
  const Shape expected{static_cast<std::int64_t>(samples), static_cast<std::int64_t>(columns)};
  if (!(array.shape() == expected))
    throw ShapeError("[TimeSeries] ", what, " must have shape ", expected, ", a row for each time; got ", array.shape(),
                     ".");
}

void check_events(const std::vector<Event>& events, const std::vector<std::string>& names, const std::string& where) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    if (event.column >= names.size())
      throw ShapeError("[TimeSeries] events", where, " have ", names.size(), " names; got one of column ", event.column,
                       ".");
    const std::string what = text::concat("[TimeSeries] events '", names[event.column], "'", where);
    if (!std::isfinite(event.time) || !std::isfinite(event.amount))
      throw DataError(what, " must have finite times and amounts; got ", event.amount, " at ", event.time, ".");
    if (!std::isfinite(event.duration) || event.duration < 0)
      throw DataError(what, " must last a finite time of at least 0; got ", event.duration, " at ", event.time, ".");
    if (i > 0 && event.time < events[i - 1].time)
      throw DataError(what, " must be in the order of their times; ", events[i - 1].time, " is followed by ",
                      event.time, ".");
  }
}

}  // namespace

std::string of_trajectory(const std::string& id) { return id.empty() ? "" : text::concat(" of trajectory '", id, "'"); }

TimeSeries evenly_sampled(const HostArray& states, double spacing, const std::vector<std::string>& state_names) {
  if (states.shape().rank() != 3 || states.shape()[2] != static_cast<std::int64_t>(state_names.size()))
    throw ShapeError("[evenly_sampled] states must have shape [trajectory, time, ", state_names.size(), "]; got ",
                     states.shape(), ".");
  const Shape one = states.shape().without_first();
  TimeSeries series{.time_name = "t", .state_names = state_names};
  for (std::int64_t i = 0; i < states.shape()[0]; ++i) {
    Trajectory& trajectory = series.trajectories.emplace_back();
    if (states.shape()[0] > 1) trajectory.id = text::concat(i);
    for (std::int64_t k = 0; k < one[0]; ++k) trajectory.times.push_back(spacing * static_cast<double>(k));
    trajectory.states = HostArray(one, states.row(i));
    trajectory.inputs = HostArray(Shape{one[0], 0});
  }
  return series;
}

void check_increasing(std::span<const double> times, const std::string& what) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(times[i])) throw DataError(what, " must be finite; got ", times[i], ".");
    if (i > 0 && times[i] <= times[i - 1])
      throw DataError(what, " must increase; ", times[i - 1], " is followed by ", times[i], ".");
  }
}

TimeRange time_range(const TimeSeries& series) {
  constexpr double kNothing = std::numeric_limits<double>::infinity();
  TimeRange range{kNothing, -kNothing};
  for (const Trajectory& trajectory : series.trajectories) {
    range.first = std::min(range.first, trajectory.times.front());
    range.last = std::max(range.last, trajectory.times.back());
  }
  return range;
}

std::size_t count_beyond_limits(const TimeSeries& series, std::size_t state) {
  std::size_t count = 0;
  const std::size_t width = series.state_names.size();
  for (const Trajectory& trajectory : series.trajectories)
    for (const HostArray* limits : {&trajectory.below, &trajectory.above})
      for (std::size_t i = state; i < static_cast<std::size_t>(limits->size()); i += width)
        count += !std::isnan(limits->at(static_cast<std::int64_t>(i)));
  return count;
}

void check(const TimeSeries& series) {
  if (series.trajectories.empty()) throw DataError("[TimeSeries] there must be at least one trajectory; got none.");
  if (series.state_names.empty()) throw DataError("[TimeSeries] there must be at least one state; got none.");
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const Trajectory& trajectory = series.trajectories[i];
    const std::vector<double>& times = trajectory.times;
    const std::string where = name_of(series, i);
    if (times.size() < 2)
      throw DataError("[TimeSeries] a trajectory needs at least two samples; got ", times.size(), where, ".");
    check_increasing(times, "[TimeSeries] times" + where);
    check_shape(trajectory.states, times.size(), series.state_names.size(), "states" + where);
    check_shape(trajectory.inputs, times.size(), series.input_names.size(), "inputs" + where);
    for (const HostArray Trajectory::*cells : kOfCells)
      if ((trajectory.*cells).size() > 0)
        check_shape(trajectory.*cells, times.size(), series.state_names.size(), "repeats and limits" + where);
    for (const double cell : trajectory.states.numbers())
      if (std::isinf(cell))
        throw DataError("[TimeSeries] states", where, " must be finite, or NaN where missing; got ", cell, ".");
    for (const double cell : trajectory.inputs.numbers())
      if (!std::isfinite(cell)) throw DataError("[TimeSeries] inputs", where, " must be finite; got ", cell, ".");
    if (trajectory.covariates.size() != series.covariate_names.size())
      throw ShapeError("[TimeSeries] covariates", where, " must hold ", series.covariate_names.size(),
                       " numbers, one for each name; got ", trajectory.covariates.size(), ".");
    for (const double value : trajectory.covariates)
      if (!std::isfinite(value)) throw DataError("[TimeSeries] covariates", where, " must be finite; got ", value, ".");
    check_events(trajectory.events, series.event_names, where);
  }
}

}  // namespace costate
