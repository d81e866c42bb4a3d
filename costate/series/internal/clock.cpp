#include "costate/series/internal/clock.h"

#include <charconv>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/series/windows.h"

namespace costate {
namespace {

constexpr double kSpans = 8;  // of the training, in the period of the time itself

double period_of(const std::string& name, const TimeSeries& training) {
  if (name == "time") {
    const TimeRange range = time_range(training);
    return kSpans * (range.last - range.first);
  }
  const TimeScale& scale = training.time_scale;
  static const std::map<std::string, double> days = {
      {"hour", 1.0 / 24}, {"day", 1.0}, {"week", 7.0}, {"year", 365.2425}};
  if (const auto found = days.find(name); found != days.end()) {
    if (scale.unit.empty())
      throw InvalidArgument("[fit] clock '", name,
                            "' needs dates as times; here they are plain numbers. Give the period as a number.");
    return scale.unit == "days" ? found->second : 86'400 * found->second;
  }
  double period = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), period);
  if (error != std::errc() || end != name.data() + name.size() || !(period > 0) || !std::isfinite(period))
    throw InvalidArgument(
        "[fit] clock must be 'auto', 'none', or periods: hour, day, week, year, time or positive numbers; got '", name,
        "'.");
  return period;
}

/// A solve follows each turn by a dozen steps or more: a clock that is far faster than the samples, which tell nothing
/// of such turns, would take hours, and no training would come to an end.
void check_is_slow_enough(const std::string& name, double period, const TimeSeries& training) {
  constexpr double kMostTurns = 60;  // weeks of a year are fewer
  std::vector<double> spacings;
  for (const Trajectory& trajectory : training.trajectories)
    for (std::size_t i = 1; i < trajectory.times.size(); ++i)
      spacings.push_back(trajectory.times[i] - trajectory.times[i - 1]);
  if (spacings.empty()) return;
  const double spacing = median(std::move(spacings)), turns = spacing / period;
  if (turns > kMostTurns)
    throw InvalidArgument("[fit] clock '", name, "' turns ", text::number(turns, 4),
                          " times from one sample to the next, of which samples tell nothing; a period must be at "
                          "least ",
                          text::number(spacing / kMostTurns, 3), " in the unit of the times.");
}

}  // namespace

std::vector<double> periods_of(const std::vector<std::string>& names, const TimeSeries& training) {
  std::vector<double> periods;
  for (const std::string& name : names) {
    periods.push_back(period_of(name, training));
    check_is_slow_enough(name, periods.back(), training);
  }
  return periods;
}

}  // namespace costate
