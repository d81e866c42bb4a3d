#include "costate/base/timing.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace costate {

double fastest_call(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int call = 0; call < 5 || (total < 0.2 && call < 1000); ++call) {
    const auto begin = Clock::now();
    work();
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
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
