#include "costate/data/labelled.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

TEST(TwoSpirals, LieOnTheirSpiral) {
  constexpr std::int64_t kCount = 400;
  const LabelledPoints made = two_spirals({.seed = 3, .count = kCount});
  double squares = 0;
  for (std::int64_t i = 0; i < kCount; ++i) {
    const double side = i % 2 == 0 ? 1 : -1;
    EXPECT_EQ(made.classes.at(2 * i), i % 2 == 0 ? 1 : 0);
    EXPECT_EQ(made.classes.at(2 * i + 1), i % 2 == 0 ? 0 : 1);
    double nearest = HUGE_VAL;
    for (int k = 0; k <= 2000; ++k) {
      const double along = k / 2000.0, angle = 3 * std::numbers::pi * along, radius = 2 * side * along;
      nearest = std::min(nearest, std::hypot(made.points.at(2 * i) - radius * std::cos(angle),
                                             made.points.at(2 * i + 1) - radius * std::sin(angle)));
    }
    squares += nearest * nearest;
    EXPECT_LT(nearest, 0.06 * 6);  // two normal numbers beyond six deviations: one in 1e8
  }
  EXPECT_NEAR(std::sqrt(squares / kCount), 0.06, 0.01);  // the noise across the spiral
}

TEST(TwoSpirals, RowsDependOnTheirIndexAlone) {
  const LabelledPoints all = two_spirals({.seed = 3, .count = 9}),
                       part = two_spirals({.seed = 3, .first = 5, .count = 4});
  for (std::int64_t k = 0; k < 8; ++k) {
    EXPECT_EQ(part.points.at(k), all.points.at(10 + k));
    EXPECT_EQ(part.classes.at(k), all.classes.at(10 + k));
  }
}

TEST(ConcentricCircles, AreADiscWithinARing) {
  constexpr std::int64_t kCount = 3000;
  const LabelledPoints made = concentric_circles({.seed = 3, .count = kCount});
  double sum_x = 0, sum_radius = 0;
  for (std::int64_t i = 0; i < kCount; ++i) {
    const double radius = std::hypot(made.points(i, 0), made.points(i, 1)), low = i % 3 == 0 ? 0 : 1;
    EXPECT_GT(radius, low - 1e-15);
    EXPECT_LT(radius, low + 0.5 + 1e-15);
    EXPECT_EQ(made.classes(i, 0), i % 3 == 0 ? 1 : 0);
    EXPECT_EQ(made.classes(i, 1), i % 3 == 0 ? 0 : 1);
    sum_x += made.points(i, 0);
    sum_radius += radius - low;
  }
  EXPECT_NEAR(sum_radius / kCount, 0.25, 6 * 0.5 / std::sqrt(12.0 * kCount));
  EXPECT_NEAR(sum_x / kCount, 0, 6 * 0.75 / std::sqrt(kCount));  // a coordinate's deviation is 0.74
  const LabelledPoints part = concentric_circles({.seed = 3, .first = 5, .count = 4});
  EXPECT_TRUE(part.points.same_bits(made.points.slice(5, 9)));
  EXPECT_TRUE(part.classes.same_bits(made.classes.slice(5, 9)));
  EXPECT_ERROR(concentric_circles({.first = 0, .count = -1}), InvalidArgument, "[concentric_circles] first and count");
}

TEST(TwoSpirals, RefuseANegativeRange) {
  EXPECT_ERROR(two_spirals({.first = -1, .count = 4}), InvalidArgument, "must not be negative; got -1 and 4");
}

}  // namespace
}  // namespace costate
