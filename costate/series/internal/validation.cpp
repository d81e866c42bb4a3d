#include "costate/series/internal/validation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/array/take_rows.h"

namespace costate::internal {
namespace {

Trajectory first_samples(const Trajectory& trajectory, std::size_t count) {
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = i;
  return {.id = trajectory.id,
          .times = {trajectory.times.begin(), trajectory.times.begin() + static_cast<std::ptrdiff_t>(count)},
          .states = take_rows(trajectory.states, rows),
          .inputs = take_rows(trajectory.inputs, rows)};
}

}  // namespace

ValidationSplit validation_split(const TimeSeries& training) {
  ValidationSplit split{.fitted = training, .windows = {}};
  split.fitted.trajectories.clear();
  const std::size_t count = training.trajectories.size();
  const bool is_by_trajectory = count >= 4;
  for (std::size_t i = 0; i < count; ++i) {
    const Trajectory& trajectory = training.trajectories[i];
    const std::size_t samples = trajectory.times.size();
    const bool is_forecast = !is_by_trajectory || i >= count - count / 4;
    const std::size_t kept = is_by_trajectory ? (is_forecast ? 0 : samples) : samples - samples / 4;
    if (kept > 1) split.fitted.trajectories.push_back(first_samples(trajectory, kept));
    const std::size_t origin = kept > 0 ? kept - 1 : 0;
    if (is_forecast && samples > origin + 1) split.windows.push_back({i, origin, samples - origin});
  }
  return split;
}

double validation_error(const Rival& rival, const TimeSeries& training, const std::vector<Window>& windows,
                        const ForecastReach& reach) {
  std::vector<ForecastTask> tasks;
  const std::size_t each = std::max<std::size_t>(1, reach.forecasts / std::max<std::size_t>(1, windows.size()));
  for (const Window& window : spread(windows, reach.forecasts, 0)) {
    const std::size_t ahead = std::min(reach.samples, std::max<std::size_t>(1, (window.count - 1) / 2));
    const std::size_t origins = std::min(each, window.count - ahead);
    for (std::size_t k = 0; k < origins; ++k)
      tasks.push_back(forecast_task(training.trajectories[window.trajectory],
                                    window.first + k * (window.count - ahead) / origins, ahead, {}));
  }
  const std::vector<HostArray> answers = rival.forecast(tasks);
  const std::vector<double> scale = measure(training).state_scale;
  double squares = 0, cells = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::span<const double> answer = answers[i].data<double>();
    const std::span<const double> seen =
        tasks[i].trajectory->states.data<double>().subspan((tasks[i].origin + 1) * scale.size());
    for (std::size_t k = 0; k < answer.size(); ++k) {
      if (std::isnan(seen[k])) continue;
      const double error = (answer[k] - seen[k]) / scale[k % scale.size()];
      squares += error * error;
      cells += 1;
    }
  }
  return cells > 0 ? std::sqrt(squares / cells) : std::numeric_limits<double>::infinity();
}

}  // namespace costate::internal
