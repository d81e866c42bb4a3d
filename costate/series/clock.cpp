#include "costate/series/clock.h"

#include <charconv>
#include <cmath>
#include <map>

#include "costate/base/error.h"

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

}  // namespace

std::vector<double> periods_of(const std::vector<std::string>& names, const TimeSeries& training) {
  std::vector<double> periods;
  for (const std::string& name : names) periods.push_back(period_of(name, training));
  return periods;
}

}  // namespace costate
