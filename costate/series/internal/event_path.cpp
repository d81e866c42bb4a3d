#include "costate/series/internal/event_path.h"

#include <algorithm>

namespace costate {
namespace {

bool is_bolus(const Event& event) { return event.duration == 0; }

}  // namespace

EventPath event_path(std::span<const Event> events, const Normalization& units, double start, double end) {
  const std::size_t columns = units.event_scale.size();
  const auto time_of = [&](double t) { return t <= start ? 0.0 : (t - start) / units.time_scale; };
  EventPath path{.times = {0.0}, .amounts = {}, .rates = {}};
  std::vector<Event> seen;
  for (const Event& event : events) {
    const bool is_over = is_bolus(event) ? event.time < start : event.time + event.duration <= start;
    if (is_over || event.time >= end) continue;
    seen.push_back(event);
    path.times.push_back(time_of(event.time));
    if (!is_bolus(event) && event.time + event.duration < end)
      path.times.push_back(time_of(event.time + event.duration));
  }
  std::ranges::sort(path.times);
  path.times.erase(std::ranges::unique(path.times).begin(), path.times.end());
  path.amounts.assign(path.times.size() * columns, 0.0);
  path.rates = path.amounts;
  for (const Event& event : seen) {
    const double amount = event.amount / units.event_scale[event.column];
    const double from = time_of(event.time), to = time_of(event.time + event.duration);
    for (std::size_t i = 0; i < path.times.size(); ++i) {
      const std::size_t place = i * columns + event.column;
      if (path.times[i] < from) continue;
      if (is_bolus(event))
        path.amounts[place] += amount;
      else if (path.times[i] < to)
        path.rates[place] += amount * units.time_scale / event.duration;
    }
  }
  return path;
}

std::vector<double> amounts_before(std::span<const Event> events, const Normalization& units, double start,
                                   std::span<const double> times) {
  const std::size_t columns = units.event_scale.size();
  std::vector<double> amounts(times.size() * columns, 0.0);
  for (const Event& event : events)
    for (std::size_t i = 0; i < times.size(); ++i)
      if (is_bolus(event) && event.time >= start && event.time < times[i])
        amounts[i * columns + event.column] += event.amount / units.event_scale[event.column];
  return amounts;
}

double amount_until(const Event& event, double time) {
  if (time <= event.time) return 0;
  return is_bolus(event) ? event.amount : event.amount * std::min(1.0, (time - event.time) / event.duration);
}

std::vector<Event> events_from(std::span<const Event> events, double time) {
  std::vector<Event> ahead;
  for (Event event : events) {
    const double left = event.time + event.duration - time;
    if (event.time < time && left <= 0) continue;
    if (event.time < time) event = {time, event.column, event.amount * left / event.duration, left};
    ahead.push_back(event);
  }
  return ahead;
}

}  // namespace costate
