#include "costate/series/delay_embedding.h"

#include <cmath>

#include "costate/base/error.h"

namespace costate {
namespace {

constexpr double kRounding = 0.01;  // of the spacing: times may be written with few digits, or count seconds since 1970

void check_spacing(const Trajectory& trajectory, int delay, double spacing) {
  const std::string where = trajectory.id.empty() ? "the series" : text::concat("trajectory '", trajectory.id, "'");
  if (trajectory.times.size() < static_cast<std::size_t>(delay) + 2)
    throw DataError("[embed_delays] ", where, " has ", trajectory.times.size(), " samples; delay ", delay,
                    " needs at least ", delay + 2, ".");
  for (std::size_t i = 1; i < trajectory.times.size(); ++i)
    if (std::abs(trajectory.times[i] - trajectory.times[i - 1] - spacing) > kRounding * spacing)
      throw DataError("[embed_delays] delayed states need evenly spaced times; in ", where,
                      " the step from t = ", trajectory.times[i - 1], " to ", trajectory.times[i], " is not ", spacing,
                      "; give missing times as rows with empty cells.");
}

}  // namespace

TimeSeries embed_delays(const TimeSeries& series, int delay) {
  if (delay == 0) return series;
  TimeSeries embedded = series;
  embedded.state_names.clear();
  for (int lag = 0; lag <= delay; ++lag)
    for (const std::string& name : series.state_names)
      embedded.state_names.push_back(lag == 0 ? name : text::concat(name, "_lag", lag));
  const auto columns = static_cast<std::int64_t>(series.state_names.size());
  const double spacing = series.trajectories[0].times[1] - series.trajectories[0].times[0];
  for (Trajectory& trajectory : embedded.trajectories) {
    check_spacing(trajectory, delay, spacing);
    const auto drop_first = [&](const HostArray& array, std::int64_t width) {
      HostArray kept(Shape{array.shape()[0] - delay, width});
      for (std::int64_t i = 0; i < kept.size(); ++i) kept.set(i, array.at(i + delay * width));
      return kept;
    };
    const std::int64_t samples = trajectory.states.shape()[0] - delay;
    const auto embed = [&](const HostArray& before) {
      HostArray after(Shape{samples, columns * (delay + 1)});
      for (std::int64_t i = 0; i < samples; ++i)
        for (std::int64_t lag = 0; lag <= delay; ++lag)
          for (std::int64_t k = 0; k < columns; ++k)
            after.set((i * (delay + 1) + lag) * columns + k, before.at((i + delay - lag) * columns + k));
      return after;
    };
    trajectory.states = embed(trajectory.states);
    if (trajectory.repeats.size() > 0) trajectory.repeats = embed(trajectory.repeats);
    trajectory.inputs = drop_first(trajectory.inputs, static_cast<std::int64_t>(series.input_names.size()));
    trajectory.times.erase(trajectory.times.begin(), trajectory.times.begin() + delay);
  }
  return embedded;
}

}  // namespace costate
