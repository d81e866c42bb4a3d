#include "costate/data/densities.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "costate/base/error.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using std::numbers::pi;

constexpr std::int64_t kCount = 20000;

struct Estimate {
  double mean;
  double deviation_of_mean;
};

/// The mean of `value` over the samples, and how far such a mean strays.
Estimate estimate(const std::string& density, const std::function<double(double x, double y)>& value) {
  const HostArray samples = sample_density(density, {.seed = 5, .count = kCount});
  double sum = 0, square_sum = 0;
  for (std::int64_t i = 0; i < kCount; ++i) {
    const double term = value(samples.at(2 * i), samples.at(2 * i + 1));
    sum += term;
    square_sum += term * term;
  }
  const double mean = sum / kCount;
  return {mean, std::sqrt((square_sum / kCount - mean * mean) / kCount)};
}

/// Five standard deviations: one false alarm in a million.
void expect_mean(const std::string& density, const std::function<double(double x, double y)>& value, double truth) {
  const Estimate found = estimate(density, value);
  EXPECT_NEAR(found.mean, truth, 5 * found.deviation_of_mean) << density;
}

double square_radius(double x, double y) { return x * x + y * y; }

/// Radii r with E r^2 known, plus noise of deviation s in both coordinates: E |z|^2 = E r^2 + 2 s^2.
TEST(Densities, HaveTheMomentsOfTheirFormulas) {
  expect_mean("circles", square_radius, 9 * ((1 + 0.25) / 2 + 2 * 0.08 * 0.08));
  expect_mean("rings", square_radius, 0.75 * 0.75 * (1 + 4 + 9 + 16) / 4 + 2 * 0.08 * 0.08);
  expect_mean("8gaussians", square_radius, (16 + 2 * 0.25) / (1.414 * 1.414));
  // angle uniform on [1.5 pi, 4.5 pi]: E angle^2 = (4.5^3 - 1.5^3) / (3 * 3) pi^2.
  expect_mean("swissroll", square_radius, ((91.125 - 3.375) / 9 * pi * pi + 2) / 25);
  // radius (1 + 0.3 n)^2 + (0.1 n)^2, times 4.
  expect_mean("pinwheel", square_radius, 4 * (1 + 0.09 + 0.01));
  expect_mean("checkerboard", square_radius, 2 * 16.0 / 3);
  // x of the upper moon: 2 cos - 1; of the lower: 2 (1 - cos) - 1. y: E sin = 2 / pi.
  expect_mean(
      "moons", [](double x, double) { return x; }, 0);
  expect_mean(
      "moons", [](double, double y) { return y; }, 2 * (0.5 * 2 / pi + 0.5 * (0.5 - 2 / pi)) - 0.2);
  expect_mean(
      "2spirals", [](double x, double) { return x; }, 0);
}

TEST(Densities, TwoSpiralsHaveTheRadiusOfTheirAngle) {
  // The square root makes angle^2 uniform on [0, 9 pi^2]. The shift by (u, v) / 2 adds E u (-angle cos) + E v angle sin
  // and 2 / 12; E angle sin angle and E angle cos angle follow from the density 2 angle / (9 pi^2) on [0, 3 pi]:
  // int a^2 sin a = [2 a sin a - (a^2 - 2) cos a] = 9 pi^2 - 4, int a^2 cos a = [2 a cos a + (a^2 - 2) sin a] = -6 pi.
  const double scale = 2 / (9 * pi * pi);
  const double cross = 0.5 * scale * (9 * pi * pi - 4) + 0.5 * scale * 6 * pi;
  expect_mean("2spirals", square_radius, (9 * pi * pi / 2 + cross + 2.0 / 12) / 9 + 2 * 0.01);
}

TEST(Densities, StayInTheirRange) {
  const HostArray board = sample_density("checkerboard", {.count = 2000});
  for (std::int64_t i = 0; i < 2000; ++i) {
    const double x = board.at(2 * i);
    const double y = board.at(2 * i + 1);
    EXPECT_LE(std::max(std::abs(x), std::abs(y)), 4);
    EXPECT_EQ(static_cast<int>(std::floor(x / 2) + std::floor(y / 2)) % 2, 0) << x << " " << y;
  }
  const HostArray circles = sample_density("circles", {.count = 2000});
  for (std::int64_t i = 0; i < 2000; ++i) {
    const double radius = std::hypot(circles.at(2 * i), circles.at(2 * i + 1));
    // Six deviations of 3 x 0.08.
    EXPECT_LT(std::min(std::abs(radius - 3), std::abs(radius - 1.5)), 1.44);
  }
}

TEST(Densities, ASampleDependsOnSeedAndIndexAlone) {
  for (const std::string& name : density_names()) {
    const HostArray all = sample_density(name, {.seed = 1, .count = 10});
    const HostArray tail = sample_density(name, {.seed = 1, .first = 6, .count = 4});
    for (std::int64_t i = 0; i < 8; ++i) EXPECT_EQ(tail.at(i), all.at(12 + i)) << name;
    EXPECT_FALSE(sample_density(name, {.seed = 2, .count = 10}).same_bits(all)) << name;
  }
}

TEST(Densities, RefuseBadArguments) {
  EXPECT_ERROR(sample_density("moon", {.count = 1}), InvalidArgument, "unknown density 'moon'; did you mean 'moons'?");
  EXPECT_ERROR(sample_density("moons", {.count = -1}), InvalidArgument, "must be 0 or more");
}

}  // namespace
}  // namespace costate
