#include "costate/base/interrupt.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "costate/base/threads.h"

namespace costate {
namespace {

using namespace std::chrono_literals;

/// A second at most, so that a test fails instead of hanging.
void work_until_interrupted() {
  const auto begin = internal::InterruptClock::now();
  for (internal::InterruptPoll poll; internal::InterruptClock::now() - begin < 1s; poll()) {
  }
}

TEST(Interrupt, EndsALoopWithWhatTheCheckThrows) {
  const InterruptScope scope([] { throw std::runtime_error("stop"); });
  EXPECT_THROW(work_until_interrupted(), std::runtime_error);
}

TEST(Interrupt, CountsForTheScopeAndTheInnermostOne) {
  int asked = 0;
  {
    const InterruptScope outer([] { throw std::runtime_error("stop"); });
    const InterruptScope inner([&] { ++asked; });
    work_until_interrupted();
  }
  EXPECT_GE(asked, 5);
  EXPECT_LE(asked, 10);
  EXPECT_EQ(internal::current_interrupt(), nullptr);
}

TEST(Interrupt, LooksAsOftenAsSlowRoundsNeedIt) {
  int asked = 0;
  const InterruptScope scope([&] { ++asked; });
  internal::InterruptPoll poll;
  for (int round = 0; round < 10; ++round, poll()) std::this_thread::sleep_for(50ms);
  EXPECT_GE(asked, 2);
}

class InterruptOfThreads : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { set_num_threads(GetParam()); }
  void TearDown() override { set_num_threads(0); }
};

INSTANTIATE_TEST_SUITE_P(OneTwoSeven, InterruptOfThreads, testing::Values(1, 2, 7));

TEST_P(InterruptOfThreads, EndsAllPieces) {
  const InterruptScope scope([] { throw std::runtime_error("stop"); });
  std::atomic<int> ended = 0;
  const auto begin = internal::InterruptClock::now();
  const auto piece = [&](std::size_t) {
    work_until_interrupted();
    ++ended;
  };
  EXPECT_THROW(parallel_for(20, piece), std::runtime_error);
  EXPECT_EQ(ended, 0);
  EXPECT_LT(internal::InterruptClock::now() - begin, 900ms);
}

TEST_P(InterruptOfThreads, LeavesLoopsAloneThatItDoesNotEnd) {
  const InterruptScope scope([] {});
  std::vector<std::atomic<int>> calls(100);
  parallel_for(calls.size(), [&](std::size_t i) {
    parallel_for(3, [](std::size_t) {});
    ++calls[i];
  });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST(Interrupt, TheCallerAsksWhileOthersFinish) {
  set_num_threads(2);
  const std::thread::id caller = std::this_thread::get_id();
  const InterruptScope scope([&] {
    if (std::this_thread::get_id() == caller) throw std::runtime_error("stop");
  });
  // Whichever piece the caller has ends as soon as the helper has begun its own.
  std::atomic<bool> is_helped = false;
  const auto begin = internal::InterruptClock::now();
  const auto piece = [&](std::size_t) {
    if (std::this_thread::get_id() != caller) {
      is_helped = true;
      work_until_interrupted();
    }
    while (!is_helped && internal::InterruptClock::now() - begin < 1s) std::this_thread::yield();
  };
  EXPECT_THROW(parallel_for(2, piece), std::runtime_error);
  EXPECT_LT(internal::InterruptClock::now() - begin, 900ms);
  set_num_threads(0);
}

}  // namespace
}  // namespace costate
