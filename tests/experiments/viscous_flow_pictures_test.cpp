// The length of a wake and streamlines, of made-up flows whose own are known.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "experiments/airfoil-viscous/cylinder.h"
#include "experiments/airfoil-viscous/streamlines.h"

namespace costate::experiments {
namespace {

/// psi as a function of the plane on a grid around the circle.
FoundViscousFlow flow_of(const PolarGrid& grid, const std::function<double(double x, double y)>& stream) {
  FoundViscousFlow flow{.grid = grid,
                        .points = HostArray(Shape{grid.rings + 1, grid.angles, 2}),
                        .state = {},
                        .stream = HostArray(Shape{grid.rings + 1, grid.angles}),
                        .vorticity = HostArray(Shape{grid.rings + 1, grid.angles}),
                        .pressure = {}};
  for (std::int64_t ring = 0; ring <= grid.rings; ++ring)
    for (std::int64_t j = 0; j < grid.angles; ++j) {
      const double theta = grid.angle(static_cast<double>(j));
      const double x = grid.radius(ring) * std::cos(theta), y = grid.radius(ring) * std::sin(theta);
      flow.points.set({ring, j, 0}, x);
      flow.points.set({ring, j, 1}, y);
      flow.stream.set({ring, j}, stream(x, y));
    }
  return flow;
}

const PolarGrid kGrid{.rings = 60, .angles = 64, .outer_radius = 20};

/// psi = y (x - 3) has u = x - 3 on the axis.
TEST(WakeLength, EndsWhereTheVelocityOnTheAxisTurns) {
  EXPECT_NEAR(wake_length(flow_of(kGrid, [](double x, double y) { return y * (x - 3); })), (3.0 - 1) / 2, 0.01);
  EXPECT_EQ(wake_length(flow_of(kGrid, [](double, double y) { return y; })), 0);
}

/// Of psi = y, which is linear, streamlines lie at the height of their level, in pieces of two points and a gap.
TEST(Streamline, LiesWherePsiIsItsLevel) {
  const Curve curve = streamline({.color = 2}, flow_of(kGrid, [](double, double y) { return y; }), 0.7);
  ASSERT_GT(curve.y.size(), 30U);
  ASSERT_EQ(curve.y.size() % 3, 0U);
  for (std::size_t i = 0; i < curve.y.size(); ++i) {
    if (i % 3 == 2)
      EXPECT_TRUE(std::isnan(curve.y[i]));
    else
      EXPECT_NEAR(curve.y[i], 0.7, 1e-12);
  }
}

TEST(CylinderStudy, ReadsItsOrderOffThreeGrids) {
  CylinderStudy study{.published = published_cylinders()[0], .flows = {}, .rows = {}, .farther = {}};
  for (const std::int64_t angles : {16, 32, 64}) {
    const PolarGrid grid{.rings = 16, .angles = angles};
    FoundViscousFlow flow = flow_of(grid, [](double, double y) { return y; });
    const double spacing = 1 / static_cast<double>(angles);
    for (std::int64_t j = 0; j < angles; ++j)
      flow.vorticity.set({0, j}, std::cos(grid.angle(static_cast<double>(j))) * (1 + spacing * spacing));
    study.flows.push_back(flow);
    study.rows.push_back({.reynolds = 20,
                          .grid = grid,
                          .unknowns = 0,
                          .drag = 0,
                          .lift = 0,
                          .wake = 1 + spacing * spacing * spacing,
                          .factorizations = 0});
  }
  EXPECT_NEAR(study.vorticity_order(), 2, 1e-9);
  EXPECT_NEAR(study.wake_order(), 3, 1e-9);
}

}  // namespace
}  // namespace costate::experiments
