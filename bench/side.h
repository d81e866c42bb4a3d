// What Costate's sides have in common: how they read their arguments and time what they print.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

/// The arguments behind the program's name, as many as `usage` has words ("NUMBER SECONDS"). Prints the usage and ends
/// the program if there are others.
inline std::vector<std::string> arguments(int argc, char** argv, std::string_view usage) {
  if (argc - 2 != std::ranges::count(usage, ' ')) {
    std::fprintf(stderr, "usage: %s %.*s\n", argv[0], static_cast<int>(usage.size()), usage.data());
    std::exit(2);
  }
  return {argv + 1, argv + argc};
}

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
