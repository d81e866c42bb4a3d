// Class and shape functions: their ends, a closed form, and what they refuse.
#include "costate/models/airfoil_shape.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "costate/models/panel_flow.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

HostArray points_of(const AirfoilShape& shape, std::vector<double> coefficients) {
  const Function points = trace([&](Array a) { return shape.points(a); }, {{"a", {shape.num_coefficients()}}});
  const auto count = static_cast<std::int64_t>(coefficients.size());
  return compile(points).run({HostArray(Shape{1, count}, std::move(coefficients))}).outputs[0][0];
}

/// Bernstein polynomials add up to 1: equal coefficients leave the class function.
TEST(AirfoilShape, OfEqualCoefficientsIsItsClassFunction) {
  const AirfoilShape shape({.panels = 30, .modes = 5});
  const HostArray points = points_of(shape, {0.2, 0.2, 0.2, 0.2, 0.2, -0.1, -0.1, -0.1, -0.1, -0.1});
  for (std::int64_t i = 0; i <= 30; ++i) {
    const double x = points(i, 0);
    EXPECT_NEAR(points(i, 1), (i <= 15 ? 0.2 : -0.1) * std::sqrt(x) * (1 - x), 1e-15);
  }
  EXPECT_EQ(points(15, 0), 0);
  EXPECT_NO_THROW(check_outline(points));
}

TEST(AirfoilShape, HasBernsteinPolynomialsAsModes) {
  const AirfoilShape shape({.panels = 20, .modes = 4});
  const HostArray points = points_of(shape, {0, 0, 1, 0, 0, 0, 0, 0});
  const double x = points(4, 0);
  EXPECT_NEAR(points(4, 1), std::sqrt(x) * (1 - x) * 3 * x * x * (1 - x), 1e-15);
}

TEST(AirfoilShape, HasTheThicknessOfItsOutline) {
  const AirfoilShape shape({.panels = 20, .modes = 2});
  const std::vector<double> positions = {shape.positions()[3], shape.positions()[6]};
  const Function thickness = trace([&](Array a) { return shape.thickness(a, positions); }, {{"a", {4}}});
  const HostArray found =
      compile(thickness).run({HostArray(Shape{1, 4}, std::vector<double>{0.2, 0.3, -0.1, 0.05})}).outputs[0];
  const HostArray points = points_of(shape, {0.2, 0.3, -0.1, 0.05});
  EXPECT_NEAR(found.at(0), points(3, 1) - points(17, 1), 1e-15);
  EXPECT_NEAR(found.at(1), points(6, 1) - points(14, 1), 1e-15);
}

TEST(AirfoilShape, RefusesOptionsAndShapes) {
  EXPECT_ERROR(AirfoilShape({.panels = 21}), InvalidArgument, "panels must be even");
  EXPECT_ERROR(AirfoilShape({.modes = 0}), InvalidArgument, "modes at least 1");
  EXPECT_ERROR(trace([](Array a) { return AirfoilShape().points(a); }, {{"a", {23}}}), ShapeError,
               "needs 24 coefficients");
}

}  // namespace
}  // namespace costate
