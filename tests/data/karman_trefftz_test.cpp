// The conformal map against published values, and the flow against what any potential flow must do.
#include "costate/data/karman_trefftz.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

/// The angle of the chord to the x axis of z, by a point that is known in both frames. Of Joukowski's airfoil, whose
/// trailing edge is z = 2, by the centre of its circle.
double incidence_of(const KarmanTrefftz& airfoil, std::complex<double> center) {
  const std::vector<double> place = {2};
  const std::complex<double> s = center + std::polar(std::abs(1.0 - center), place[0]);
  const HostArray point = airfoil.points(place);
  return std::arg((s + 1.0 / s - 2.0) / (std::complex<double>(point.at(0), point.at(1)) - 1.0));
}

/// A flat plate would have 2 pi sin(alpha); thickness adds R / (chord / 4). Chord 4.03333… of the symmetric Joukowski
/// airfoil with mu = -0.1, and its lift at 4 degrees, in 40 digits.
TEST(KarmanTrefftz, HasTheLiftOfTheSymmetricJoukowskiAirfoil) {
  const KarmanTrefftz airfoil({.center_y = 0, .trailing_edge_angle = 0});
  EXPECT_NEAR(airfoil.chord(), 1.2 + 1 / 1.2 + 2, 1e-12);
  EXPECT_NEAR(incidence_of(airfoil, -0.1), 0, 1e-12);
  EXPECT_NEAR(airfoil.lift(4 * kDegree), 0.47813766, 5e-9);
  const double step = 1e-5;
  EXPECT_NEAR(airfoil.lift_slope(0.1), (airfoil.lift(0.1 + step) - airfoil.lift(0.1 - step)) / (2 * step), 1e-8);
}

/// The flow's angle to the x axis of z is 4 degrees; the chord there is 4.02211559503 long.
TEST(KarmanTrefftz, HasTheLiftOfACamberedJoukowskiAirfoil) {
  const KarmanTrefftz airfoil({.center_x = -0.08, .center_y = 0.05, .trailing_edge_angle = 0});
  const double lift = airfoil.lift(4 * kDegree - incidence_of(airfoil, {-0.08, 0.05}));
  EXPECT_NEAR(lift * airfoil.chord(), 0.78242432329 * 4.02211559503, 1e-9);
  EXPECT_NEAR(airfoil.chord(), 4.02211559503, 1e-2);  // which is measured along x there
}

TEST(KarmanTrefftz, PlacesItsPointsByTheCosineRule) {
  const KarmanTrefftz airfoil;
  const std::vector<double> places = airfoil.cosine_places(40);
  const HostArray points = airfoil.points(places);
  ASSERT_EQ(points.shape()[0], 41);
  for (std::int64_t i = 0; i <= 40; ++i)
    EXPECT_NEAR(points(i, 0), (1 + std::cos(std::numbers::pi * static_cast<double>(i) / 20)) / 2, 1e-12);
  for (std::int64_t i = 1; i < 20; ++i) EXPECT_GT(points(i, 1), points(40 - i, 1));
  for (const std::int64_t end : {0, 40}) EXPECT_TRUE(points(end, 0) == 1 && points(end, 1) == 0);
  EXPECT_NEAR(points(20, 1), 0, 1e-12);
}

TEST(KarmanTrefftz, HasTheTrailingEdgeThatItWasAskedFor) {
  const KarmanTrefftz airfoil({.trailing_edge_angle = 18 * kDegree});
  const std::vector<double> places = airfoil.cosine_places(4000);
  const HostArray points = airfoil.points(places);
  const double upper = std::atan2(points(1, 1), 1 - points(1, 0)),
               lower = std::atan2(points(3999, 1), 1 - points(3999, 0));
  EXPECT_NEAR(upper - lower, 18 * kDegree, 0.2 * kDegree);
}

