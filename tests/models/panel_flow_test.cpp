// Panels against the conformal map of Karman-Trefftz airfoils, their derivatives, and outlines that they refuse.
#include "costate/models/panel_flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "costate/data/karman_trefftz.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/models/airfoil_shape.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

struct FoundFlow {
  std::vector<double> pressure;
  double lift, drag, moment;
};

FoundFlow flow_past(const HostArray& points, double angle) {
  const Function flow = trace(
      [](Array outline, Array alpha) {
        const PanelFlow found = panel_flow(outline, alpha);
        return std::vector<Array>{found.pressure, found.lift, found.drag, found.moment};
      },
      {{"points", points.shape()}, {"angle", {}}});
  const RunResult found = compile(flow).run(
      {points.reshape(points.shape().with_first(1)), HostArray(Shape{1}, std::vector<double>{angle})});
  return {found.outputs[0].numbers(), found.outputs[1].at(0), found.outputs[2].at(0), found.outputs[3].at(0)};
}

/// The largest error of the pressure over the first 98 % of the chord.
double pressure_error(const KarmanTrefftz& airfoil, std::int64_t panels, double angle) {
  const std::vector<double> places = airfoil.cosine_places(panels);
  const HostArray points = airfoil.points(places);
  const std::vector<double> exact = airfoil.pressure(places, angle), found = flow_past(points, angle).pressure;
  double largest = 0;
  for (std::size_t i = 0; i < exact.size(); ++i)
    if (points.at(2 * static_cast<std::int64_t>(i)) < 0.98) largest = std::max(largest, std::abs(found[i] - exact[i]));
  return largest;
}

TEST(PanelFlow, ComesToTheExactPressureWithTheSquareOfThePanels) {
  for (const double edge : {5.0, 18.0}) {
    const KarmanTrefftz airfoil({.trailing_edge_angle = edge * kDegree});
    const double coarse = pressure_error(airfoil, 100, 4 * kDegree), fine = pressure_error(airfoil, 200, 4 * kDegree);
    EXPECT_GT(std::log2(coarse / fine), 1.8) << edge << " degrees: " << coarse << " and " << fine;
  }
}

TEST(PanelFlow, HasTheExactLiftAndNoDrag) {
  const KarmanTrefftz airfoil;
  for (const double angle : {-3 * kDegree, 5 * kDegree}) {
    const FoundFlow found = flow_past(airfoil.points(airfoil.cosine_places(200)), angle);
    EXPECT_NEAR(found.lift, airfoil.lift(angle), 2e-4);
    EXPECT_NEAR(found.drag, 0, 1e-3 * std::abs(found.lift));
  }
}

/// By the trapezoidal rule over the exact pressure at many points.
TEST(PanelFlow, HasTheMomentOfTheExactPressure) {
  const KarmanTrefftz airfoil;
  const double angle = 5 * kDegree;
  const std::vector<double> places = airfoil.cosine_places(4000);
  const HostArray points = airfoil.points(places);
  const std::vector<double> pressure = airfoil.pressure(places, angle);
  double moment = 0;
  for (std::int64_t i = 0; i + 1 < points.shape()[0]; ++i) {
    const double x = (points(i, 0) + points(i + 1, 0)) / 2, y = (points(i, 1) + points(i + 1, 1)) / 2;
    const double mean = (pressure[static_cast<std::size_t>(i)] + pressure[static_cast<std::size_t>(i) + 1]) / 2;
    moment -= mean * ((x - 0.25) * (points(i + 1, 0) - points(i, 0)) + y * (points(i + 1, 1) - points(i, 1)));
  }
  EXPECT_LT(moment, -0.1);  // camber turns the nose down
  EXPECT_NEAR(flow_past(airfoil.points(airfoil.cosine_places(200)), angle).moment, moment, 2e-3 * std::abs(moment));
}

TEST(PanelFlow, TakesACuspToo) {
  const KarmanTrefftz joukowski({.center_x = -0.08, .center_y = 0.05, .trailing_edge_angle = 0});
  const FoundFlow found = flow_past(joukowski.points(joukowski.cosine_places(200)), 4 * kDegree);
  EXPECT_NEAR(found.lift, joukowski.lift(4 * kDegree), 1e-3);
}

