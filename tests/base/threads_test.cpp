#include "costate/base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "costate/base/error.h"

namespace costate {
namespace {

TEST(ParallelFor, CallsEachIndexOnceForAnyNumberOfThreads) {
  for (const int threads : {1, 2, 7}) {
    set_num_threads(threads);
    std::vector<std::atomic<int>> calls(100);
    parallel_for(calls.size(), [&](std::size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  set_num_threads(0);
}

TEST(ParallelFor, RethrowsTheErrorOfTheSmallestIndex) {
  set_num_threads(2);
  try {
    parallel_for(50, [](std::size_t i) {
      if (i % 10 == 3) throw InvalidArgument("index ", i);
    });
    FAIL() << "no exception";
  } catch (const InvalidArgument& error) {
    EXPECT_STREQ(error.what(), "index 3");
  }
  set_num_threads(0);
}

TEST(Threads, ANegativeNumberIsRefused) {
  EXPECT_THROW(set_num_threads(-1), InvalidArgument);
  EXPECT_GE(num_threads(), 1);
}

}  // namespace
}  // namespace costate
