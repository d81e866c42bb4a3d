#include "costate/base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "costate/base/error.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

class Threads : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(0); }
};

INSTANTIATE_TEST_SUITE_P(OneTwoSeven, Threads, testing::Values(1, 2, 7));

TEST_P(Threads, EveryPieceIsDoneOnce) {
  std::vector<std::atomic<int>> calls(1000);
  parallel_for(calls.size(), [&](std::size_t i) { ++calls[i]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST_P(Threads, NothingToDo) {
  parallel_for(0, [](std::size_t) { FAIL(); });
}

TEST_P(Threads, LoopsNest) {
  std::atomic<int> calls = 0;
  parallel_for(8, [&](std::size_t) { parallel_for(8, [&](std::size_t) { ++calls; }); });
  EXPECT_EQ(calls, 64);
}

TEST_P(Threads, CallersShareThem) {
  std::atomic<int> calls = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int loop = 0; loop < 20; ++loop) parallel_for(10, [&](std::size_t) { ++calls; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(calls, 4 * 20 * 10);
}

TEST_P(Threads, TheErrorOfTheSmallestIndexIsRethrown) {
  for (int repetition = 0; repetition < 20; ++repetition) {
    const auto work = [](std::size_t i) {
      if (i % 10 == 7) throw InvalidArgument("piece ", i, ".");
    };
    EXPECT_ERROR(parallel_for(100, work), InvalidArgument, "piece 7.");
  }
}

TEST_P(Threads, WorkGoesOnAfterAnError) {
  EXPECT_THROW(parallel_for(10, [](std::size_t) { throw std::runtime_error("once"); }), std::runtime_error);
  std::atomic<int> calls = 0;
  parallel_for(10, [&](std::size_t) { ++calls; });
  EXPECT_EQ(calls, 10);
}

TEST(NumThreads, ZeroMeansAllOfTheMachine) {
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  set_num_threads(0);
  EXPECT_GE(num_threads(), 1);
}

TEST(NumThreads, NegativeOrAbsurdIsRefused) {
  EXPECT_ERROR(set_num_threads(-1), InvalidArgument, "[set_num_threads] count must be 0 (all) or more; got -1.");
  EXPECT_ERROR(set_num_threads(100'000'000), InvalidArgument, "count must be at most 1024; got 100000000.");
}

}  // namespace
}  // namespace costate
