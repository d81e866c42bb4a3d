// How Costate's sides time what they print.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

namespace bench {

/// Prints "name": [median, quartiles] of the milliseconds that the work takes, run for so many seconds and at least
/// five times.
inline void print_times(const char* name, double seconds, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> samples;
  work();
  const auto begin = Clock::now();
  while (samples.size() < 5 || std::chrono::duration<double>(Clock::now() - begin).count() < seconds) {
    const auto start = Clock::now();
    work();
    samples.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::sort(samples);
  std::printf("\"%s\": [%.6g, %.6g, %.6g]", name, samples[samples.size() / 2], samples[samples.size() / 4],
              samples[3 * samples.size() / 4]);
}

}  // namespace bench
