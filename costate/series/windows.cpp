#include "costate/series/windows.h"

#include <algorithm>
#include <cmath>

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

double longest_interval(const TimeSeries& series, double time_unit) {
  double longest = 0;
  for (const Trajectory& trajectory : series.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      if (!is_gap(trajectory.times, i, time_unit))
        longest = std::max(longest, trajectory.times[i] - trajectory.times[i - 1]);
  return longest;
}

std::size_t count_since_gap(const std::vector<double>& times, std::size_t last, double time_unit) {
  std::size_t count = 1;
  while (count <= last && !is_gap(times, last + 1 - count, time_unit)) ++count;
  return count;
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

bool is_measured(const Trajectory& trajectory, std::size_t sample, std::size_t states) {
  const auto width = static_cast<std::size_t>(trajectory.states.shape()[1]);
  const std::span<const double> cells = trajectory.states.data<double>().subspan(sample * width, width);
  return std::ranges::any_of(cells.first(std::min(width, states)), [](double cell) { return !std::isnan(cell); });
}

std::vector<double> times_seen(const Trajectory& trajectory, std::size_t sample) {
  const auto width = static_cast<std::size_t>(trajectory.states.shape()[1]);
  const std::span<const double> states = trajectory.states.data<double>();
  std::vector<double> seen(width, std::nan(""));
  for (std::size_t i = 0; i <= sample; ++i)
    for (std::size_t k = 0; k < width; ++k)
      if (!std::isnan(states[i * width + k])) seen[k] = trajectory.times[i];
  return seen;
}

std::size_t count_samples(std::span<const Window> windows) {
  std::size_t count = 0;
  for (const Window& window : windows) count += window.count;
  return count;
}

std::size_t count_samples(const TimeSeries& series) {
  std::size_t count = 0;
  for (const Trajectory& trajectory : series.trajectories) count += trajectory.times.size();
  return count;
}

double median(std::vector<double> numbers) {
  if (numbers.empty()) return 0;
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

std::size_t longest(std::span<const Window> windows) {
  std::size_t length = 0;
  for (const Window& window : windows) length = std::max(length, window.count);
  return length;
}

}  // namespace costate
