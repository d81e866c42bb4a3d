#include "costate/series/periodogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace costate {
namespace {

TEST(Periodogram, FindsAWaveAtItsFrequency) {
  constexpr int kCount = 400;
  constexpr double kFrequency = 0.05, kHeight = 3;
  std::vector<double> series;
  for (int i = 0; i < kCount; ++i) series.push_back(7 + kHeight * std::sin(2 * std::numbers::pi * kFrequency * i));
  const std::vector<double> power = periodogram(series, std::vector<double>{kFrequency, 0.02, 0.1});
  // A Hann window halves the sum over the samples, and so does the wave: (height n / 4)^2 / n.
  EXPECT_NEAR(power[0], kHeight * kHeight * kCount / 16, 1e-6);
  EXPECT_LT(power[1], 1e-12);
  EXPECT_LT(power[2], 1e-12);
}

}  // namespace
}  // namespace costate