/// 1 at the stagnation point and nowhere more; the surface integral of the pressure is the lift, without drag.
TEST(KarmanTrefftz, HasAPressureWhoseForceIsItsLift) {
  for (const double edge : {0.0, 18.0}) {
    const KarmanTrefftz airfoil({.trailing_edge_angle = edge * kDegree});
    const double angle = 5 * kDegree;
    const std::vector<double> places = airfoil.cosine_places(8000);
    const HostArray points = airfoil.points(places);
    const std::vector<double> pressure = airfoil.pressure(places, angle);
    EXPECT_NEAR(*std::ranges::max_element(pressure), 1, 1e-4);
    EXPECT_LE(*std::ranges::max_element(pressure), 1);
    double along_x = 0, along_y = 0;
    for (std::int64_t i = 0; i < 8000; ++i) {
      const double mean = (pressure[static_cast<std::size_t>(i)] + pressure[static_cast<std::size_t>(i) + 1]) / 2;
      along_x -= mean * (points(i + 1, 1) - points(i, 1));
      along_y += mean * (points(i + 1, 0) - points(i, 0));
    }
    EXPECT_NEAR(along_y * std::cos(angle) - along_x * std::sin(angle), airfoil.lift(angle), 1e-4);
    EXPECT_NEAR(along_x * std::cos(angle) + along_y * std::sin(angle), 0, 1e-4);
  }
}

/// With a small margin the chord goes from -2 to 2: Joukowski's z = s + 1 / s.
TEST(KarmanTrefftzCoefficients, AreThoseOfJoukowskisMap) {
  const HostArray found =
      karman_trefftz_coefficients({.center_x = -0.1, .center_y = 0, .trailing_edge_angle = 0, .margin = 0.1});
  // 1 / (center + radius s) = sum_k (-center)^(k - 1) / (radius s)^k.
  const double radius = 1.1 * 1.1;
  EXPECT_NEAR(found.at(0), radius, 1e-15);
  for (const std::int64_t k : {1, 2, 3, 10}) {
    EXPECT_NEAR(found.at(k), std::pow(0.1, static_cast<double>(k - 1)) / std::pow(radius, static_cast<double>(k)),
                1e-13);
    EXPECT_NEAR(found.at(24 + k), 0, 1e-13);
  }
}

/// ((z - n) / (z + n)) = ((s - 1) / (s + 1))^n of Karman and Trefftz, at points of the outline.
TEST(KarmanTrefftzCoefficients, GiveTheOutlineOfTheMap) {
  constexpr std::int64_t kModes = 80;
  const RoundedKarmanTrefftz options{.trailing_edge_angle = 20 * kDegree, .margin = 0.3, .modes = kModes};
  const HostArray found = karman_trefftz_coefficients(options);
  const double exponent = 2 - 20.0 / 180;
  const std::complex<double> center(options.center_x, options.center_y);
  for (const double angle : {0.0, 0.7, 2.9, 4.4}) {
    const std::complex<double> s = center + std::polar(found.at(0), angle);
    std::complex<double> z = std::polar(found.at(0), angle);
    for (std::int64_t k = 1; k <= kModes; ++k)
      z += std::complex(found.at(k), found.at(kModes + k)) * std::polar(1.0, -static_cast<double>(k) * angle);
    // The series has no constant term: its origin is the mean of the outline.
    z += center;
    EXPECT_NEAR(std::abs((z - exponent) / (z + exponent) - std::pow((s - 1.0) / (s + 1.0), exponent)), 0, 1e-9);
  }
}

TEST(KarmanTrefftz, RefusesOtherOptions) {
  EXPECT_ERROR(KarmanTrefftz({.center_x = 0.1}), InvalidArgument, "center_x must be from -0.5");
  EXPECT_ERROR(KarmanTrefftz({.trailing_edge_angle = -0.1}), InvalidArgument, "trailing_edge_angle must be");
  EXPECT_ERROR(KarmanTrefftz().cosine_places(7), InvalidArgument, "must be even");
  EXPECT_ERROR(karman_trefftz_coefficients({.margin = 0}), InvalidArgument, "the margin must be positive");
  EXPECT_ERROR(karman_trefftz_coefficients({.center_x = 0.1}), InvalidArgument, "center_x must be from -0.5");
  EXPECT_ERROR(karman_trefftz_coefficients({.modes = 0}), InvalidArgument, "modes must be at least 1; got 0");
}

}  // namespace
}  // namespace costate
