#include "costate/base/timing.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace costate {

double seconds_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

double fastest_call(const std::function<void()>& work) {
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int call = 0; call < 5 || (total < 0.2 && call < 1000); ++call) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const double seconds = seconds_since(begin);
    total += seconds;
    best = std::min(best, seconds);
  }
  return best;
}

std::chrono::steady_clock::time_point in_minutes(double minutes) {
  using Clock = std::chrono::steady_clock;
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(60 * minutes));
}

}  // namespace costate
