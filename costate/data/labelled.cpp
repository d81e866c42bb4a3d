#include "costate/data/labelled.h"

#include <cmath>
#include <numbers>
#include <string>

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {

namespace {

void check_range(const std::string& function, const SampleRange& range) {
  if (range.first < 0 || range.count < 0)
    throw InvalidArgument("[", function, "] first and count must not be negative; got ", range.first, " and ",
                          range.count, ".");
}

}  // namespace

LabelledPoints two_spirals(const SampleRange& range) {
  check_range("two_spirals", range);
  constexpr double kRadius = 2, kNoise = 0.06;
  LabelledPoints made{HostArray(Shape{range.count, 2}), HostArray(Shape{range.count, 2})};
  const Random random(range.seed);
  for (std::int64_t i = 0; i < range.count; ++i) {
    const std::int64_t sample = range.first + i;
    const auto row = static_cast<std::uint64_t>(sample);
    const double along = std::sqrt(random.uniform(row, 0)), angle = 3 * std::numbers::pi * along;
    const double radius = (sample % 2 == 0 ? kRadius : -kRadius) * along;
    made.points.set(2 * i, radius * std::cos(angle) + kNoise * random.normal(row, 1));
    made.points.set(2 * i + 1, radius * std::sin(angle) + kNoise * random.normal(row, 2));
    made.classes.set(2 * i + sample % 2, 1);
  }
  return made;
}

LabelledPoints concentric_circles(const SampleRange& range) {
  check_range("concentric_circles", range);
  LabelledPoints made{HostArray(Shape{range.count, 2}), HostArray(Shape{range.count, 2})};
  const Random random(range.seed);
  for (std::int64_t i = 0; i < range.count; ++i) {
    const std::int64_t sample = range.first + i;
    const auto row = static_cast<std::uint64_t>(sample);
    const bool is_outside = sample % 3 != 0;
    const double radius = (is_outside ? 1.0 : 0.0) + 0.5 * random.uniform(row, 0),
                 angle = 2 * std::numbers::pi * random.uniform(row, 1);
    made.points.set(2 * i, radius * std::cos(angle));
    made.points.set(2 * i + 1, radius * std::sin(angle));
    made.classes.set(2 * i + (is_outside ? 1 : 0), 1);
  }
  return made;
}

}  // namespace costate
