// Which cells are outliers, and that data of great range have none.
#include "costate/series/outliers.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/series/internal/missing_codes.h"
#include "costate/series/series.h"
#include "tests/series/series.h"

namespace costate {
namespace {

TimeSeries wave(std::size_t samples, double first = 0) {
  std::vector<double> times, states, inputs;
  for (std::size_t i = 0; i < samples; ++i) {
    times.push_back(0.2 * static_cast<double>(i));
    states.push_back(std::sin(times.back() + first));
    inputs.push_back(std::cos(times.back()));
  }
  return series_of({trajectory(times, states, inputs)});
}

double& state(TimeSeries& series, std::size_t sample) { return series.trajectories[0].states.data<double>()[sample]; }

TEST(Outliers, AreTakenOutAndNamed) {
  TimeSeries series = wave(100);
  for (const std::size_t sample : {17U, 18U, 60U}) state(series, sample) *= 1e6;  // neighbours, too
  state(series, 40) = -9999;
  series.trajectories[0].inputs.set(50, 1e9);
  const std::vector<Outliers> found = remove_outliers(series);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].count, 4U);
  EXPECT_NE(
      found[0].text().find("'z0': 4 cells lie far outside all others (first -255541.102 at t = 3.4, where 80 % are"),
      std::string::npos)
      << found[0].text();
  for (const std::size_t sample : {17U, 18U, 40U, 60U}) EXPECT_TRUE(std::isnan(state(series, sample))) << sample;
  EXPECT_NEAR(series.trajectories[0].inputs.at(50), std::cos(10.0), 0.03);  // an input is known at all times
  EXPECT_TRUE(remove_outliers(series).empty());
}

TEST(Outliers, ANumberThatComesAgainStaysWhereNoneStandsForMissing) {
  TimeSeries series = wave(100);
  for (const std::size_t sample : {17U, 40U, 60U}) state(series, sample) = -9999;
  state(series, 80) = 3e7;
  const std::vector<Outliers> found = remove_outliers(series, MissingCodes::kKeep);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].value, 3e7);
  for (const std::size_t sample : {17U, 40U, 60U}) EXPECT_EQ(state(series, sample), -9999) << sample;
}

TEST(Outliers, AreNoneInDataOfGreatRange) {
  const auto expect_none = [](const std::vector<double>& states, const char* what) {
    std::vector<double> times;
    for (std::size_t i = 0; i < states.size(); ++i) times.push_back(static_cast<double>(i));
    TimeSeries series = series_of({trajectory(times, states)});
    EXPECT_TRUE(remove_outliers(series).empty()) << what;
    EXPECT_TRUE(series.trajectories[0].states.same_bits(series_of({trajectory(times, states)}).trajectories[0].states));
  };
  std::vector<double> growth, decay, spike, steps, constant(50, 3.0), few = {1, 2, 3, 1e9, 4};
  for (int i = 0; i < 100; ++i) {
    growth.push_back(std::exp(0.5 * i));
    decay.push_back(std::exp(-5.0 * i));
    spike.push_back(std::sin(1.0 * i) + 1e4 * std::exp(-0.5 * (i - 50) * (i - 50) / 9.0));
    steps.push_back(i < 60 ? 0.001 * std::sin(1.0 * i) : 1e3);
  }
  constant[20] = 1e9;  // a pulse, perhaps: nothing tells how far is far
  expect_none(growth, "growth");
  expect_none(decay, "decay");
  expect_none(spike, "spike");
  expect_none(steps, "steps");
  expect_none(constant, "constant");
  expect_none(few, "few");
}

TEST(Outliers, AtTheEdgeOfATrajectoryAreThoseThatFewTrajectoriesHave) {
  const auto count = [](std::size_t with_large_start) {
    TimeSeries series = wave(30);
    series.trajectories.resize(20, series.trajectories[0]);
    for (std::size_t i = 0; i < with_large_start; ++i) series.trajectories[i].states.set(0, 1e6);
    const std::vector<Outliers> found = remove_outliers(series);
    return found.empty() ? 0 : found[0].count;
  };
  EXPECT_EQ(count(2), 2U);
  EXPECT_EQ(count(20), 0U);  // a transient
  for (const std::size_t codes : {1U, 5U}) {
    TimeSeries single = wave(100);
    for (std::size_t i = 0; i < codes; ++i) state(single, 99 - i) = -9999;
    EXPECT_EQ(remove_outliers(single).size(), 1U) << codes;
  }
}

