#include "costate/report/shown_paths.h"

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

std::vector<Window> stretches_of(const FitResult& result) {
  const std::vector<Window>& held = result.split.held;
  const Window& first = result.fits.front().window;
  std::vector<Window> shown;
  if (!held.empty()) shown.push_back(stretch_around(result.series, held.front().trajectory, held.front().first));
  const bool shows_fit = std::ranges::any_of(
      result.fits, [&](const SolvedWindow& fit) { return !shown.empty() && overlap(fit.window, shown.front()); });
  if (!shows_fit) shown.insert(shown.begin(), stretch_around(result.series, first.trajectory, first.first));
  return shown;
}

/// The solves along windows of which some samples are in one of the stretches.
std::vector<SolvedWindow> within(const std::vector<SolvedWindow>& solves, const std::vector<Window>& stretches) {
  std::vector<SolvedWindow> found;
  for (const SolvedWindow& solve : solves)
    if (std::ranges::any_of(stretches, [&](const Window& stretch) { return overlap(solve.window, stretch); }))
      found.push_back(solve);
  return found;
}

/// From a state at the first sample of a window to its last, with points between.
StatePath dense_path(const FitResult& result, const SolvedWindow& solve) {
  const Window& window = solve.window;
  const Trajectory& trajectory = result.series.trajectories[window.trajectory];
  SeriesModel::Query query{.start = solve.start,
                           .times = dense_times(trajectory.times, window),
                           .covariates = trajectory.covariates,
                           .events = trajectory.events};
  if (!result.series.input_names.empty()) {
    std::vector<std::size_t> rows(window.count);
    std::iota(rows.begin(), rows.end(), window.first);
    query.inputs = take_rows(trajectory.inputs, rows);
    for (const std::size_t row : rows) query.input_times.push_back(trajectory.times[row]);
  }
  return {window.trajectory, query.times, result.model.predict(query)};
}

std::vector<StatePath> fitted_paths(const FitResult& result, const std::vector<SolvedWindow>& fits) {
  std::vector<StatePath> paths;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const Window& window = fits[i].window;
    if (i > 0 && fits[i - 1].window.trajectory != window.trajectory) covered = 0;
    const bool is_last = i + 1 == fits.size() || fits[i + 1].window.trajectory != window.trajectory;
    if (!is_last && fits[i + 1].window.first < std::max<std::size_t>(covered, 1)) continue;
    const std::size_t begin = std::max(window.first + 1, covered) - 1;
    covered = window.first + window.count;
    StatePath path = dense_path(result, fits[i]);
    const double shown_from = result.series.trajectories[window.trajectory].times[begin];
    const auto cut = std::lower_bound(path.times.begin(), path.times.end(), shown_from) - path.times.begin();
    path.times.erase(path.times.begin(), path.times.begin() + cut);
    path.states.erase(path.states.begin(), path.states.begin() + cut);
    paths.push_back(std::move(path));
  }
  return paths;
}

}  // namespace

ShownPaths shown_paths(const FitResult& result) {
  ShownPaths shown{.stretches = stretches_of(result), .fitted = {}, .forecasts = {}};
  shown.fitted = fitted_paths(result, within(result.fits, shown.stretches));
  for (SolvedWindow forecast : within(result.forecasts, {shown.stretches.back()})) {
    const Window& seen = shown.stretches.back();  // what is held out begins in the last stretch
    Window& window = forecast.window;
    window.count = std::min(window.count, seen.first + seen.count - window.first);
    shown.forecasts.push_back(dense_path(result, forecast));
  }
  return shown;
}

}  // namespace costate
