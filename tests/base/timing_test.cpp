#include "costate/base/timing.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace costate {
namespace {

TEST(FastestCall, IsTheShortestOfSeveral) {
  int calls = 0;
  const double seconds = fastest_call([&] {
    ++calls;
    std::this_thread::sleep_for(std::chrono::milliseconds(calls == 3 ? 20 : 60));
  });
  EXPECT_GE(seconds, 0.02);
  EXPECT_LT(seconds, 0.06);
  EXPECT_GE(calls, 5);
}

}  // namespace
}  // namespace costate
