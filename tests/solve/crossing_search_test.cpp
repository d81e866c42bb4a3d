// Roots of functions of one time, found by CrossingSearch.
#include "costate/solve/control/crossing_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

namespace costate {
namespace {

constexpr double kTolerance = 1e-14, kSearchRounding = 1e-13;

struct Curve {
  std::function<double(double)> g, rate;
};

struct Found {
  double t;
  double sign_after;
  int probes;
};

std::optional<Found> search(const Curve& curve, double from, double to, double sign, Crossing wanted = Crossing::kAny) {
  CrossingSearch search;
  search.start({.from = {from, curve.g(from), curve.rate(from)},
                .to = {to, curve.g(to), curve.rate(to)},
                .sign = sign,
                .direction = to > from ? 1.0 : -1.0,
                .tolerance = kTolerance,
                .rounding = kSearchRounding},
               wanted);
  int probes = 0;
  for (; search.wants_probe(); ++probes) search.take(curve.g(search.probe_time()), curve.rate(search.probe_time()));
  if (!search.found()) return std::nullopt;
  return Found{search.crossing().t, search.sign_after(), probes};
}

const Curve kParabola{[](double t) { return (t - 1) * (t - 3); }, [](double t) { return 2 * t - 4; }};
const Curve kSineCurve{[](double t) { return std::sin(t); }, [](double t) { return std::cos(t); }};

TEST(CrossingSearch, FindsASignThatChanges) {
  const auto found = search(kParabola, 0, 2, 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->t, 1, 2 * kTolerance);
  EXPECT_EQ(found->sign_after, -1);
  EXPECT_LE(found->probes, 3);
  const auto back = search(kSineCurve, 4, 2, -1);  // backward in time
  ASSERT_TRUE(back);
  EXPECT_NEAR(back->t, std::acos(-1.0), 2 * kTolerance);
  EXPECT_EQ(back->sign_after, 1);
  EXPECT_LE(back->probes, 6);
}

TEST(CrossingSearch, FindsTheFirstOfTwoCrossingsOrTheOneThatIsWanted) {
  EXPECT_NEAR(search(kParabola, 0, 4, 1)->t, 1, 2 * kTolerance);
  EXPECT_NEAR(search(kParabola, 0, 4, 1, Crossing::kFalling)->t, 1, 2 * kTolerance);
  EXPECT_NEAR(search(kParabola, 0, 4, 1, Crossing::kRising)->t, 3, 2 * kTolerance);
  EXPECT_NEAR(search(kSineCurve, 0.5, 6.9, 1)->t, std::acos(-1.0), 2 * kTolerance);
  EXPECT_FALSE(search(kParabola, 0, 2, 1, Crossing::kRising));
}

TEST(CrossingSearch, WhatComesToZeroAndRestsCrossesWhereItComesToIt) {
  const Curve clipped{[](double t) { return std::max(1 - t, 0.0); }, [](double t) { return t < 1 ? -1.0 : 0.0; }};
  const auto found = search(clipped, 0, 3, 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->t, 1, 2 * kTolerance);
  EXPECT_FALSE(search(clipped, found->t + 1e-9, 3, found->sign_after));  // and no second time
  const Curve step{[](double t) { return t < 1 ? 1.0 : 0.0; }, [](double) { return 0.0; }};
  EXPECT_NEAR(search(step, 0, 3, 1)->t, 1, 2 * kTolerance);
  const auto at_the_end =
      search({[](double t) { return (t - 1) * (t - 1); }, [](double t) { return 2 * (t - 1); }}, 0, 1, 1);
  EXPECT_NEAR(at_the_end->t, 1, 2 * kTolerance);
}

TEST(CrossingSearch, ARootThatTouchesIsOneOfNoDirection) {
  const Curve touch{[](double t) { return (t - 1) * (t - 1); }, [](double t) { return 2 * (t - 1); }};
  const auto found = search(touch, 0, 3, 1);
  ASSERT_TRUE(found);
  EXPECT_NEAR(found->t, 1, 1e-6);
  EXPECT_EQ(found->sign_after, 1);
  EXPECT_FALSE(search(touch, 0, 3, 1, Crossing::kFalling));
  const Curve above{[](double t) { return (t - 1) * (t - 1) + 1e-9; }, [](double t) { return 2 * (t - 1); }};
  EXPECT_FALSE(search(above, 0, 3, 1));
}

TEST(CrossingSearch, StartsAtARootAndGoesOnToTheNext) {
  EXPECT_NEAR(search(kParabola, 1, 4, -1)->t, 3, 2 * kTolerance);
  EXPECT_FALSE(search(kParabola, 3, 9, 1));
  // Rounding has left the sign of before: the crossing is where the interval begins.
  const Curve late{[](double t) { return -t - 1e-18; }, [](double) { return -1.0; }};
  EXPECT_NEAR(search(late, 0, 1, 1)->t, 0, 2 * kTolerance);
}

TEST(CrossingSearch, NeedsNoSlope) {
  const Curve root{[](double t) { return std::cbrt(t - 0.3); },
                   [](double) { return std::numeric_limits<double>::quiet_NaN(); }};
  EXPECT_NEAR(search(root, 0, 1, -1)->t, 0.3, 2 * kTolerance);
}

TEST(CrossingSearch, ANaNFails) {
  CrossingSearch search;
  const EventPoint from{0, 1, -1}, to{1, -1, -1};
  search.start({.from = from, .to = to, .sign = 1, .tolerance = kTolerance, .rounding = kSearchRounding},
               Crossing::kAny);
  ASSERT_TRUE(search.wants_probe());
  search.take(std::numeric_limits<double>::quiet_NaN(), 0);
  EXPECT_TRUE(search.failed());
  EXPECT_FALSE(search.wants_probe());
}

}  // namespace
}  // namespace costate
