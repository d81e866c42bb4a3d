#include "costate/models/shown_paths.h"

#include <algorithm>
#include <numeric>

#include "costate/array/take_rows.h"

namespace costate {
namespace {

constexpr std::size_t kPointsPerStep = 8;  // of dense paths, between two samples
constexpr std::size_t kMostShown = 2000;   // samples of a picture; more would be a black band

/// The times of a window with more between them.
std::vector<double> dense_times(const std::vector<double>& times, const Window& window) {
  std::vector<double> dense = {times[window.first]};
  for (std::size_t i = window.first + 1; i < window.first + window.count; ++i)
    for (std::size_t k = 1; k <= kPointsPerStep; ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(kPointsPerStep);
      const double time = k == kPointsPerStep ? times[i] : times[i - 1] + share * (times[i] - times[i - 1]);
      // Between neighbouring doubles, as of nanoseconds since 1970, there is none.
      if (time > dense.back() && (k == kPointsPerStep || time < times[i])) dense.push_back(time);
    }
  return dense;
}

/// The part of a trajectory around a sample that a picture can show.
Window stretch_around(const TimeSeries& series, std::size_t trajectory, std::size_t sample) {
  const std::size_t samples = series.trajectories[trajectory].times.size();
  const std::size_t count = std::min(samples, kMostShown), before = std::min(sample, count / 2);
  return {trajectory, std::min(sample - before, samples - count), count};
}

bool overlap(const Window& left, const Window& right) {
  return left.trajectory == right.trajectory && left.first < right.first + right.count &&
         right.first < left.first + left.count;
}

}  // namespace

std::vector<Window> shown_stretches(const TimeSeries& series, const Split& split, const std::vector<Window>& windows) {
  std::vector<Window> shown;
  const bool is_joined = !split.held.empty() && split.held.front().first > 0;
  if (!is_joined) shown.push_back(stretch_around(series, windows.front().trajectory, windows.front().first));
  if (!split.held.empty())
    shown.push_back(stretch_around(series, split.held.front().trajectory, split.held.front().first));
  return shown;
}

bool is_shown(const Window& window, const std::vector<Window>& shown) {
  return std::any_of(shown.begin(), shown.end(), [&](const Window& stretch) { return overlap(window, stretch); });
}

StatePath dense_path(const SeriesModel& model, const TimeSeries& series, const Window& window,
                     std::vector<double> start) {
  const Trajectory& trajectory = series.trajectories[window.trajectory];
  SeriesModel::Query query{.start = std::move(start), .times = dense_times(trajectory.times, window)};
  if (!series.input_names.empty()) {
    std::vector<std::size_t> rows(window.count);
    std::iota(rows.begin(), rows.end(), window.first);
    query.inputs = take_rows(trajectory.inputs, rows);
    for (const std::size_t row : rows) query.input_times.push_back(trajectory.times[row]);
  }
  return {window.trajectory, query.times, model.predict(query)};
}

std::vector<StatePath> fitted_paths(const SeriesModel& model, const TimeSeries& series,
                                    const SeriesObjective& objective, const std::vector<Window>& shown) {
  const std::vector<Window>& windows = objective.windows();
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < windows.size(); ++i)
    if (is_shown(windows[i], shown)) candidates.push_back(i);
  std::vector<StatePath> paths;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Window& window = windows[candidates[i]];
    if (i > 0 && windows[candidates[i - 1]].trajectory != window.trajectory) covered = 0;
    const bool is_last = i + 1 == candidates.size() || windows[candidates[i + 1]].trajectory != window.trajectory;
    if (!is_last && windows[candidates[i + 1]].first < std::max<std::size_t>(covered, 1)) continue;
    const std::size_t begin = std::max(window.first + 1, covered) - 1;
    covered = window.first + window.count;
    StatePath path = dense_path(model, series, window, objective.start_of(candidates[i]));
    const double shown_from = series.trajectories[window.trajectory].times[begin];
    const auto cut = std::lower_bound(path.times.begin(), path.times.end(), shown_from) - path.times.begin();
    path.times.erase(path.times.begin(), path.times.begin() + cut);
    path.states.erase(path.states.begin(), path.states.begin() + cut);
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace costate
