#include "costate/series/internal/rival.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate::internal {

double measured_at(const Trajectory& trajectory, std::size_t column, std::size_t last, double time, Outside outside) {
  const std::span<const double> states = trajectory.states.data<double>();
  const auto columns = static_cast<std::size_t>(trajectory.states.shape()[1]);
  const auto is_measured = [&](std::size_t i) { return !std::isnan(states[i * columns + column]); };
  const auto begin = trajectory.times.begin(), end = begin + static_cast<std::ptrdiff_t>(last) + 1;
  const std::size_t middle = static_cast<std::size_t>(std::upper_bound(begin, end, time) - begin);
  std::size_t after = middle, before = middle;  // the sample before is before - 1
  while (after <= last && !is_measured(after)) ++after;
  while (before > 0 && !is_measured(before - 1)) --before;
  const bool has_after = after <= last, has_before = before > 0;
  if (!has_before && !has_after) return std::numeric_limits<double>::quiet_NaN();
  const double left = has_before ? states[(before - 1) * columns + column] : 0;
  if (has_before && trajectory.times[before - 1] == time) return left;
  if (!has_before || !has_after) {
    if (outside == Outside::kNan) return std::numeric_limits<double>::quiet_NaN();
    return has_before ? left : states[after * columns + column];
  }
  const double from = trajectory.times[before - 1], to = trajectory.times[after];
  return left + (time - from) / (to - from) * (states[after * columns + column] - left);
}

std::optional<std::size_t> last_measured(const Trajectory& trajectory, std::size_t column, std::size_t last) {
  const std::span<const double> states = trajectory.states.data<double>();
  const auto columns = static_cast<std::size_t>(trajectory.states.shape()[1]);
  for (std::size_t i = last + 1; i-- > 0;)
    if (!std::isnan(states[i * columns + column])) return i;
  return std::nullopt;
}

double past_input(const Trajectory& trajectory, std::size_t last, double time, std::size_t column) {
  const std::span<const double> inputs = trajectory.inputs.data<double>();
  const auto width = static_cast<std::size_t>(trajectory.inputs.shape()[1]);
  const auto begin = trajectory.times.begin(), end = begin + static_cast<std::ptrdiff_t>(last) + 1;
  const auto found = static_cast<std::size_t>(std::lower_bound(begin, end, time) - begin);
  const std::size_t right = std::min(found, last), left = right == 0 ? 0 : right - 1;
  const double from = inputs[left * width + column], to = inputs[right * width + column];
  if (left == right) return to;
  const double share = (time - trajectory.times[left]) / (trajectory.times[right] - trajectory.times[left]);
  return from + std::clamp(share, 0.0, 1.0) * (to - from);
}

Level level_of(const TimeSeries& training) {
  const std::size_t width = training.state_names.size();
  Level level{.units = measure(training),
              .least = std::vector<double>(width, std::numeric_limits<double>::infinity()),
              .most = std::vector<double>(width, -std::numeric_limits<double>::infinity())};
  for (const Trajectory& trajectory : training.trajectories) {
    const std::span<const double> states = trajectory.states.data<double>();
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (std::isnan(states[i])) continue;
      level.least[i % width] = std::min(level.least[i % width], states[i]);
      level.most[i % width] = std::max(level.most[i % width], states[i]);
    }
  }
  return level;
}

double Rival::bounded(std::size_t state, double value) const {
  if (std::isnan(value)) return level_.units.state_offset[state];
  const double width = level_.most[state] - level_.least[state];
  return std::clamp(value, level_.least[state] - width, level_.most[state] + width);
}

std::vector<HostArray> Rival::forecast(std::span<const ForecastTask> tasks) const {
  std::vector<HostArray> answers;
  for (const ForecastTask& task : tasks) {
    HostArray& answer =
        answers.emplace_back(Shape{static_cast<std::int64_t>(task.ahead), static_cast<std::int64_t>(num_states())});
    const std::span<double> out = answer.data<double>();
    forecast_one(task, out);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (!std::isfinite(out[i])) out[i] = level_.units.state_offset[i % num_states()];
  }
  return answers;
}

}  // namespace costate::internal
