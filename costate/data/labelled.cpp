#include "costate/data/labelled.h"

#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {

HostArray one_hot(const HostArray& labels, std::int64_t classes) {
  HostArray vectors(Shape{labels.size(), classes});
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const double label = labels.at(i);
    if (!(label >= 0 && label < static_cast<double>(classes)) || std::floor(label) != label)
      throw DataError("[one_hot] labels must be whole numbers from 0 to ", classes - 1, "; number ", i, " is ", label,
                      ".");
    vectors.set({i, static_cast<std::int64_t>(label)}, 1);
  }
  return vectors;
}

LabelledPoints two_spirals(const SampleRange& range) {
  if (range.first < 0 || range.count < 0)
    throw InvalidArgument("[two_spirals] first and count must not be negative; got ", range.first, " and ", range.count,
                          ".");
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

}  // namespace costate
