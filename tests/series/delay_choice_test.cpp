// Series with known answers: a sine is independent of itself a quarter period on, and a Henon map lives in two
// dimensions.
#include "costate/series/delay_choice.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/base/random.h"
#include "costate/data/data.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

std::vector<double> lorenz() {
  const TimeSeries series = simulate("lorenz", {.until = 60.0, .samples = 3001, .start = {1, 1, 20}});
  std::vector<double> x;
  for (std::int64_t i = 500; i < 3001; ++i) x.push_back(series.trajectories[0].states.at(3 * i));
  return x;
}

TEST(MutualInformation, IsLargestAtLagZeroAndSmallForNoise) {
  std::vector<double> noise;
  for (std::uint64_t i = 0; i < 5000; ++i) noise.push_back(Random(1).normal(0, i));
  const std::vector<double> information = mutual_information(noise, 5);
  EXPECT_GT(information[0], 2.5);
  for (std::size_t lag = 1; lag <= 5; ++lag) EXPECT_LT(information[lag], 0.1);
}

TEST(MutualInformation, OfLorenzHasItsKnownMinimum) {
  // Fraser and Swinney's minimum for the x of this system lies at about 0.16 to 0.18 time units.
  const std::size_t lag = first_minimum(mutual_information(lorenz(), 30));
  EXPECT_GE(0.02 * static_cast<double>(lag), 0.12);
  EXPECT_LE(0.02 * static_cast<double>(lag), 0.22);
}

TEST(FalseNeighbours, OfLorenzEndAtThreeDimensions) {
  const std::vector<double> shares = false_neighbours(lorenz(), 8, 5);
  EXPECT_GT(shares[0], 0.5);
  EXPECT_GT(shares[1], 0.01);
  EXPECT_EQ(embedding_dimension(shares), 3U);
}

TEST(FalseNeighbours, OfAHenonMapEndAtTwoDimensions) {
  std::vector<double> series = {0.1, 0.2};
  while (series.size() < 1500)
    series.push_back(1 - 1.4 * series.back() * series.back() + 0.3 * series[series.size() - 2]);
  EXPECT_EQ(embedding_dimension(false_neighbours({series.begin() + 100, series.end()}, 1, 4)), 2U);
}

TEST(DelayChoice, RefusesShortSeries) {
  const std::vector<double> series(20, 1.0);
  EXPECT_ERROR(mutual_information(series, 15), InvalidArgument, "need at least 25 samples");
  EXPECT_ERROR(false_neighbours(series, 5, 3), InvalidArgument, "need at least 25 samples");
}

}  // namespace
}  // namespace costate
