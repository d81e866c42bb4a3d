#include "costate/base/random.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

namespace costate {
namespace {

constexpr std::uint64_t kSeed = 7;
constexpr int kNumDraws = 100000;
// Means of kNumDraws numbers: five standard errors, times the standard deviation of one number.
const double kMeanTolerance = 5 / std::sqrt(double{kNumDraws});

using Words = std::array<std::uint32_t, 4>;

// The published answers: Random123, tests/kat_vectors, rows "philox4x32 10".
TEST(Philox, GivesThePublishedKnownAnswers) {
  constexpr std::uint32_t kAll = 0xffffffff;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({kAll, kAll, kAll, kAll}, {kAll, kAll}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EveryCoordinateMatters) {
  constexpr std::uint64_t kHigh = std::uint64_t{1} << 32;
  const std::vector<std::uint64_t> coordinates = {0, 1, 2, kHigh, kHigh + 1};
  std::set<double> numbers;
  for (const std::uint64_t seed : coordinates)
    for (const std::uint64_t stream : coordinates)
      for (const std::uint64_t index : coordinates) {
        numbers.insert(Random(seed).uniform(stream, index));
        numbers.insert(Random(seed).normal(stream, index));
      }
  EXPECT_EQ(numbers.size(), 2 * 5 * 5 * 5);
}

TEST(Random, UniformHasItsMomentsAndRange) {
  double sum = 0;
  double sum_of_squares = 0;
  for (std::uint64_t i = 0; i < kNumDraws; ++i) {
    const double u = Random(kSeed).uniform(3, i);
    ASSERT_GT(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    sum_of_squares += u * u;
  }
  // Var u = 1/12; Var u^2 = 1/5 - 1/9 = 4/45.
  EXPECT_NEAR(sum / kNumDraws, 0.5, kMeanTolerance * std::sqrt(1.0 / 12));
  EXPECT_NEAR(sum_of_squares / kNumDraws, 1.0 / 3, kMeanTolerance * std::sqrt(4.0 / 45));
}

TEST(Random, UniformFillsAllBinsEvenly) {
  constexpr int kNumBins = 64;
  std::vector<int> counts(kNumBins);
  for (std::uint64_t i = 0; i < kNumDraws; ++i)
    ++counts[static_cast<std::size_t>(kNumBins * Random(kSeed).uniform(4, i))];
  double chi_squared = 0;
  const double expected = double{kNumDraws} / kNumBins;
  for (const int count : counts) chi_squared += (count - expected) * (count - expected) / expected;
  // 63 degrees of freedom: mean 63, standard deviation sqrt(126).
  EXPECT_NEAR(chi_squared, kNumBins - 1, 5 * std::sqrt(2.0 * (kNumBins - 1)));
}

TEST(Random, NormalHasItsMoments) {
  std::vector<double> sums(5);
  double product_with_uniform = 0;
  double product_with_next = 0;
  double last = Random(kSeed).normal(5, kNumDraws);
  for (std::uint64_t i = 0; i < kNumDraws; ++i) {
    const double x = Random(kSeed).normal(5, i);
    ASSERT_TRUE(std::isfinite(x));
    for (std::size_t power = 1; power < sums.size(); ++power) sums[power] += std::pow(x, static_cast<double>(power));
    product_with_uniform += x * (Random(kSeed).uniform(5, i) - 0.5);
    product_with_next += x * last;
    last = x;
  }
  // Var x^k = E x^2k - (E x^k)^2 with E x^2, x^4, x^6, x^8 = 1, 3, 15, 105.
  EXPECT_NEAR(sums[1] / kNumDraws, 0, kMeanTolerance);
  EXPECT_NEAR(sums[2] / kNumDraws, 1, kMeanTolerance * std::sqrt(2.0));
  EXPECT_NEAR(sums[3] / kNumDraws, 0, kMeanTolerance * std::sqrt(15.0));
  EXPECT_NEAR(sums[4] / kNumDraws, 3, kMeanTolerance * std::sqrt(96.0));
  EXPECT_NEAR(product_with_uniform / kNumDraws, 0, kMeanTolerance * std::sqrt(1.0 / 12));
  EXPECT_NEAR(product_with_next / kNumDraws, 0, kMeanTolerance);
}

TEST(Random, UniformHasBoundsAndBelowHasACount) {
  std::vector<int> counts(3);
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const double x = Random(kSeed).uniform(8, i, -2, 5);
    EXPECT_GT(x, -2);
    EXPECT_LT(x, 5);
    ++counts.at(Random(kSeed).below(9, i, 3));
  }
  // Binomial of 3000 with probability 1/3: standard deviation 25.8.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * 25.8);
}

TEST(Random, NormalHasTheRightTails) {
  int beyond_two = 0;
  for (std::uint64_t i = 0; i < kNumDraws; ++i) beyond_two += std::abs(Random(kSeed).normal(6, i)) > 2;
  const double share = std::erfc(2 / std::numbers::sqrt2);
  EXPECT_NEAR(double(beyond_two) / kNumDraws, share, kMeanTolerance * std::sqrt(share * (1 - share)));
}

}  // namespace
}  // namespace costate
