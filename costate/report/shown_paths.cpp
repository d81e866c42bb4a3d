#include "costate/report/shown_paths.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "costate/array/take_rows.h"

namespace costate {
namespace {

constexpr std::size_t kMostOfStretch = 800;    // of a stretch's path: about as many as a picture is wide
constexpr std::size_t kMostPerStep = 16;       // of them between two samples
constexpr std::size_t kMostShown = 500;        // samples of a picture; more would be a black band
constexpr std::size_t kMostShownOfAll = 1200;  // of the pictures of all states: a report is to stay small
constexpr std::size_t kMostShownSmall = 200;   // of a small one
constexpr std::size_t kMostPanels = 12;        // small ones: trajectories, of each state and input
constexpr std::size_t kMostPages = 3;          // of so many panels
constexpr std::size_t kMostPaged = 2000;       // samples of all pages

/// The times of a window with more between them.
std::vector<double> dense_times(const std::vector<double>& times, const Window& window, std::size_t per_step) {
  std::vector<double> dense = {times[window.first]};
  for (std::size_t i = window.first + 1; i < window.first + window.count; ++i)
    for (std::size_t k = 1; k <= per_step; ++k) {
      const double share = static_cast<double>(k) / static_cast<double>(per_step);
      const double time = k == per_step ? times[i] : times[i - 1] + share * (times[i] - times[i - 1]);
      // Between neighbouring doubles, as of nanoseconds since 1970, there is none.
      if (time > dense.back() && (k == per_step || time < times[i])) dense.push_back(time);
    }
  return dense;
}

/// The part of a trajectory around a sample that a picture can show.
Window stretch_around(const TimeSeries& series, std::size_t trajectory, std::size_t sample, std::size_t most) {
  const std::size_t samples = series.trajectories[trajectory].times.size();
  const std::size_t count = std::min(samples, most), before = std::min(sample, count / 2);
  return {trajectory, std::min(sample - before, samples - count), count};
}

bool overlap(const Window& left, const Window& right) {
  return left.trajectory == right.trajectory && left.first < right.first + right.count &&
         right.first < left.first + left.count;
}

std::size_t most_shown(const FitResult& result) {
  const std::size_t states = std::clamp<std::size_t>(result.config.model.columns.states.size(), 1, kMostStates);
  return std::min(kMostShown, kMostShownOfAll / states);
}

/// Trajectories, or parts of them, that small panels of all states and inputs have room for.
std::size_t most_of_panels(const FitResult& result) {
  const std::size_t columns = std::min(result.config.model.columns.states.size(), kMostStates) +
                              std::min(result.series.input_names.size(), kMostInputs);
  return std::max<std::size_t>(2, kMostPanels / std::max<std::size_t>(columns, 1));
}

/// Of what is held out: as many trajectories as there is room for.
std::vector<Window> held_stretches(const FitResult& result) {
  const std::size_t most = most_of_panels(result);
  const std::size_t samples = result.split.held.size() > 1 ? kMostShownSmall : most_shown(result);
  std::vector<Window> stretches;
  for (const Window& held : spread(result.split.held, most, 0))
    stretches.push_back(stretch_around(result.series, held.trajectory, held.first, samples));
  return stretches;
}

ShownPaths stretches_of(const FitResult& result) {
  const Window& first = result.fits.front().window;
  ShownPaths shown{.stretches = held_stretches(result), .fitted = {}, .forecasts = {}};
  shown.held = shown.stretches.size();
  const auto is_shown = [&](const SolvedWindow& fit) {
    return std::ranges::any_of(shown.stretches, [&](const Window& stretch) { return overlap(fit.window, stretch); });
  };
  if (!std::ranges::any_of(result.fits, is_shown))
    shown.stretches.insert(shown.stretches.begin(),
                           stretch_around(result.series, first.trajectory, first.first, most_shown(result)));
  return shown;
}

/// The solves along windows of which some samples are in one of the stretches.
template <class Solve>
std::vector<Solve> within(const std::vector<Solve>& solves, const std::vector<Window>& stretches) {
  std::vector<Solve> found;
  for (const Solve& solve : solves)
    if (std::ranges::any_of(stretches, [&](const Window& stretch) { return overlap(solve.window, stretch); }))
      found.push_back(solve);
  return found;
}

/// Points of a path between two samples: as many as the picture of its trajectory can show.
std::size_t points_per_step(const ShownPaths& shown, const Window& window) {
  const auto seen = std::ranges::find(shown.stretches, window.trajectory, &Window::trajectory);
  const std::size_t panels = shown.held > 1 ? 3 : 1;  // side by side
  return std::clamp<std::size_t>(kMostOfStretch / panels / seen->count, 1, kMostPerStep);
}

/// What is asked of a model along a window, with points between its samples; the start is left open.
SeriesModel::Query dense_query(const FitResult& result, const ShownPaths& shown, const Window& window) {
  const Trajectory& trajectory = result.series.trajectories[window.trajectory];
  SeriesModel::Query query{.times = dense_times(trajectory.times, window, points_per_step(shown, window)),
                           .covariates = trajectory.covariates,
                           .events = trajectory.events};
  if (result.series.input_names.empty()) return query;
  std::vector<std::size_t> rows(window.count);
  std::iota(rows.begin(), rows.end(), window.first);
  query.inputs = take_rows(trajectory.inputs, rows);
  for (const std::size_t row : rows) query.input_times.push_back(trajectory.times[row]);
  return query;
}

/// [time, state]
HostArray predicted(const SeriesModel& model, const SeriesModel::Query& query) {
  return HostArray::from_rows(model.predict(query), static_cast<std::int64_t>(model.state_names().size()));
}

/// From a state at the first sample of a window to its last, with points between.
StatePath dense_path(const FitResult& result, const ShownPaths& shown, const SolvedWindow& solve) {
  SeriesModel::Query query = dense_query(result, shown, solve.window);
  query.start = solve.start;
  return {solve.window.trajectory, query.times, {.middle = predicted(result.model(), query)}};
}

/// The same of all members, with their bands if they have any.
StatePath dense_path(const FitResult& result, const ShownPaths& shown, const HeldForecast& forecast) {
  SeriesModel::Query query = dense_query(result, shown, forecast.window);
  std::vector<HostArray> paths;
  for (std::size_t i = 0; i < forecast.starts.size(); ++i) {
    query.start = forecast.starts[i];
    paths.push_back(predicted(result.ensemble.members()[i].model, query));
  }
  return {forecast.window.trajectory, query.times, result.ensemble.banded(paths, query.times, query.times.front())};
}

std::vector<StatePath> fitted_paths(const FitResult& result, const ShownPaths& shown,
                                    const std::vector<SolvedWindow>& fits) {
  std::vector<StatePath> paths;
  std::size_t covered = 0;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    const Window& window = fits[i].window;
    if (i > 0 && fits[i - 1].window.trajectory != window.trajectory) covered = 0;
    const bool is_last = i + 1 == fits.size() || fits[i + 1].window.trajectory != window.trajectory;
    if (!is_last && fits[i + 1].window.first < std::max<std::size_t>(covered, 1)) continue;
    const std::size_t begin = std::max(window.first + 1, covered) - 1;
    covered = window.first + window.count;
    StatePath path = dense_path(result, shown, fits[i]);
    const double shown_from = result.series.trajectories[window.trajectory].times[begin];
    const auto cut = std::lower_bound(path.times.begin(), path.times.end(), shown_from) - path.times.begin();
    path.times.erase(path.times.begin(), path.times.begin() + cut);
    HostArray& states = path.states.middle;
    states = states.slice(cut, states.shape()[0]);
    paths.push_back(std::move(path));
  }
  return paths;
}

ShownPaths with_paths(const FitResult& result, ShownPaths shown) {
  shown.fitted = fitted_paths(result, shown, within(result.fits, shown.stretches));
  const auto held = std::span(shown.stretches).last(shown.held);
  for (HeldForecast forecast : within(result.forecasts, {held.begin(), held.end()})) {
    Window& window = forecast.window;
    std::size_t end = 0;
    for (const Window& stretch : held)
      if (stretch.trajectory == window.trajectory) end = std::max(end, stretch.first + stretch.count);
    window.count = std::min(window.count, end - window.first);
    shown.forecasts.push_back(dense_path(result, shown, forecast));
  }
  return shown;
}

/// All trajectories, each cut into parts of about the same length.
std::vector<Window> all_parts(const TimeSeries& series) {
  std::vector<Window> parts;
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const std::size_t samples = series.trajectories[i].times.size();
    const std::size_t count = (samples + kMostShownSmall - 1) / kMostShownSmall;
    for (std::size_t k = 0; k < count; ++k)
      parts.push_back({i, k * samples / count, (k + 1) * samples / count - k * samples / count});
  }
  return parts;
}

}  // namespace

