#include "costate/series/delay_embedding.h"

#include <cmath>

#include "costate/base/error.h"

namespace costate {
namespace {

constexpr double kRounding = 0.01;  // of the spacing: times may be written with few digits, or count seconds since 1970

void check_spacing(const Trajectory& trajectory, const Delays& delays, double spacing) {
  const std::string where = trajectory.id.empty() ? "the series" : text::concat("trajectory '", trajectory.id, "'");
  const int fewest = delays.copies * delays.lag + 2;
  if (trajectory.times.size() < static_cast<std::size_t>(fewest))
    throw DataError("[embed_delays] ", where, " has ", trajectory.times.size(), " samples; delay ", delays.copies,
                    delays.lag == 1 ? "" : text::concat(" with a lag of ", delays.lag, " samples"), " needs at least ",
                    fewest, ".");
  for (std::size_t i = 1; i < trajectory.times.size(); ++i)
    if (std::abs(trajectory.times[i] - trajectory.times[i - 1] - spacing) > kRounding * spacing)
      throw DataError("[embed_delays] delayed states need evenly spaced times; in ", where,
                      " the step from t = ", trajectory.times[i - 1], " to ", trajectory.times[i], " is not ", spacing,
                      "; give missing times as rows with empty cells.");
}

/// [sample, state] -> [sample, copy of the state]
HostArray embed(const HostArray& states, const Delays& delays) {
  const std::int64_t first = std::int64_t{delays.copies} * delays.lag, columns = states.shape()[1];
  HostArray embedded(Shape{states.shape()[0] - first, columns * (delays.copies + 1)});
  for (std::int64_t i = 0; i < embedded.shape()[0]; ++i)
    for (std::int64_t copy = 0; copy <= delays.copies; ++copy)
      for (std::int64_t k = 0; k < columns; ++k)
        embedded.set({i, copy * columns + k}, states(i + first - copy * delays.lag, k));
  return embedded;
}

}  // namespace

TimeSeries embed_delays(const TimeSeries& series, const Delays& delays) {
  if (delays.copies < 0 || delays.lag < 1)
    throw InvalidArgument("[embed_delays] copies must be at least 0 and the lag at least 1; got ", delays.copies,
                          " and ", delays.lag, ".");
  if (delays.copies == 0) return series;
  TimeSeries embedded = series;
  embedded.state_names.clear();
  for (int copy = 0; copy <= delays.copies; ++copy)
    for (const std::string& name : series.state_names)
      embedded.state_names.push_back(copy == 0 ? name : text::concat(name, "_lag", copy * delays.lag));
  const double spacing = series.trajectories[0].times[1] - series.trajectories[0].times[0];
  const int dropped = delays.copies * delays.lag;
  for (Trajectory& trajectory : embedded.trajectories) {
    check_spacing(trajectory, delays, spacing);
    trajectory.states = embed(trajectory.states, delays);
    for (HostArray Trajectory::*cells : kOfCells)
      if ((trajectory.*cells).size() > 0) trajectory.*cells = embed(trajectory.*cells, delays);
    trajectory.inputs = trajectory.inputs.slice(dropped, trajectory.inputs.shape()[0]);
    trajectory.times.erase(trajectory.times.begin(), trajectory.times.begin() + dropped);
  }
  return embedded;
}

}  // namespace costate