TEST(MissingCodes, AreRepeatedOutsideOfAllElse) {
  std::vector<double> clean;
  for (int i = 0; i < 100; ++i) clean.push_back(std::round(1000 * (20 + 9 * std::sin(0.1 * i))) / 1000);
  const auto with = [&](double code, std::size_t count) {
    std::vector<double> cells = clean;
    for (std::size_t i = 0; i < count; ++i) cells[7 * i] = code;
    return find_missing_codes(cells);
  };
  for (const double code :
       {-999.0, -9999.0, 9999.0, -99.9, -200.0, 999.9, 1e20, -32768.0, 65535.0, -1e30, 9.96921e36, 7777.0, -888.0}) {
    ASSERT_EQ(with(code, 3).size(), 1U) << code;
    EXPECT_EQ(with(code, 3)[0].value, code);
    EXPECT_EQ(with(code, 14)[0].count, 14U);
  }
  // Pumps at rest, throttles that are open, lone slips, what lies near, and directions are none.
  for (const double value : {0.0, 100.0, 500.0, -12.5, 31.0, -5.0, 222.0})
    EXPECT_TRUE(with(value, 10).empty()) << value;
  EXPECT_TRUE(with(-999, 1).empty());
  EXPECT_TRUE(with(-200, 2).empty());
  EXPECT_TRUE(find_missing_codes({-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1}).empty());
  EXPECT_TRUE(find_missing_codes(clean).empty());
  EXPECT_TRUE(find_missing_codes(std::vector<double>(50, -999.0)).empty());
}

TEST(MissingCodes, MayBeSeveral) {
  std::vector<double> cells;
  for (int i = 0; i < 100; ++i)
    cells.push_back(i % 9 == 1 ? -999 : i % 9 == 2 ? -888 : i % 9 == 3 ? 9999 : 20 + std::sin(0.1 * i));
  EXPECT_EQ(find_missing_codes(cells).size(), 3U);
  // Whole numbers, the lowest of which come again and again, are no codes.
  cells.clear();
  for (int i = 0; i < 100; ++i) cells.push_back(i * i % 23 - 20);
  EXPECT_TRUE(find_missing_codes(cells).empty());
}

TEST(MissingCodes, AreTakenOutAndNamed) {
  TimeSeries series = wave(100);
  const TimeSeries dirty = [&] {
    TimeSeries made = series;
    for (const std::size_t sample : {17U, 18U, 60U}) state(made, sample) = -99;
    for (const int sample : {50, 51}) made.trajectories[0].inputs.set(sample, 999);
    return made;
  }();
  series = dirty;
  const std::vector<Outliers> found = remove_outliers(series);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_NE(found[0].text().find("'z0': 3 cells hold -99, a code for missing, it seems, since all others lie in -1 … "),
            std::string::npos)
      << found[0].text();
  EXPECT_TRUE(std::isnan(state(series, 17)) && std::isnan(state(series, 60)));
  EXPECT_NEAR(series.trajectories[0].inputs.at(50), std::cos(10.0), 0.1);
  series = dirty;
  const std::vector<Outliers> kept = remove_outliers(series, MissingCodes::kKeep);
  for (const Outliers& outliers : kept) EXPECT_FALSE(outliers.is_code);
}

TEST(Outliers, DoNotSpoilAFit) {
  const TimeSeries clean = wave(80);
  TimeSeries dirty = clean;
  for (const std::size_t sample : {11U, 37U, 70U}) state(dirty, sample) *= 1e6;
  FitConfig config = config_of(clean);
  config.epochs = 150;
  config.polish = 50;
  const FitResult expected = fit(clean, config), found = fit(dirty, config);
  EXPECT_EQ(found.outliers.size(), 1U);
  EXPECT_TRUE(expected.outliers.empty());
  EXPECT_LT(found.errors[0].relative.value(), 1.2 * expected.errors[0].relative.value() + 0.05);
}

}  // namespace
}  // namespace costate
