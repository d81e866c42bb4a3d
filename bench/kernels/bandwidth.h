// What a kernel that moves numbers is measured against.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <vector>

namespace bench {

/// Bytes a second that a copy reads and writes, `bytes` in all: the best of many.
inline double copy_rate(std::size_t bytes) {
  const std::vector<char> from(bytes / 2, 1);
  std::vector<char> to(bytes / 2);
  double best = 0;
  for (int trial = 0; trial < 20; ++trial) {
    const std::size_t rounds = 1 + (std::size_t{1} << 24) / bytes;
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t round = 0; round < rounds; ++round) {
      std::memcpy(to.data(), from.data(), to.size());
      benchmark::ClobberMemory();
    }
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(2 * to.size() * rounds) / spent.count());
  }
  return best;
}

/// Counters "GB/s" of what must be read and written, and "of copy", its part of what a copy of as many bytes gets.
inline void count_bytes(benchmark::State& state, std::size_t bytes) {
  const auto rate = [](double amount) {
    return benchmark::Counter(amount, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GB/s"] = rate(static_cast<double>(bytes) / 1e9);
  state.counters["of copy"] = rate(static_cast<double>(bytes) / copy_rate(bytes));
}

}  // namespace bench