Function loss_of(const AirfoilShape& shape) {
  return trace(
      [&](Array coefficients, Array angle) {
        const Array points = shape.points(coefficients);
        const PanelFlow flow = panel_flow(points, angle);
        return flow.lift + 2.0 * flow.moment + 0.1 * sum(square(flow.pressure)) + outline_area(points);
      },
      {{"coefficients", {shape.num_coefficients()}}, {"angle", {}}});
}

const std::vector<HostArray> kAt = {HostArray(Shape{1, 4}, std::vector<double>{0.2, 0.15, -0.1, -0.12}),
                                    HostArray(Shape{1}, std::vector<double>{0.07})};

TEST(PanelFlow, HasDerivativesBothWays) {
  const Function loss = loss_of(AirfoilShape({.panels = 20, .modes = 2}));
  testing::check_execution(loss, kAt, 1e-11);
  testing::check_derivatives(loss, kAt, 1e-7);
}

TEST(PanelFlow, FactorizesOnceForItsValueAndGradient) {
  const RunResult found = compile(value_and_grad(loss_of(AirfoilShape({.panels = 40, .modes = 2})))).run(kAt);
  EXPECT_EQ(found.report.factorizations, 1);
}

TEST(PanelFlow, RefusesOtherShapes) {
  const auto traced = [](const Shape& points, const Shape& angle) {
    trace([](Array outline, Array alpha) { return panel_flow(outline, alpha).lift; },
          {{"points", points}, {"angle", angle}});
  };
  EXPECT_ERROR(traced({21, 3}, {}), ShapeError, "points must be [n + 1, 2]");
  EXPECT_ERROR(traced({21, 2}, {1}), ShapeError, "the angle must be a scalar");
  EXPECT_ERROR(traced({10, 2}, {}), InvalidArgument, "needs at least 10 panels; got 9");
}

TEST(OutlineArea, IsThatOfAnEllipse) {
  HostArray points(Shape{1, 2001, 2});
  for (std::int64_t i = 0; i <= 2000; ++i) {
    points.set({0, i, 0}, 0.5 + 0.5 * std::cos(2 * std::numbers::pi * static_cast<double>(i) / 2000));
    points.set({0, i, 1}, 0.1 * std::sin(2 * std::numbers::pi * static_cast<double>(i) / 2000));
  }
  const Function area = trace([](Array outline) { return outline_area(outline); }, {{"points", {2001, 2}}});
  EXPECT_NEAR(compile(area).run({points}).outputs[0].at(0), std::numbers::pi * 0.05, 1e-6);
}

HostArray good_outline() { return KarmanTrefftz().points(KarmanTrefftz().cosine_places(20)); }

TEST(CheckOutline, TakesAnAirfoil) { EXPECT_NO_THROW(check_outline(good_outline())); }

TEST(CheckOutline, RefusesWhatPanelsCannotTake) {
  HostArray twice = good_outline(), crossed = good_outline(), open = good_outline(), infinite = good_outline();
  for (const std::int64_t axis : {0, 1}) twice.set({5, axis}, twice(4, axis));
  crossed.set({6, 1}, -0.3);
  open.set({20, 1}, -0.01);
  infinite.set({3, 0}, HUGE_VAL);
  HostArray reversed = good_outline();
  for (std::int64_t i = 0; i <= 20; ++i)
    for (const std::int64_t axis : {0, 1}) reversed.set({i, axis}, good_outline()(20 - i, axis));
  EXPECT_ERROR(check_outline(twice), InvalidArgument, "panel 4 has no length");
  EXPECT_ERROR(check_outline(crossed), InvalidArgument, "the outline crosses itself: panel 5");
  EXPECT_ERROR(check_outline(open), InvalidArgument, "the trailing edge must be closed");
  EXPECT_ERROR(check_outline(infinite), InvalidArgument, "point 3 is not finite");
  EXPECT_ERROR(check_outline(reversed), InvalidArgument, "go round clockwise");
  EXPECT_ERROR(check_outline(good_outline().slice(0, 5)), InvalidArgument, "needs at least 10 panels; got 4");
  EXPECT_ERROR(check_outline(HostArray::vector({1, 2})), ShapeError, "points must be [n + 1, 2]");
}

}  // namespace
}  // namespace costate
