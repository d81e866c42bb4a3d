#include "costate/train/schedules.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

TEST(Schedules, GoFromBaseToTheirEnd) {
  for (const ScheduleKind kind : {ScheduleKind::kCosine, ScheduleKind::kExponential}) {
    const Schedule schedule{.kind = kind, .base = 0.1, .final_ratio = 0.01};
    EXPECT_NEAR(learning_rate(schedule, 0, 101), 0.1, 1e-15);
    EXPECT_NEAR(learning_rate(schedule, 100, 101), 0.001, 1e-15);
    const double middle = kind == ScheduleKind::kCosine ? 0.0505 : 0.01;
    EXPECT_NEAR(learning_rate(schedule, 50, 101), middle, 1e-15);
  }
  EXPECT_EQ(learning_rate({.base = 0.3}, 77, 100), 0.3);
}

TEST(Schedules, WarmUpRisesToTheBase) {
  const Schedule schedule{.kind = ScheduleKind::kCosine, .base = 1.0, .warmup_epochs = 4};
  EXPECT_NEAR(learning_rate(schedule, 0, 20), 0.2, 1e-15);
  EXPECT_NEAR(learning_rate(schedule, 3, 20), 0.8, 1e-15);
  EXPECT_NEAR(learning_rate(schedule, 4, 20), 1.0, 1e-15);
  EXPECT_NEAR(learning_rate(schedule, 19, 20), 0.01, 1e-15);
  EXPECT_ERROR(learning_rate({.base = 0}, 0, 1), InvalidArgument, "positive");
  EXPECT_ERROR(schedule_from_name("cosin"), InvalidArgument, "did you mean 'cosine'");
}

TEST(Schedules, ExponentialFallsByOneFactorAnEpoch) {
  const Schedule schedule{.kind = ScheduleKind::kExponential, .base = 2.0, .final_ratio = 0.5, .warmup_epochs = 3};
  const double factor = learning_rate(schedule, 4, 20) / learning_rate(schedule, 3, 20);
  for (std::int64_t epoch = 4; epoch < 20; ++epoch)
    EXPECT_NEAR(learning_rate(schedule, epoch, 20), factor * learning_rate(schedule, epoch - 1, 20), 1e-14);
  EXPECT_NEAR(learning_rate(schedule, 3, 20), 2.0, 1e-15);
  EXPECT_NEAR(learning_rate(schedule, 19, 20), 1.0, 1e-14);
}

TEST(Schedules, StepsAreThoseOfTheAuthors) {
  const Schedule schedule{.kind = ScheduleKind::kStep, .base = 0.1};
  for (std::int64_t epoch = 0; epoch < 160; ++epoch) {
    const double expected = epoch < 60 ? 1e-1 : epoch < 100 ? 1e-2 : epoch < 140 ? 1e-3 : 1e-4;
    EXPECT_NEAR(learning_rate(schedule, epoch, 160), expected, 1e-15) << epoch;
  }
  EXPECT_EQ(schedule_from_name("step"), ScheduleKind::kStep);
}

TEST(Schedules, RatesThatAreNotNumbersAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  EXPECT_ERROR(learning_rate({.base = nan}, 0, 1), InvalidArgument, "got nan");
  EXPECT_ERROR(learning_rate({.base = inf}, 0, 1), InvalidArgument, "got inf");
  EXPECT_ERROR(learning_rate({.final_ratio = -1}, 0, 1), InvalidArgument, "and -1");
}

}  // namespace
}  // namespace costate
