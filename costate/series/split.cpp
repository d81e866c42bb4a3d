#include "costate/series/split.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"

namespace costate {
namespace {

std::size_t held_of(std::size_t count, double share) {
  if (share == 0) return 0;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(count))));
}

Split nothing_held(const TimeSeries& series) {
  Split split;
  for (const Trajectory& trajectory : series.trajectories) split.train_ends.push_back(trajectory.times.size());
  return split;
}

/// The samples of a trajectory from `first` on.
void hold(const TimeSeries& series, std::size_t trajectory, std::size_t first, Split& split) {
  split.train_ends[trajectory] = first;
  split.held.push_back({trajectory, first, series.trajectories[trajectory].times.size() - first});
}

/// The share counted in samples at which a state was measured: an end of blank cells, or of values beyond a limit, is
/// nothing to judge by. Nothing if too few are left to train on.
std::optional<Split> hold_measured_end(const TimeSeries& series, double share) {
  std::vector<std::size_t> measured;
  for (std::size_t i = 0; i < series.trajectories[0].times.size(); ++i)
    if (is_measured(series.trajectories[0], i)) measured.push_back(i);
  const std::size_t held = held_of(measured.size(), share);
  if (held + 2 > measured.size()) return {};
  Split split = nothing_held(series);
  hold(series, 0, measured[measured.size() - held], split);
  return split;
}

void check_is_enough(const Split& split) {
  if (std::ranges::none_of(split.train_ends, [](std::size_t samples) { return samples >= 2; }))
    throw DataError("[fit] nothing is left to train on; hold out less.");
}

HostArray first_rows(const HostArray& array, std::size_t rows) {
  std::vector<std::size_t> indices(rows);
  for (std::size_t i = 0; i < rows; ++i) indices[i] = i;
  return take_rows(array, indices);
}

}  // namespace

Split split_series(const TimeSeries& series, double share, const std::string& option) {
  Split split = nothing_held(series);
  const bool is_single = split.train_ends.size() == 1;
  const std::size_t count = is_single ? split.train_ends[0] : split.train_ends.size();
  const std::size_t held = held_of(count, share);
  if (held >= count || (is_single && count - held < 2))
    throw DataError("[fit] ", option, " of ", 100 * share, " % of ", count, is_single ? " samples" : " trajectories",
                    " leaves ", count - std::min(held, count),
                    " to train on, which is too few; give more data or a smaller share.");
  if (held == 0) return split;
  if (is_single) {
    hold(series, 0, count - held, split);
    return is_measured(series, split) ? split : hold_measured_end(series, share).value_or(split);
  }
  for (std::size_t i = count - held; i < count; ++i) hold(series, i, 0, split);
  return split;
}

Split hold_out_trajectories(const TimeSeries& series, std::span<const std::size_t> trajectories) {
  Split split = nothing_held(series);
  for (const std::size_t trajectory : trajectories) hold(series, trajectory, 0, split);
  check_is_enough(split);
  return split;
}

Split hold_out_from(const TimeSeries& series, double time) {
  Split split = nothing_held(series);
  for (std::size_t i = 0; i < series.trajectories.size(); ++i) {
    const std::vector<double>& times = series.trajectories[i].times;
    const auto first = static_cast<std::size_t>(std::ranges::lower_bound(times, time) - times.begin());
    if (first < times.size()) hold(series, i, first < 2 ? 0 : first, split);
  }
  if (split.held.empty()) throw DataError("[fit] no sample is as late as what --hold-out names; give an earlier time.");
  check_is_enough(split);
  return split;
}

TimeSeries training_part(const TimeSeries& series, const Split& split) {
  TimeSeries part = series;
  part.trajectories.clear();
  for (std::size_t i = 0; i < split.train_ends.size(); ++i) {
    if (split.train_ends[i] == 0) continue;
    Trajectory trajectory = series.trajectories[i];
    trajectory.times.resize(split.train_ends[i]);
    trajectory.states = first_rows(trajectory.states, split.train_ends[i]);
    trajectory.inputs = first_rows(trajectory.inputs, split.train_ends[i]);
    for (HostArray Trajectory::*cells : kOfCells)
      if ((trajectory.*cells).size() > 0) trajectory.*cells = first_rows(trajectory.*cells, split.train_ends[i]);
    std::erase_if(trajectory.events, [&](const Event& event) { return event.time > trajectory.times.back(); });
    part.trajectories.push_back(std::move(trajectory));
  }
  return part;
}

bool is_measured(const TimeSeries& series, const Split& split) {
  for (const Window& held : split.held) {
    const Trajectory& trajectory = series.trajectories[held.trajectory];
    for (std::size_t i = std::max<std::size_t>(held.first, 1); i < trajectory.times.size(); ++i)
      if (is_measured(trajectory, i)) return true;
  }
  return false;
}

Split split_for_validation(const TimeSeries& training, double share, Cut cut) {
  constexpr std::size_t kFewest = 5;  // samples that must remain
  const bool is_single = training.trajectories.size() == 1;
  const auto samples = [&](std::size_t i) { return training.trajectories[i].times.size(); };
  const Split nothing = nothing_held(training);
  if (share == 0 || (is_single && samples(0) <= kFewest)) return nothing;
  Split split = nothing;
  if (is_single || cut == Cut::kLastOnes) {
    split = split_series(training, share, "--validation");
    if (is_single && split.train_ends[0] < kFewest) return nothing;
  } else {
    for (std::size_t i = 0; i < training.trajectories.size(); ++i)
      if (samples(i) - held_of(samples(i), share) >= kFewest)
        hold(training, i, samples(i) - held_of(samples(i), share), split);
  }
  return is_measured(training, split) ? split : nothing;
}

}  // namespace costate
