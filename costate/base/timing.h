// How long a piece of work takes.
#pragma once

#include <chrono>
#include <functional>

namespace costate {

/// From then until now.
double seconds_since(std::chrono::steady_clock::time_point then);

/// The fastest of several calls, in seconds: what the work takes where nothing else disturbs it. Short work is called
/// up to a thousand times, for 0.2 s.
double fastest_call(const std::function<void()>& work);

/// So many minutes from now.
std::chrono::steady_clock::time_point in_minutes(double minutes);

}  // namespace costate
