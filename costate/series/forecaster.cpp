#include "costate/series/forecaster.h"

#include <algorithm>
#include <cmath>

#include "costate/base/error.h"
#include "costate/series/internal/rival.h"

namespace costate {
namespace {

/// The latest time at or before the origin that lies whole periods before `time`; the origin's if that is no sample's.
double time_before(const Trajectory& trajectory, std::size_t origin, double time, double period) {
  const double now = trajectory.times[origin];
  if (!(period > 0)) return now;
  const double before = time - period * std::ceil((time - now) / period * (1 - 1e-12));
  return before < trajectory.times.front() ? now : before;
}

}  // namespace

ForecastTask forecast_task(const Trajectory& trajectory, std::size_t origin, std::size_t ahead,
                           const InputAssumption& inputs) {
  if (origin + ahead >= trajectory.times.size())
    throw InvalidArgument("[forecast_task] a forecast of ", ahead, " samples after sample ", origin,
                          " needs their times; the trajectory has ", trajectory.times.size(), " samples.");
  const auto width = static_cast<std::size_t>(trajectory.inputs.shape()[1]);
  ForecastTask task{.trajectory = &trajectory,
                    .origin = origin,
                    .ahead = ahead,
                    .inputs = HostArray(Shape{static_cast<std::int64_t>(ahead), static_cast<std::int64_t>(width)})};
  const std::span<double> out = task.inputs.data<double>();
  if (inputs.ahead == InputsAhead::kKnown) {
    std::copy_n(trajectory.inputs.data<double>().begin() + static_cast<std::ptrdiff_t>((origin + 1) * width),
                out.size(), out.begin());
    return task;
  }
  const double period = inputs.ahead == InputsAhead::kRepeat ? inputs.period : 0;
  for (std::size_t i = 0; i < ahead; ++i) {
    const double time = time_before(trajectory, origin, trajectory.times[origin + 1 + i], period);
    for (std::size_t k = 0; k < width; ++k) out[i * width + k] = internal::past_input(trajectory, origin, time, k);
  }
  return task;
}

}  // namespace costate
