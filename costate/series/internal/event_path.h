// Events along a stretch of time. What has come in by bolus by the time t is a staircase w(t), and what comes in by
// infusion a rate r(t). With B, how much a unit of it moves each state, z = y + B w(t), where y is continuous:
//
//     y' = f(y + B w(t)) + B r(t)
//
// That is exact, needs no restart of a solver beyond its stops at the steps of w and r, and differentiates as any
// field.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "costate/array/host_array.h"
#include "costate/array/time_series.h"
#include "costate/series/normalization.h"

namespace costate {

/// w and r as values that hold from each of `times` on, of which the first is 0, the start; normalized.
struct EventPath {
  std::vector<double> times;
  std::vector<double> amounts, rates;  // [time, event]
};

/// Of events from `start` on and before `end`; of infusions that run at the start, what is left of them.
EventPath event_path(std::span<const Event> events, const Normalization& units, double start, double end);

/// What has come in by bolus from `start` on and before each of the times: [time, event], normalized.
std::vector<double> amounts_before(std::span<const Event> events, const Normalization& units, double start,
                                   std::span<const double> times);

/// What has come in before a time, in the data's units.
double amount_until(const Event& event, double time);

/// Events from `time` on, and what is left of infusions that run then.
std::vector<Event> events_from(std::span<const Event> events, double time);

}  // namespace costate
