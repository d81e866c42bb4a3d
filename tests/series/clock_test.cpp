#include "costate/series/internal/clock.h"

#include <gtest/gtest.h>

#include "costate/base/error.h"
#include "costate/series/fit.h"
#include "tests/series/series.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

TEST(Clock, KnowsPeriodsByName) {
  TimeSeries series = decay(5);
  EXPECT_EQ(periods_of({"2.5", "7"}, series), (std::vector<double>{2.5, 7}));
  EXPECT_THROW(periods_of({"day"}, series), InvalidArgument);
  EXPECT_THROW(periods_of({"fortnight"}, series), InvalidArgument);
  series.time_scale = {"days", "2020-01-01", {}};
  EXPECT_EQ(periods_of({"day", "week"}, series), (std::vector<double>{1, 7}));
}

TEST(Clock, IsNotFarFasterThanTheSamples) {
  const TimeSeries series = decay(5);  // 0.1 apart
  EXPECT_EQ(periods_of({"0.01"}, series), (std::vector<double>{0.01}));
  for (const char* name : {"1e-4", "1e-9", "1e-300"})
    EXPECT_ERROR(periods_of({name}, series), InvalidArgument, "a period must be at least 0.00167");
}

TEST(Clock, OfTheTimeItselfIsEightTimesTheTraining) {
  EXPECT_EQ(periods_of({"time"}, series_of({trajectory({3, 4}, {0, 0}), trajectory({1, 6}, {0, 0})})),
            (std::vector<double>{40}));
}

/// x' = 0.3 t - 0.5 x from several starts: where x is does not tell where it goes.
TimeSeries driven_by_time() {
  std::vector<Trajectory> all;
  for (const double start : {2.0, -1.0, 0.5, 3.0, -2.0, 1.0, 2.5, 0.0}) {
    std::vector<double> times, states;
    for (int i = 0; i <= 30; ++i) {
      times.push_back(0.2 * i);
      states.push_back(0.6 * times.back() - 1.2 + (start + 1.2) * std::exp(-0.5 * times.back()));
    }
    all.push_back(trajectory(times, states));
    all.back().id = std::to_string(all.size());
  }
  return series_of(std::move(all));
}

TEST(Clock, OfTheTimeItselfTellsWhatChangesWithTime) {
  const TimeSeries series = driven_by_time();
  FitConfig config = config_of(series);
  config.model.hidden = {};
  config.epochs = 200;
  config.polish = 100;
  config.window = 31;
  const double without = *fit(series, config).errors.front().relative;
  config.clock = {"time"};
  const double with = *fit(series, config).errors.front().relative;
  EXPECT_GT(without, 0.2);
  EXPECT_LT(with, 0.02);
}

}  // namespace
}  // namespace costate
