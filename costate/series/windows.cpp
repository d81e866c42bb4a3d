#include "costate/series/windows.h"

#include <algorithm>
#include <cmath>

#include "costate/array/take_rows.h"

namespace costate {
namespace {

constexpr double kGapUnits = 100, kGapSteps = 50;

/// Whether the step to sample i > 0 is one. Steps that grow evenly, as on a logarithmic scale, are none.
bool is_gap(const std::vector<double>& times, std::size_t i, double time_unit) {
  const double step = times[i] - times[i - 1];
  if (times.size() < 3 || step <= kGapUnits * time_unit) return false;
  return (i < 2 || step > kGapSteps * (times[i - 1] - times[i - 2])) &&
         (i + 1 == times.size() || step > kGapSteps * (times[i + 1] - times[i]));
}

double filled_cell(const Trajectory& trajectory, std::size_t sample, std::size_t column, std::size_t columns,
                   double mean) {
  const std::span<const double> states = trajectory.states.data<double>();
  const auto cell = [&](std::size_t i) { return states[i * columns + column]; };
  std::size_t before = sample, after = sample;
  while (before > 0 && std::isnan(cell(before))) --before;
  while (after + 1 < trajectory.times.size() && std::isnan(cell(after))) ++after;
  if (std::isnan(cell(before)) && std::isnan(cell(after))) return mean;
  if (std::isnan(cell(before)) || before == after) return cell(after);
  if (std::isnan(cell(after))) return cell(before);
  const double share =
      (trajectory.times[sample] - trajectory.times[before]) / (trajectory.times[after] - trajectory.times[before]);
  return cell(before) + share * (cell(after) - cell(before));
}

}  // namespace

std::vector<double> filled_state(const Trajectory& trajectory, std::size_t sample, const std::vector<double>& means) {
  std::vector<double> state;
  for (std::size_t k = 0; k < means.size(); ++k)
    state.push_back(filled_cell(trajectory, sample, k, means.size(), means[k]));
  return state;
}

std::vector<Window> between_gaps(const TimeSeries& series, const Window& range, double time_unit) {
  const std::vector<double>& times = series.trajectories[range.trajectory].times;
  std::vector<Window> stretches = {{range.trajectory, range.first, 0}};
  for (std::size_t i = range.first; i < range.first + range.count; ++i) {
    if (i > range.first && is_gap(times, i, time_unit)) stretches.push_back({range.trajectory, i, 0});
    ++stretches.back().count;
  }
  return stretches;
}

std::vector<Window> cut_windows(std::span<const Window> stretches, std::size_t length) {
  std::vector<Window> windows;
  for (const auto& [trajectory, begin, samples] : stretches) {
    if (samples < 2) continue;
    const std::size_t count = std::min(length, samples), stride = std::max<std::size_t>(1, (count - 1) / 2);
    const std::size_t end = begin + samples;
    for (std::size_t first = begin; first + count < end; first += stride) windows.push_back({trajectory, first, count});
    windows.push_back({trajectory, end - count, count});
  }
  return windows;
}

WindowArrays take_windows(const WindowArrays& arrays, std::span<const std::size_t> rows) {
  return {.starts = take_rows(arrays.starts, rows),
          .times = take_rows(arrays.times, rows),
          .targets = take_rows(arrays.targets, rows),
          .masks = take_rows(arrays.masks, rows),
          .inputs = take_rows(arrays.inputs, rows)};
}

std::size_t longest(std::span<const Window> windows) {
  std::size_t length = 0;
  for (const Window& window : windows) length = std::max(length, window.count);
  return length;
}

WindowArrays window_arrays(const TimeSeries& series, const std::vector<Window>& windows,
                           const Normalization& normalization, std::size_t length) {
  const std::size_t states = series.state_names.size(), inputs = series.input_names.size();
  const auto n = static_cast<std::int64_t>(windows.size()), w = static_cast<std::int64_t>(length),
             d = static_cast<std::int64_t>(states), m = static_cast<std::int64_t>(inputs);
  WindowArrays arrays{.starts = HostArray(Shape{n, d}),
                      .times = HostArray(Shape{n, w}),
                      .targets = HostArray(Shape{n, w, d}),
                      .masks = HostArray(Shape{n, w, d}),
                      .inputs = HostArray(Shape{n, w, m})};
  for (std::int64_t row = 0; row < n; ++row) {
    const Window& window = windows[static_cast<std::size_t>(row)];
    const Trajectory& trajectory = series.trajectories[window.trajectory];
    const std::vector<double> start = filled_state(trajectory, window.first, normalization.state_offset);
    for (std::size_t k = 0; k < states; ++k)
      arrays.starts.set(row * d + static_cast<std::int64_t>(k),
                        (start[k] - normalization.state_offset[k]) / normalization.state_scale[k]);
    for (std::int64_t i = 0; i < w; ++i) {
      const bool is_padding = i >= static_cast<std::int64_t>(window.count);
      const std::size_t sample = window.first + std::min(static_cast<std::size_t>(i), window.count - 1);
      arrays.times.set(row * w + i,
                       (trajectory.times[sample] - trajectory.times[window.first]) / normalization.time_scale);
      for (std::size_t k = 0; k < states; ++k) {
        const double cell = trajectory.states.at(static_cast<std::int64_t>(sample * states + k));
        if (is_padding || std::isnan(cell)) continue;
        const std::int64_t at = (row * w + i) * d + static_cast<std::int64_t>(k);
        arrays.targets.set(at, (cell - normalization.state_offset[k]) / normalization.state_scale[k]);
        arrays.masks.set(at, 1);
      }
      for (std::size_t k = 0; k < inputs; ++k)
        arrays.inputs.set(
            (row * w + i) * m + static_cast<std::int64_t>(k),
            (trajectory.inputs.at(static_cast<std::int64_t>(sample * inputs + k)) - normalization.input_offset[k]) /
                normalization.input_scale[k]);
    }
  }
  return arrays;
}

}  // namespace costate
