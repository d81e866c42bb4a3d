// What is held out, cut into forecasts, and fits of more data than are trained on.
#include "costate/series/held_forecasts.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/base.h"
#include "costate/report/shown_paths.h"
#include "costate/series/normalization.h"
#include "costate/series/series.h"
#include "tests/series/series.h"

namespace costate {
namespace {

/// A circle, sampled 20 times a turn.
TimeSeries circle(std::size_t samples, std::size_t trajectories = 1) {
  std::vector<double> times, states;
  for (std::size_t i = 0; i < samples; ++i) {
    times.push_back(0.314 * static_cast<double>(i));
    states.insert(states.end(), {std::cos(times.back()), std::sin(times.back())});
  }
  return series_of(std::vector<Trajectory>(trajectories, trajectory(times, states)));
}

HeldForecasts held_of(const SeriesModel& model, const TimeSeries& series, const Split& split) {
  return HeldForecasts(model, series, split, {0, split.train_ends[0] - 20, 20});
}

/// Each held sample is judged once, from the sample before it or the one that is given.
void expect_partition(const std::vector<HeldForecast>& forecasts, std::size_t first, std::size_t end) {
  for (const HeldForecast& forecast : forecasts) {
    EXPECT_EQ(forecast.joint() + 1, first);
    EXPECT_LE(forecast.held, 500U);
    EXPECT_GE(forecast.held, 250U);
    EXPECT_EQ(forecast.samples.first + forecast.samples.count, first + forecast.held);
    first += forecast.held;
  }
  EXPECT_EQ(first, end);
}

TEST(HeldForecasts, GoOnFromTheLastWindowAndThenFromTheData) {
  const TimeSeries series = circle(5300);
  const SeriesModel model(config_of(series), series, measure(series));
  const Split few = split_series(series, 500.0 / 5300);
  EXPECT_EQ(held_of(model, series, few).all().size(), 1U);
  const Split split = split_series(series, 0.25);
  const HeldForecasts held = held_of(model, series, split);
  expect_partition(held.all(), 3975, 5300);
  EXPECT_EQ(held.all().size(), 3U);
  EXPECT_TRUE(held.all()[0].goes_on);
  EXPECT_EQ(held.all()[0].samples.first, 3955U);
  EXPECT_FALSE(held.all()[1].goes_on);
  EXPECT_EQ(held.all()[1].samples.first, held.all()[1].joint());
}

TEST(HeldForecasts, OfWholeTrajectoriesStartAtTheirFirstSample) {
  const TimeSeries series = circle(1400, 5);
  const SeriesModel model(config_of(series), series, measure(series));
  const Split split = split_series(series, 0.2);
  expect_partition(held_of(model, series, split).all(), 1, 1400);
}

TEST(HeldForecasts, BridgeNoGap) {
  TimeSeries series = circle(100);
  for (std::size_t i = 85; i < 100; ++i) series.trajectories[0].times[i] += 1e4;
  const SeriesModel model(config_of(series), series, measure(series));
  const std::vector<HeldForecast> behind = held_of(model, series, split_series(series, 0.2)).all();
  ASSERT_EQ(behind.size(), 2U);  // 80 … 84, then 86 … 99 from 85
  EXPECT_EQ(behind[0].held, 5U);
  EXPECT_EQ(behind[1].joint(), 85U);
  EXPECT_EQ(behind[1].held, 14U);
  EXPECT_EQ(held_of(model, series, split_series(series, 0.15)).all().size(), 1U);
  for (std::size_t i = 99; i < 100; ++i) series.trajectories[0].times[i] += 1e4;
  EXPECT_EQ(held_of(model, series, split_series(series, 0.01)).all().size(), 1U);  // there is no other
}

TEST(Fit, BridgesNoGap) {
  TimeSeries series = circle(120);
  FitConfig config = config_of(series);
  config.epochs = 150;
  config.polish = 50;
  const double whole = fit(series, config).errors[0].relative;
  for (std::size_t i = 0; i < 120; ++i)
    series.trajectories[0].times[i] += 6283.185307179586 * static_cast<double>(i / 40);
  const FitResult result = fit(series, config);
  EXPECT_LT(result.errors[0].relative, 2 * whole + 0.1);
  EXPECT_LT(result.training.history.back().nfe_forward, 2000);
}

TEST(HeldForecasts, ThePartsAreThoseOfOneSolve) {
  // Judged together, in one batch of padded rows, they are what predict() gives for each alone.
  const TimeSeries series = circle(1700);
  const SeriesModel model(config_of(series), series, measure(series));
  const Split split = split_series(series, 0.5);
  const std::vector<double> start = {0.3, -0.2};
  const HeldForecasts held = held_of(model, series, split);
  const std::vector<StatePath> paths = held.predict(start);
  ASSERT_EQ(paths.size(), 2U);
  const Normalization& units = model.normalization();
  SeriesModel::Query query{
      .times = {series.trajectories[0].times.begin() + 830, series.trajectories[0].times.begin() + 1275}};
  for (std::size_t k = 0; k < 2; ++k) query.start.push_back(units.state_offset[k] + units.state_scale[k] * start[k]);
  const std::vector<std::vector<double>> alone = model.predict(query);
  for (std::size_t i = 0; i < paths[0].times.size(); ++i)
    for (std::size_t k = 0; k < 2; ++k) EXPECT_NEAR(paths[0].states[i][k], alone[19 + i][k], 1e-9) << i;
  EXPECT_NEAR(paths[1].states[0][0], series.trajectories[0].states.at(2 * 1274), 1e-12);
  EXPECT_TRUE(std::isfinite(held.loss(start)));
}

TEST(Fit, TrainsOnAFewOfManyWindowsAndJudgesAllThatIsHeldOut) {
  const TimeSeries series = circle(60'000);
  FitConfig config = config_of(series);
  config.max_windows = 16;
  config.epochs = 100;
  config.polish = 40;
  const FitResult result = fit(series, config);
  EXPECT_EQ(result.windows.text(), "trained on 16 of 1999 windows of 50 samples");
  EXPECT_EQ(result.forecast_samples.size(), 24U);
  EXPECT_LT(result.errors[0].relative, 0.3);
  // Pictures hold what can be seen.
  const ShownPaths shown = shown_paths(result);
  ASSERT_EQ(shown.stretches.size(), 1U);
  EXPECT_EQ(shown.stretches[0].count, 2000U);
  EXPECT_EQ(shown.stretches[0].first + 1000, 48'000U);
  EXPECT_FALSE(shown.fitted.empty());
  for (const auto* paths : {&shown.fitted, &shown.forecasts})
    for (const StatePath& path : *paths) {
      EXPECT_LT(path.times.front(), 0.314 * 49'000);
      EXPECT_GT(path.times.back(), 0.314 * 47'000);
    }
}

TEST(Fit, WorkOfAnEpochDoesNotGrowWithTheData) {
  const auto evaluations = [](std::size_t samples, std::size_t trajectories) {
    const TimeSeries series = circle(samples, trajectories);
    FitConfig config = config_of(series);
    config.max_windows = 8;
    config.epochs = 1;
    config.polish = 0;
    return fit(series, config).training.history[0].nfe_forward;
  };
  EXPECT_LT(evaluations(40'000, 1), 1.5 * evaluations(1000, 1));
  EXPECT_LT(evaluations(200, 300), 1.5 * evaluations(200, 20));
}

TEST(Fit, OfAFewWindowsHasTheSameBitsForAnyNumberOfThreads) {
  const TimeSeries series = circle(20'000);
  FitConfig config = config_of(series);
  config.max_windows = 70;
  config.epochs = 3;
  std::vector<std::vector<double>> losses;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    std::vector<double>& found = losses.emplace_back();
    const FitResult result = fit(series, config);
    for (const HistoryRow& row : result.training.history) found.insert(found.end(), {row.loss, row.validation_loss});
    found.push_back(result.errors[0].relative);
  }
  set_num_threads(0);
  EXPECT_EQ(losses[0], losses[1]);
}

}  // namespace
}  // namespace costate
