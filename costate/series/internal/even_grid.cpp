#include "costate/series/internal/even_grid.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/series/internal/rival.h"

namespace costate::internal {
namespace {

constexpr double kNearMultiple = 0.1;  // of a step
constexpr double kLongestGap = 20;     // steps
constexpr std::size_t kMostFilled = 3;

/// Steps to the next sample; 0 if it is not on the grid or too far.
std::size_t steps_to(const std::vector<double>& times, std::size_t i, double step) {
  const double count = (times[i] - times[i - 1]) / step;
  const bool is_on_grid = std::abs(count - std::round(count)) < kNearMultiple && count > 0.5 && count <= kLongestGap;
  return is_on_grid ? static_cast<std::size_t>(std::lround(count)) : 0;
}

void append_missing(GridSegment& segment, std::size_t count, std::size_t states, std::size_t inputs) {
  segment.length += count;
  segment.states.resize(segment.length * states, std::numeric_limits<double>::quiet_NaN());
  segment.inputs.resize(segment.length * inputs, std::numeric_limits<double>::quiet_NaN());
}

void append_sample(GridSegment& segment, const Trajectory& trajectory, std::size_t i, const Normalization& units) {
  const std::size_t states = units.state_offset.size(), inputs = units.input_offset.size();
  ++segment.length;
  for (std::size_t k = 0; k < states; ++k) {
    const double cell = trajectory.states.data<double>()[i * states + k];
    segment.states.push_back((cell - units.state_offset[k]) / units.state_scale[k]);
  }
  for (std::size_t k = 0; k < inputs; ++k) {
    const double cell = trajectory.inputs.data<double>()[i * inputs + k];
    segment.inputs.push_back((cell - units.input_offset[k]) / units.input_scale[k]);
  }
}

/// Cells of a column without a value, at most `most` in a row, become linear between their neighbours.
void fill_column(std::vector<double>& cells, std::size_t column, std::size_t width, std::size_t most) {
  const std::size_t length = cells.size() / width;
  std::size_t last = length;  // with a value; length: none yet
  for (std::size_t i = 0; i < length; ++i) {
    const double to = cells[i * width + column];
    if (std::isnan(to)) continue;
    if (last < i && i - last - 1 <= most) {
      const double from = cells[last * width + column];
      for (std::size_t j = last + 1; j < i; ++j)
        cells[j * width + column] = from + static_cast<double>(j - last) / static_cast<double>(i - last) * (to - from);
    }
    last = i;
  }
}

void fill(GridSegment& segment, std::size_t states, std::size_t inputs) {
  segment.filled = segment.states;
  for (std::size_t k = 0; k < states; ++k) fill_column(segment.filled, k, states, kMostFilled);
  for (std::size_t k = 0; k < inputs; ++k) fill_column(segment.inputs, k, inputs, segment.length);
}

/// The inputs at a time after the origin, linear between the rows that the task assumes.
double input_ahead(const ForecastTask& task, double time, std::size_t k, std::size_t width) {
  const std::vector<double>& times = task.trajectory->times;
  const auto begin = times.begin() + static_cast<std::ptrdiff_t>(task.origin);
  const auto end = begin + static_cast<std::ptrdiff_t>(task.ahead) + 1;
  const auto found = static_cast<std::size_t>(std::lower_bound(begin, end, time) - begin);
  const std::size_t right = std::clamp<std::size_t>(found, 1, task.ahead);
  const auto value = [&](std::size_t i) {
    return i == 0 ? task.trajectory->inputs.data<double>()[task.origin * width + k]
                  : task.inputs.data<double>()[(i - 1) * width + k];
  };
  const double from = begin[static_cast<std::ptrdiff_t>(right) - 1], to = begin[static_cast<std::ptrdiff_t>(right)];
  return value(right - 1) + std::clamp((time - from) / (to - from), 0.0, 1.0) * (value(right) - value(right - 1));
}

}  // namespace

std::optional<double> median_step(const TimeSeries& series) {
  std::vector<double> steps;
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      steps.push_back(trajectory.times[i] - trajectory.times[i - 1]);
  if (steps.empty()) return std::nullopt;
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

std::optional<double> even_step(const TimeSeries& series) {
  const std::optional<double> step = median_step(series);
  if (!step) return std::nullopt;
  std::size_t on_grid = 0, all = 0;
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i, ++all)
      on_grid += steps_to(trajectory.times, i, *step) > 0 ? 1 : 0;
  if (10 * on_grid < 9 * all) return std::nullopt;
  return step;
}

std::vector<GridSegment> segments_of(const TimeSeries& series, const Normalization& units, double step) {
  const std::size_t states = series.state_names.size(), inputs = series.input_names.size();
  std::vector<GridSegment> segments;
  for (const Trajectory& trajectory : series.trajectories) {
    segments.emplace_back();
    for (std::size_t i = 0; i < trajectory.times.size(); ++i) {
      const std::size_t steps = i == 0 ? 1 : steps_to(trajectory.times, i, step);
      if (steps == 0) segments.emplace_back();
      if (steps > 1) append_missing(segments.back(), steps - 1, states, inputs);
      append_sample(segments.back(), trajectory, i, units);
    }
  }
  for (GridSegment& segment : segments) fill(segment, states, inputs);
  return segments;
}

GridSegment segment_around(const ForecastTask& task, const Normalization& units, double step, std::size_t before,
                           std::size_t after) {
  const std::size_t states = units.state_offset.size(), inputs = units.input_offset.size();
  const Trajectory& trajectory = *task.trajectory;
  const double now = trajectory.times[task.origin];
  GridSegment segment;
  segment.length = before + after;
  const auto time_of = [&](std::size_t i) {
    return now + (static_cast<double>(i + 1) - static_cast<double>(before)) * step;
  };
  segment.filled.assign(segment.length * states, std::numeric_limits<double>::quiet_NaN());
  segment.inputs.assign(segment.length * inputs, 0.0);
  for (std::size_t k = 0; k < states; ++k) {
    const std::optional<std::size_t> last = last_measured(trajectory, k, task.origin);
    const double until = last ? trajectory.times[*last] + kNearMultiple * step : now;
    for (std::size_t i = 0; i < before && time_of(i) <= until; ++i) {
      const double value = measured_at(trajectory, k, task.origin, time_of(i), Outside::kNearest);
      segment.filled[i * states + k] = last ? (value - units.state_offset[k]) / units.state_scale[k] : 0;
    }
  }
  for (std::size_t i = 0; i < segment.length; ++i) {
    for (std::size_t k = 0; k < inputs; ++k) {
      const double value =
          i < before ? past_input(trajectory, task.origin, time_of(i), k) : input_ahead(task, time_of(i), k, inputs);
      segment.inputs[i * inputs + k] = (value - units.input_offset[k]) / units.input_scale[k];
    }
  }
  return segment;
}

}  // namespace costate::internal
