// Each density is one function from a sample's dice to a point.
#include "costate/data/densities.h"

#include <array>
#include <cmath>
#include <numbers>

#include "costate/base/error.h"
#include "costate/base/random.h"

namespace costate {
namespace {

using std::numbers::pi;

struct Point {
  double x;
  double y;
};

/// The random numbers of one sample, drawn one after the other.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t sample) : random_(seed), sample_(sample) {}
  double uniform() { return random_.uniform(sample_, index_++); }
  double normal() { return random_.normal(sample_, index_++); }
  /// One of 0 … count - 1.
  int choice(std::uint64_t count) { return static_cast<int>(random_.below(sample_, index_++, count)); }

 private:
  Random random_;
  std::uint64_t sample_;
  std::uint64_t index_ = 0;
};

Point add_noise(Point point, Dice& dice, double deviation) {
  point.x += deviation * dice.normal();
  point.y += deviation * dice.normal();
  return point;
}

Point on_circle(double radius, double angle) { return {radius * std::cos(angle), radius * std::sin(angle)}; }

Point swissroll(Dice& dice) {
  const double angle = 1.5 * pi * (1 + 2 * dice.uniform());
  const Point point = add_noise(on_circle(angle, angle), dice, 1);
  return {point.x / 5, point.y / 5};
}

Point circles(Dice& dice) {
  const double radius = dice.choice(2) == 0 ? 1 : 0.5;
  const Point point = add_noise(on_circle(radius, 2 * pi * dice.uniform()), dice, 0.08);
  return {3 * point.x, 3 * point.y};
}

Point rings(Dice& dice) {
  const double radius = 0.75 * (1 + dice.choice(4));
  return add_noise(on_circle(radius, 2 * pi * dice.uniform()), dice, 0.08);
}

Point moons(Dice& dice) {
  const bool is_upper = dice.choice(2) == 0;
  const Point arc = on_circle(1, pi * dice.uniform());
  const Point point = add_noise(is_upper ? arc : Point{1 - arc.x, 0.5 - arc.y}, dice, 0.1);
  return {2 * point.x - 1, 2 * point.y - 0.2};
}

Point eight_gaussians(Dice& dice) {
  const Point point = add_noise(on_circle(4, pi / 4 * dice.choice(8)), dice, 0.5);
  constexpr double kScale = 1.414;
  return {point.x / kScale, point.y / kScale};
}

Point pinwheel(Dice& dice) {
  const int blade = dice.choice(5);
  const double radial = 1 + 0.3 * dice.normal();
  const double tangential = 0.1 * dice.normal();
  const double angle = 2 * pi / 5 * blade + 0.25 * std::exp(radial);
  return {2 * (radial * std::cos(angle) + tangential * std::sin(angle)),
          2 * (-radial * std::sin(angle) + tangential * std::cos(angle))};
}

Point two_spirals(Dice& dice) {
  const double angle = 3 * pi * std::sqrt(dice.uniform());
  const double side = dice.choice(2) == 0 ? 1 : -1;
  const double x = -angle * std::cos(angle) + 0.5 * dice.uniform();
  const double y = angle * std::sin(angle) + 0.5 * dice.uniform();
  return add_noise({side * x / 3, side * y / 3}, dice, 0.1);
}

Point checkerboard(Dice& dice) {
  const double x = 4 * dice.uniform() - 2;
  const double row = dice.uniform() - 2 * dice.choice(2);
  const bool is_odd_column = std::abs(std::fmod(std::floor(x), 2)) == 1;
  return {2 * x, 2 * (row + (is_odd_column ? 1 : 0))};
}

struct Density {
  const char* name;
  Point (*sample)(Dice& dice);
};

constexpr std::array kDensities = {Density{"swissroll", swissroll},
                                   Density{"circles", circles},
                                   Density{"rings", rings},
                                   Density{"moons", moons},
                                   Density{"8gaussians", eight_gaussians},
                                   Density{"pinwheel", pinwheel},
                                   Density{"2spirals", two_spirals},
                                   Density{"checkerboard", checkerboard}};

}  // namespace

std::vector<std::string> density_names() {
  std::vector<std::string> names;
  for (const Density& density : kDensities) names.emplace_back(density.name);
  return names;
}

HostArray sample_density(const std::string& name, const SampleRange& range) {
  if (range.first < 0 || range.count < 0)
    throw InvalidArgument("[sample_density] first and count must be 0 or more; got ", range.first, " and ", range.count,
                          ".");
  for (const Density& density : kDensities) {
    if (density.name != name) continue;
    HostArray samples(Shape{range.count, 2});
    for (std::int64_t i = 0; i < range.count; ++i) {
      Dice dice(range.seed, static_cast<std::uint64_t>(range.first + i));
      const Point point = density.sample(dice);
      samples.set(2 * i, point.x);
      samples.set(2 * i + 1, point.y);
    }
    return samples;
  }
  throw InvalidArgument("[sample_density] ", text::unknown_name("density", name, density_names()));
}

}  // namespace costate
