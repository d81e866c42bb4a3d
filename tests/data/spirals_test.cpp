// Spirals against the formulas of their header, and what they promise of windows, choice and seed.
#include "costate/data/spirals.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kStep = 6 * std::numbers::pi / 499;

TEST(Spirals, LieOnTheirCurves) {
  const Spirals all = spirals({.count = 2, .observed = 100, .first_start = 150, .last_start = 150, .noise = 0});
  for (std::int64_t i = 0; i < 3 * kSpiralWindow; ++i) {
    const double t = kStep * static_cast<double>(50 + i), s = 6 * std::numbers::pi + 1 - t;
    EXPECT_NEAR(all.truth.at(2 * i), 15 / s * std::cos(s) - 5, 1e-12);
    EXPECT_NEAR(all.truth.at(2 * i + 1), 15 / s * std::sin(s), 1e-12);
    EXPECT_NEAR(all.truth.at(2 * (3 * kSpiralWindow + i)), 0.3 * t * std::cos(t) + 5, 1e-12);
    EXPECT_NEAR(all.truth.at(2 * (3 * kSpiralWindow + i) + 1), 0.3 * t * std::sin(t), 1e-12);
    EXPECT_NEAR(all.grid[static_cast<std::size_t>(i)], t - kStep * 150, 1e-12);
  }
  for (std::int64_t i = 0; i < kSpiralWindow; ++i) {
    EXPECT_EQ(all.times.at(i), all.grid[static_cast<std::size_t>(kSpiralWindow + i)]);
    EXPECT_EQ(all.observations.at(2 * i), all.truth.at(2 * (kSpiralWindow + i)));
  }
}

TEST(Spirals, AreSeenAtAscendingTimesOfTheWindowWithNoise) {
  constexpr std::int64_t kCount = 200, kSeen = 30;
  const Spirals all = spirals({.count = kCount, .observed = kSeen, .noise = 0.2, .seed = 4});
  double squares = 0;
  for (std::int64_t b = 0; b < kCount; ++b)
    for (std::int64_t i = 0; i < kSeen; ++i) {
      const double t = all.times.at(b * kSeen + i);
      EXPECT_GE(t, i == 0 ? 0 : all.times.at(b * kSeen + i - 1) + kStep / 2);
      const auto row = static_cast<std::int64_t>(std::lround(t / kStep));
      EXPECT_LT(row, kSpiralWindow);
      for (std::int64_t k = 0; k < 2; ++k)
        squares += std::pow(all.observations.at((b * kSeen + i) * 2 + k) -
                                all.truth.at((b * 3 * kSpiralWindow + kSpiralWindow + row) * 2 + k),
                            2);
    }
  // 12,000 squares, whose mean has a relative deviation of sqrt(2 / 12,000) = 1.3 %.
  EXPECT_NEAR(squares / (2 * kCount * kSeen), 0.04, 0.04 * 4 * 0.013);
}

TEST(Spirals, OfMoreBeginWithThoseOfFewer) {
  const Spirals few = spirals({.count = 3, .observed = 10, .seed = 8}),
                more = spirals({.count = 5, .observed = 10, .seed = 8});
  for (std::int64_t i = 0; i < few.observations.size(); ++i) EXPECT_EQ(few.observations.at(i), more.observations.at(i));
}

TEST(Spirals, RefuseOptionsOutOfRange) {
  EXPECT_ERROR(spirals({.observed = 101}), InvalidArgument, "observed 1 to 100; got 1000 and 101");
  EXPECT_ERROR(spirals({.first_start = 99}), InvalidArgument, "between points 100 and 300");
  EXPECT_ERROR(spirals({.last_start = 301}), InvalidArgument, "between points 100 and 300");
  EXPECT_ERROR(spirals({.noise = -1}), InvalidArgument, "noise must be 0 or more; got -1");
}

}  // namespace
}  // namespace costate
