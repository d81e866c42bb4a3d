#include "costate/base/memory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace costate {
namespace {

TEST(PeakMemory, CountsWhatTheWorkHeldAndNotWhatWasThereBefore) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  const auto hold = [](std::size_t size_bytes) {
    return [size_bytes] {
      std::vector<char> bytes(size_bytes, 'x');
      volatile char seen = bytes[size_bytes / 2];
      static_cast<void>(seen);
    };
  };
  const double most = peak_memory(hold(64 * kMiB));
  if (std::isnan(most)) GTEST_SKIP() << "this system does not tell";
  EXPECT_GE(most, 63.0 * kMiB);
  EXPECT_LE(most, 80.0 * kMiB);
  EXPECT_LE(peak_memory(hold(kMiB)), 16.0 * kMiB);
}

}  // namespace
}  // namespace costate
