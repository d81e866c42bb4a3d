// Paths of Brownian motions: their law, and that a time has one number whoever asks for it.
#include "costate/operations/internal/brownian_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/base/random.h"
#include "costate/exec/kernels/normal_pairs.h"

namespace costate {
namespace {

/// W and its integral of each path at times of [0, length].
struct PathNumbers {
  std::vector<std::vector<double>> w, integral;
};

PathNumbers paths_at(const std::vector<double>& times, double length, std::size_t count, std::uint64_t seed = 5) {
  internal::BrownianPaths paths(seed, length, count);
  for (std::size_t i = 0; i < count; ++i) paths.name(i, 2, static_cast<double>(i), 1);
  PathNumbers found;
  for (const double t : times) {
    found.w.emplace_back(count);
    found.integral.emplace_back(count);
    paths.at(internal::brownian_place(t, 0, length), found.w.back(), found.integral.back());
  }
  return found;
}

double mean_product(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum / static_cast<double>(x.size());
}

std::vector<double> minus(const std::vector<double>& x, const std::vector<double>& y) {
  std::vector<double> difference;
  for (std::size_t i = 0; i < x.size(); ++i) difference.push_back(x[i] - y[i]);
  return difference;
}

TEST(NormalPairs, AreBoxAndMullersOfPhiloxBlocks) {
  constexpr std::size_t kCount = 37;  // no multiple of a vector
  constexpr std::uint64_t kSeed = 0x123456789ABCDEF0;
  std::vector<double> channel, sample, stream, first(kCount), second(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    channel.push_back(static_cast<double>(i % 5));
    sample.push_back(static_cast<double>(i * 115249003u % 0xFFFFFFFFu));
    stream.push_back(i % 2 == 0 ? 0.0 : 4294967295.0);
  }
  internal::normal_pairs({.seed = kSeed,
                          .node = 0xFEDCBA98,
                          .channel = channel.data(),
                          .sample = sample.data(),
                          .stream = stream.data(),
                          .count = kCount},
                         first.data(), second.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    const auto word = philox({0xFEDCBA98, static_cast<std::uint32_t>(channel[i]), static_cast<std::uint32_t>(sample[i]),
                              static_cast<std::uint32_t>(stream[i])},
                             {static_cast<std::uint32_t>(kSeed), static_cast<std::uint32_t>(kSeed >> 32)});
    const double uniform = ((word[0] + 0.5) * 0x1p-32 + (word[1] >> 11)) * 0x1p-21;
    const double turn = (word[2] + word[3] * 0x1p-32) * 0x1p-32;
    const double radius = std::sqrt(-2 * std::log(uniform)), angle = 2 * std::numbers::pi * turn;
    EXPECT_NEAR(first[i], radius * std::cos(angle), 1e-14);
    EXPECT_NEAR(second[i], radius * std::sin(angle), 1e-14);
  }
}

// Brownian motion: Cov(W_s, W_t) = min(s, t), of the integral Y: Cov(W_s, Y_t) = t s - s^2 / 2 for s <= t, and t^2 / 2
// beyond; Var Y_t = t^3 / 3. A mean of N products of normal numbers is off by less than 5 sqrt(2 / N) of their
// deviations.
TEST(BrownianPaths, HaveTheLawOfBrownianMotion) {
  constexpr std::size_t kPaths = 20000;
  const double bound = 5 * std::sqrt(2.0 / kPaths);
  const std::vector<double> times = {0.3, 0.7, 0.75, 1.1, 1.1 + 6e-6, 2.9, 3};  // two smallest pieces
  const PathNumbers found = paths_at(times, 3, kPaths);
  const auto of_w_and_integral = [](double s, double t) { return s <= t ? t * s - s * s / 2 : t * t / 2; };
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double s = times[i];
    EXPECT_NEAR(mean_product(found.integral[i], found.integral[i]), s * s * s / 3, bound * s * s * s / 3);
    for (std::size_t j = 0; j < times.size(); ++j) {
      const double t = times[j];
      EXPECT_NEAR(mean_product(found.w[i], found.w[j]), std::min(s, t), bound * std::sqrt(s * t)) << s << " " << t;
      EXPECT_NEAR(mean_product(found.w[i], found.integral[j]), of_w_and_integral(s, t),
                  bound * std::sqrt(s * t * t * t / 3))
          << s << " " << t;
    }
  }
  // Of neighbours that only the smallest pieces tell apart, too.
  const std::vector<double> step = minus(found.w[4], found.w[3]);
  EXPECT_NEAR(mean_product(step, step), 6e-6, bound * 6e-6);
  EXPECT_NEAR(mean_product(step, found.w[3]), 0, bound * std::sqrt(6e-6 * 1.1));
}

TEST(BrownianPaths, ATimeHasOneNumber) {
  const std::vector<double> times = {0, 0.1, 0.25, 0.3333, 0.5, 0.50001, 0.875, 1};
  const PathNumbers ahead = paths_at(times, 1, 6);
  const std::vector<double> back(times.rbegin(), times.rend());
  const PathNumbers behind = paths_at(back, 1, 6), fewer = paths_at(times, 1, 3);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(ahead.w[i], behind.w[times.size() - 1 - i]);
    EXPECT_EQ(ahead.integral[i], behind.integral[times.size() - 1 - i]);
    for (std::size_t path = 0; path < 3; ++path) EXPECT_EQ(ahead.w[i][path], fewer.w[i][path]);
    const PathNumbers alone = paths_at({times[i]}, 1, 6);
    EXPECT_EQ(ahead.w[i], alone.w[0]);
    EXPECT_EQ(ahead.integral[i], alone.integral[0]);
  }
  EXPECT_NE(ahead.w.back(), paths_at({1}, 1, 6, 6).w[0]) << "another seed";
}

// The integral over [s, t] of a path that is known at many times between is its trapezoidal sum up to the parts of the
// bridges between: of variance h^3 / 12 for each step of h.
TEST(BrownianPaths, IntegralsAreThoseOfThePath) {
  constexpr std::size_t kSteps = 1000;
  std::vector<double> times;
  for (std::size_t i = 0; i <= kSteps; ++i) times.push_back(2.0 * static_cast<double>(i) / kSteps);
  const PathNumbers found = paths_at(times, 2, 4);
  const double h = 2.0 / kSteps, deviation = std::sqrt(kSteps * h * h * h / 12);
  for (std::size_t path = 0; path < 4; ++path) {
    double sum = 0;
    for (std::size_t i = 0; i < kSteps; ++i) sum += h * (found.w[i][path] + found.w[i + 1][path]) / 2;
    EXPECT_NEAR(found.integral.back()[path], sum, 5 * deviation);
  }
}

TEST(BrownianPlace, TimesUpToRoundingAreOne) {
  const internal::BrownianPlace third = internal::brownian_place(1.0 / 3, 0, 1);
  EXPECT_GT(third.part, 0);
  EXPECT_EQ(internal::brownian_place(0.1 + 0.2 + 0.2, 0, 1), internal::brownian_place(0.5, 0, 1));
  EXPECT_EQ(internal::brownian_place(5, 1, 5).piece, std::uint32_t{1} << internal::kBrownianDepth);
  EXPECT_EQ(internal::brownian_place(1, 1, 5), internal::BrownianPlace{});
}

}  // namespace
}  // namespace costate
