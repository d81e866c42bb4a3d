#include "costate/data/spirals.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {
namespace {

constexpr double kEnd = 6 * std::numbers::pi;
constexpr std::int64_t kGrid = 500;
constexpr double kStep = kEnd / (kGrid - 1);

enum Stream : std::uint64_t { kStart, kChoice, kNoise };

std::array<double, 2> point(bool is_clockwise, double t) {
  const double angle = is_clockwise ? kEnd + 1 - t : t;
  const double radius = is_clockwise ? 15 / angle : 0.3 * t;
  return {radius * std::cos(angle) + (is_clockwise ? -5 : 5), radius * std::sin(angle)};
}

/// n of kSpiralWindow points without replacement, ascending: the first n of a shuffle.
std::vector<std::int64_t> choose(const Random& random, std::int64_t sample, std::int64_t n) {
  std::vector<std::int64_t> points(kSpiralWindow);
  for (std::int64_t i = 0; i < kSpiralWindow; ++i) points[static_cast<std::size_t>(i)] = i;
  for (std::int64_t i = 0; i < n; ++i) {
    const std::uint64_t other = random.below(kChoice, static_cast<std::uint64_t>(sample * kSpiralWindow + i),
                                             static_cast<std::uint64_t>(kSpiralWindow - i));
    std::swap(points[static_cast<std::size_t>(i)], points[static_cast<std::size_t>(i) + other]);
  }
  points.resize(static_cast<std::size_t>(n));
  std::sort(points.begin(), points.end());
  return points;
}

void check(const SpiralOptions& options) {
  if (options.count < 1 || options.observed < 1 || options.observed > kSpiralWindow)
    throw InvalidArgument("[spirals] count must be at least 1 and observed 1 to ", kSpiralWindow, "; got ",
                          options.count, " and ", options.observed, ".");
  if (options.first_start < kSpiralWindow || options.last_start < options.first_start ||
      options.last_start + 2 * kSpiralWindow > kGrid)
    throw InvalidArgument("[spirals] windows must start between points ", kSpiralWindow, " and ",
                          kGrid - 2 * kSpiralWindow, ", first_start not behind last_start; got ", options.first_start,
                          " and ", options.last_start, ".");
  if (!(options.noise >= 0) || !std::isfinite(options.noise))
    throw InvalidArgument("[spirals] noise must be 0 or more; got ", options.noise, ".");
}

}  // namespace

Spirals spirals(const SpiralOptions& options) {
  check(options);
  const std::int64_t n = options.observed;
  Spirals all{.times = HostArray(Shape{options.count, n}),
              .observations = HostArray(Shape{options.count, n, 2}),
              .truth = HostArray(Shape{options.count, 3 * kSpiralWindow, 2}),
              .grid = {}};
  for (std::int64_t i = 0; i < 3 * kSpiralWindow; ++i)
    all.grid.push_back(kStep * static_cast<double>(i - kSpiralWindow));
  const Random random(options.seed);
  for (std::int64_t sample = 0; sample < options.count; ++sample) {
    const auto starts = static_cast<std::uint64_t>(options.last_start - options.first_start + 1);
    const std::int64_t start = options.first_start + static_cast<std::int64_t>(random.below(
                                                         kStart, static_cast<std::uint64_t>(sample), starts));
    const bool is_clockwise = sample % 2 == 0;
    for (std::int64_t i = 0; i < 3 * kSpiralWindow; ++i)
      for (std::int64_t k = 0; k < 2; ++k)
        all.truth.set(
            (sample * 3 * kSpiralWindow + i) * 2 + k,
            point(is_clockwise, kStep * static_cast<double>(start - kSpiralWindow + i))[static_cast<std::size_t>(k)]);
    const std::vector<std::int64_t> chosen = choose(random, sample, n);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t at = kSpiralWindow + chosen[static_cast<std::size_t>(i)];
      all.times.set(sample * n + i, all.grid[static_cast<std::size_t>(at)]);
      for (std::int64_t k = 0; k < 2; ++k) {
        const std::int64_t cell = (sample * n + i) * 2 + k;
        all.observations.set(cell, all.truth.at((sample * 3 * kSpiralWindow + at) * 2 + k) +
                                       options.noise * random.normal(kNoise, static_cast<std::uint64_t>(cell)));
      }
    }
  }
  return all;
}

}  // namespace costate
