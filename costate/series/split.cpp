#include "costate/series/split.h"

#include <algorithm>
#include <cmath>

#include "costate/array/take_rows.h"
#include "costate/base/error.h"

namespace costate {
namespace {

std::size_t held_of(std::size_t count, double share) {
  if (share == 0) return 0;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(share * static_cast<double>(count))));
}

HostArray first_rows(const HostArray& array, std::size_t rows) {
  std::vector<std::size_t> indices(rows);
  for (std::size_t i = 0; i < rows; ++i) indices[i] = i;
  return take_rows(array, indices);
}

}  // namespace

Split split_series(const TimeSeries& series, double share) {
  Split split;
  for (const Trajectory& trajectory : series.trajectories) split.train_ends.push_back(trajectory.times.size());
  const bool is_single = split.train_ends.size() == 1;
  const std::size_t count = is_single ? split.train_ends[0] : split.train_ends.size();
  const std::size_t held = held_of(count, share);
  if (held >= count || (is_single && count - held < 2))
    throw DataError("[fit] a hold-out of ", 100 * share, " % of ", count, is_single ? " samples" : " trajectories",
                    " leaves ", count - std::min(held, count),
                    " to train on, which is too few; give more data or a smaller hold-out.");
  if (held == 0) return split;
  if (is_single) {
    split.train_ends[0] = count - held;
    split.held.push_back({0, count - held, held});
    return split;
  }
  for (std::size_t i = count - held; i < count; ++i) {
    split.train_ends[i] = 0;
    split.held.push_back({i, 0, series.trajectories[i].times.size()});
  }
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
    if (trajectory.repeats.size() > 0) trajectory.repeats = first_rows(trajectory.repeats, split.train_ends[i]);
    std::erase_if(trajectory.events, [&](const Event& event) { return event.time > trajectory.times.back(); });
    part.trajectories.push_back(std::move(trajectory));
  }
  return part;
}

bool is_measured(const TimeSeries& series, const Split& split) {
  const auto width = static_cast<std::int64_t>(series.state_names.size());
  for (const Window& held : split.held) {
    const std::size_t first = std::max<std::size_t>(held.first, 1);
    const HostArray& states = series.trajectories[held.trajectory].states;
    for (auto i = static_cast<std::int64_t>(first) * width; i < states.size(); ++i)
      if (!std::isnan(states.at(i))) return true;
  }
  return false;
}

Split split_for_validation(const TimeSeries& training) {
  constexpr double kShare = 0.2;
  constexpr std::size_t kFewest = 5;  // samples that must remain
  const bool is_single = training.trajectories.size() == 1;
  Split nothing;
  for (const Trajectory& trajectory : training.trajectories) nothing.train_ends.push_back(trajectory.times.size());
  if (is_single && training.trajectories[0].times.size() <= kFewest) return nothing;
  Split split = split_series(training, kShare);
  const bool leaves_enough = !is_single || split.train_ends[0] >= kFewest;
  return leaves_enough && is_measured(training, split) ? split : nothing;
}

}  // namespace costate
