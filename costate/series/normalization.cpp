#include "costate/series/normalization.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "costate/base/error.h"

namespace costate {
namespace {

/// Mean and deviation of cells.
void measure_cells(const std::vector<double>& cells, const std::string& name, double& offset, double& scale) {
  if (cells.empty()) throw DataError("[fit] '", name, "' has no measured value in what is trained on; leave it out.");
  const auto n = static_cast<double>(cells.size());
  double variance = 0;
  for (const double cell : cells) offset += cell / n;
  for (const double cell : cells) variance += (cell - offset) * (cell - offset) / n;
  if (!std::isfinite(offset) || !std::isfinite(variance))
    throw DataError("[fit] the numbers of '", name, "' are too large to be squared; give them in another unit.");
  // Rounding of the mean is no variation.
  if (std::sqrt(variance) > 1e-12 * std::abs(offset)) scale = std::sqrt(variance);
}

/// Of column `column` of all trajectories, NaN left out.
void measure_columns(const TimeSeries& series, HostArray Trajectory::*values, const std::vector<std::string>& names,
                     std::vector<double>& offset, std::vector<double>& scale) {
  const std::size_t count = names.size();
  offset.assign(count, 0.0);
  scale.assign(count, 1.0);
  for (std::size_t column = 0; column < count; ++column) {
    std::vector<double> cells;
    for (const Trajectory& trajectory : series.trajectories) {
      const std::span<const double> numbers = (trajectory.*values).data<double>();
      for (std::size_t i = column; i < numbers.size(); i += count)
        if (std::isfinite(numbers[i])) cells.push_back(numbers[i]);
    }
    measure_cells(cells, names[column], offset[column], scale[column]);
  }
}

/// How far and how fast states move, in their deviations: sums over pairs of samples.
struct Movement {
  double distance = 0;      // of |change|
  double squared_rate = 0;  // of (change / time)^2
  double count = 0;
};

/// From each sample to the first one that is at least `lag` away.
Movement movement_of(const TimeSeries& series, std::size_t column, double scale, double lag) {
  Movement movement;
  const std::size_t columns = series.state_names.size();
  for (const Trajectory& trajectory : series.trajectories) {
    const std::vector<double>& times = trajectory.times;
    const std::span<const double> states = trajectory.states.data<double>();
    const auto cell = [&](std::size_t i) { return states[i * columns + column]; };
    for (std::size_t from = 0, to = 1; from < times.size(); ++from) {
      to = std::max(to, from + 1);
      while (to < times.size() && times[to] - times[from] < lag) ++to;
      if (to == times.size()) break;
      const double change = (cell(to) - cell(from)) / scale, rate = change / (times[to] - times[from]);
      if (!std::isfinite(rate)) continue;
      movement.distance += std::abs(change);
      movement.squared_rate += rate * rate;
      movement.count += 1;
    }
  }
  return movement;
}

/// Of all columns that move at all: one that rests says nothing about the others' time.
Movement movement_of_all(const TimeSeries& series, const std::vector<double>& scale, double lag) {
  Movement all;
  for (std::size_t column = 0; column < scale.size(); ++column) {
    const Movement movement = movement_of(series, column, scale[column], lag);
    if (movement.distance == 0) continue;
    all.distance += movement.distance;
    all.squared_rate += movement.squared_rate;
    all.count += movement.count;
  }
  return all;
}

/// 1 / root mean square of the states' rate over the shortest lag in which they move by half a deviation: over shorter
/// ones noise would be divided by the spacing, which irregular times make as small as they like.
double measure_time(const TimeSeries& series, const std::vector<double>& scale) {
  constexpr double kEnough = 0.5;
  double span = 0, lag = std::numeric_limits<double>::infinity();
  for (const Trajectory& trajectory : series.trajectories) {
    span = std::max(span, trajectory.times.back() - trajectory.times.front());
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      lag = std::min(lag, trajectory.times[i] - trajectory.times[i - 1]);
  }
  Movement movement;
  for (; lag <= span && movement.distance <= kEnough * movement.count; lag *= 2) {
    const Movement over_lag = movement_of_all(series, scale, lag);
    if (over_lag.count > 0) movement = over_lag;
  }
  if (movement.squared_rate > 0) return std::sqrt(movement.count / movement.squared_rate);
  return span > 0 ? span : 1.0;
}

/// The mean size of amounts; 1 of what never comes in.
std::vector<double> measure_events(const TimeSeries& series) {
  std::vector<double> sizes(series.event_names.size(), 0.0), counts = sizes;
  for (const Trajectory& trajectory : series.trajectories)
    for (const Event& event : trajectory.events) {
      sizes[event.column] += std::abs(event.amount);
      counts[event.column] += event.amount != 0 ? 1 : 0;
    }
  for (std::size_t k = 0; k < sizes.size(); ++k) sizes[k] = counts[k] > 0 ? sizes[k] / counts[k] : 1;
  return sizes;
}

}  // namespace

Normalization measure(const TimeSeries& series) {
  Normalization normalization;
  measure_columns(series, &Trajectory::states, series.state_names, normalization.state_offset,
                  normalization.state_scale);
  measure_columns(series, &Trajectory::inputs, series.input_names, normalization.input_offset,
                  normalization.input_scale);
  for (std::size_t k = 0; k < series.covariate_names.size(); ++k) {
    std::vector<double> cells;
    for (const Trajectory& trajectory : series.trajectories) cells.push_back(trajectory.covariates[k]);
    measure_cells(cells, series.covariate_names[k], normalization.covariate_offset.emplace_back(0.0),
                  normalization.covariate_scale.emplace_back(1.0));
  }
  normalization.event_scale = measure_events(series);
  normalization.time_scale = measure_time(series, normalization.state_scale);
  return normalization;
}

}  // namespace costate