ShownPaths shown_paths(const FitResult& result) { return with_paths(result, stretches_of(result)); }

Pages pages_of(const FitResult& result, const ShownPaths& shown) {
  std::vector<Window> parts = all_parts(result.series);
  Pages pages{.all = parts.size()};
  if (count_samples(parts) <= count_samples(shown.stretches)) return pages;
  const std::size_t panels = most_of_panels(result), room = kMostPaged * panels / kMostPanels;
  const std::size_t mean_length = (count_samples(parts) + parts.size() - 1) / parts.size();
  parts = spread(std::move(parts), std::clamp<std::size_t>(room / mean_length, 1, kMostPages * panels), 0);
  pages.drawn = parts.size();
  for (std::size_t i = 0; i < parts.size(); i += panels) {
    const auto first = parts.begin() + static_cast<std::ptrdiff_t>(i);
    const std::size_t count = std::min(panels, parts.size() - i);
    const std::vector<Window> page(first, first + static_cast<std::ptrdiff_t>(count));
    pages.pages.push_back(with_paths(result, {.stretches = page, .held = count, .fitted = {}, .forecasts = {}}));
  }
  return pages;
}

ShownPaths paths_of(const FitResult& result, std::size_t trajectory) {
  const std::size_t samples = result.series.trajectories[trajectory].times.size();
  return with_paths(result, {.stretches = {{trajectory, 0, samples}}, .held = 1, .fitted = {}, .forecasts = {}});
}

}  // namespace costate
