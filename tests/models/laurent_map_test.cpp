// Maps of shapes against closed forms, and what is no shape.
#include "costate/models/laurent_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "costate/data/karman_trefftz.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using std::numbers::pi;

const PolarGrid kGrid{.rings = 16, .angles = 24, .outer_radius = 10};

std::vector<HostArray> mapped(const HostArray& coefficients) {
  const Function map = trace(
      [](Array numbers) {
        const MappedGrid grid = laurent_map(kGrid, numbers);
        return std::vector<Array>{grid.x, grid.y, grid.x_slope, grid.y_slope, laurent_area(numbers)};
      },
      {{"coefficients", coefficients.shape()}});
  std::vector<HostArray> found;
  for (const HostArray& output : compile(map).run({coefficients.reshape(coefficients.shape().with_first(1))}).outputs)
    found.push_back(output.size() == 1 ? output : output[0]);
  return found;
}

/// z = s + c / s maps circles to ellipses of half axes r + c / r and r - c / r.
TEST(LaurentMap, OfOneTermHasEllipsesForRings) {
  const auto found = mapped(HostArray::vector({1, 0.4, 0}));
  for (const std::int64_t ring : {0, 5, 16})
    for (std::int64_t j = 0; j < kGrid.angles; ++j) {
      const double r = kGrid.radius(ring);
      EXPECT_NEAR(std::hypot(found[0](ring, j) / (r + 0.4 / r), found[1](ring, j) / (r - 0.4 / r)), 1, 1e-14);
    }
  EXPECT_NEAR(found[4].at(0), pi * 1.4 * 0.6, 1e-14);
}

TEST(LaurentMap, HasTheSlopesOfItsSeries) {
  const HostArray coefficients = HostArray::vector({1.2, 0.2, -0.05, 0.1, 0.07});  // two terms
  const auto found = mapped(coefficients);
  const std::complex<double> c1(0.2, 0.1), c2(-0.05, 0.07);
  for (const std::int64_t ring : {0, 7})
    for (const std::int64_t j : {0, 5, 13}) {
      const auto s = std::polar(kGrid.radius(ring), kGrid.angle(static_cast<double>(j)));
      const auto z = 1.2 * s + c1 / s + c2 / (s * s), slope = 1.2 * s - c1 / s - 2.0 * c2 / (s * s);
      EXPECT_NEAR(std::abs(z - std::complex(found[0](ring, j), found[1](ring, j))), 0, 1e-13);
      EXPECT_NEAR(std::abs(slope - std::complex(found[2](ring, j), found[3](ring, j))), 0, 1e-13);
    }
}

TEST(LaurentMap, TakesAnAirfoilWithARoundEdge) { EXPECT_NO_THROW(check_laurent_shape(karman_trefftz_coefficients())); }

TEST(LaurentMap, RefusesWhatIsNoShape) {
  EXPECT_ERROR(check_laurent_shape(HostArray::vector({1, 0.2})), ShapeError, "must be a vector of odd length");
  EXPECT_ERROR(check_laurent_shape(HostArray::vector({0, 0.2, 0})), InvalidArgument, "R, the first coefficient");
  EXPECT_ERROR(check_laurent_shape(HostArray::vector({1, std::numeric_limits<double>::quiet_NaN(), 0})),
               InvalidArgument, "coefficient 1 must be finite");
  // A hypotrochoid with loops.
  EXPECT_ERROR(check_laurent_shape(HostArray::vector({1, 0, 0, 0.6, 0, 0, 0})), InvalidArgument,
               "the outline crosses or touches itself");
  EXPECT_ERROR(check_laurent_shape(HostArray::vector({1, 0.995, 0})), InvalidArgument, "is too sharp");
  EXPECT_ERROR(check_polar_grid({.rings = 4}), InvalidArgument, "at least 8 rings");
  EXPECT_ERROR(check_polar_grid({.focus = 1}), InvalidArgument, "a focus from 0 to 0.95");
}

}  // namespace
}  // namespace costate
