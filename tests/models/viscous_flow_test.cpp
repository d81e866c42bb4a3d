// Viscous flows against symmetries, similarity, published drag and differences.
#include "costate/models/viscous_flow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "costate/check/check_gradient.h"
#include "costate/graph/trace.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using std::numbers::pi;

const PolarGrid kCoarse{.rings = 20, .angles = 32};
const HostArray kCircle = HostArray::vector({1}), kEllipse = HostArray::vector({1, 0.3, 0.1});
constexpr double kRounding = 1e-9;  // Newton's tolerance; the last correction is its square

FoundViscousFlow flow_past(const HostArray& coefficients, double angle, double reynolds,
                           const PolarGrid& grid = kCoarse) {
  return find_viscous_flow(grid, coefficients, angle, {.reynolds = reynolds});
}

/// Fornberg 1980: 2.00; the coarse grid's error is a few per cent.
TEST(ViscousFlow, HasThePublishedDragOfACylinder) {
  const FoundViscousFlow flow = flow_past(kCircle, 0, 20, {.rings = 40, .angles = 48});
  EXPECT_NEAR(flow.drag, 2.0, 0.06);
  EXPECT_NEAR(flow.lift, 0, kRounding);
  // Half of the drag and more is that of the pressure, which is highest in front.
  EXPECT_GT(flow.pressure.at(24), 1.0);
}

TEST(ViscousFlow, IsSymmetricWhereTheShapeIs) {
  const FoundViscousFlow flow = flow_past(HostArray::vector({1, 0.3, 0}), 0, 30);
  EXPECT_NEAR(flow.lift, 0, kRounding);
  for (std::int64_t ring = 0; ring <= kCoarse.rings; ++ring)
    for (std::int64_t j = 1; j < kCoarse.angles; ++j)
      EXPECT_NEAR(flow.stream(ring, j), -flow.stream(ring, kCoarse.angles - j), 1e-8 * kCoarse.outer_radius);
}

TEST(ViscousFlow, OfTheMirroredShapeHasTheOppositeLift) {
  const FoundViscousFlow flow = flow_past(kEllipse, 0.1, 20),
                         mirrored = flow_past(HostArray::vector({1, 0.3, -0.1}), -0.1, 20);
  EXPECT_NEAR(flow.drag, mirrored.drag, kRounding);
  EXPECT_NEAR(flow.lift, -mirrored.lift, kRounding);
  EXPECT_GT(std::abs(flow.lift), 0.05);
}

/// The shape turned against the free stream is the free stream turned against the shape: c e^(2 i phi) with evenly
/// spaced angles, of which phi is one.
TEST(ViscousFlow, TurnsWithItsShape) {
  const PolarGrid even{.rings = 20, .angles = 48, .outer_radius = 40, .focus = 0};
  const double phi = even.angle(2);
  const HostArray turned = HostArray::vector({1, 0.3 * std::cos(2 * phi), 0.3 * std::sin(2 * phi)});
  const FoundViscousFlow one = flow_past(HostArray::vector({1, 0.3, 0}), phi, 10, even),
                         other = flow_past(turned, 2 * phi, 10, even);
  EXPECT_NEAR(one.drag, other.drag, kRounding);
  EXPECT_NEAR(one.lift, other.lift, kRounding);
}

/// Of twice the size in a fluid twice as viscous all is the same; coefficients are by the same length.
TEST(ViscousFlow, DependsOnTheReynoldsNumberAlone) {
  const FoundViscousFlow one = flow_past(kEllipse, 0, 20), large = flow_past(HostArray::vector({2, 0.6, 0.2}), 0, 10);
  EXPECT_NEAR(large.drag, 2 * one.drag, kRounding);
  EXPECT_NEAR(large.lift, 2 * one.lift, kRounding);
}

/// Far in front of the shape the flow is the free stream.
TEST(ViscousFlow, BeginsAsTheFreeStream) {
  const FoundViscousFlow flow = flow_past(kCircle, 0, 20);
  const std::int64_t ring = kCoarse.rings - 2, front = kCoarse.angles / 2;
  for (const std::int64_t j : {front - 4, front + 4})
    EXPECT_NEAR(flow.stream(ring, j) / flow.points(ring, j, 1), 1, 0.03);
  for (std::int64_t far = 7; far <= kCoarse.rings; ++far) EXPECT_LT(std::abs(flow.vorticity(far, front)), 1e-2);
}

/// Of three grids, each half as fine again: differences of a method of order 2 fall by 1.5^2, at the angles that all
/// have. The drag, a sum over them, comes at least as fast.
TEST(ViscousFlow, ConvergesWithTheSquareOfTheSpacings) {
  std::vector<FoundViscousFlow> flows;
  for (const std::int64_t scale : {4, 6, 9})
    flows.push_back(flow_past(kEllipse, 0.1, 10, {.rings = 5 * scale, .angles = 8 * scale, .outer_radius = 20}));
  const auto order_of = [](double coarse, double fine) { return std::log(std::abs(coarse / fine)) / std::log(1.5); };
  double coarse = 0, fine = 0;  // sums of squares over the angles
  for (std::int64_t j = 0; j < 8; ++j) {
    const double middle = flows[1].vorticity(0, 6 * j);
    coarse += std::pow(flows[0].vorticity(0, 4 * j) - middle, 2);
    fine += std::pow(flows[2].vorticity(0, 9 * j) - middle, 2);
  }
  EXPECT_NEAR(order_of(std::sqrt(coarse), std::sqrt(fine)), 2, 0.1);
  EXPECT_GT(order_of(flows[0].drag - flows[1].drag, flows[1].drag - flows[2].drag), 1.9);
}

TEST(ViscousFlow, HasTheGradientOfDifferences) {
  const PolarGrid grid{.rings = 12, .angles = 16, .outer_radius = 40};
  const HostArray start = flow_past(kEllipse, 0.1, 10, grid).state;
  const Function force = trace(
      [&](Array numbers, Array angle, Array guess) {
        const ViscousFlow flow = viscous_flow(laurent_map(grid, numbers), angle, guess, {.reynolds = 10});
        return flow.drag + 0.7 * flow.lift + 0.1 * flow.pressure[5];
      },
      {{"numbers", {3}}, {"angle", {}}, {"guess", {viscous_flow_size(grid)}}});
  const std::vector<HostArray> at = {kEllipse.reshape({1, 3}), HostArray::vector({0.1}),
                                     start.reshape({1, start.size()})};
  const GradientCheck check = check_gradient(force, at, {.wrt = {0, 1}});
  EXPECT_TRUE(check.ok) << check.text();
  for (const InputCheck& input : check.inputs)
    EXPECT_NEAR(input.gradient, input.difference, 1e-7 * (1 + std::abs(input.difference))) << check.text();
}

TEST(ViscousFlow, RefusesWhatItCannotSolve) {
  EXPECT_ERROR(flow_past(kCircle, 0, 0), InvalidArgument, "the Reynolds number must be positive; got 0");
  EXPECT_ERROR(flow_past(kCircle, 0, -3), InvalidArgument, "the Reynolds number must be positive; got -3");
  EXPECT_ERROR(flow_past(HostArray::vector({1, 0, 0, 0.6, 0, 0, 0}), 0, 20), InvalidArgument, "crosses or touches");
  EXPECT_ERROR(flow_past(HostArray::vector({1, 0.995, 0}), 0, 20), InvalidArgument, "is too sharp");
  EXPECT_ERROR(flow_past(kCircle, 0, 20, {.rings = 2}), InvalidArgument, "at least 8 rings");
  EXPECT_ERROR(flow_past(kCircle, 0, 1e6), SolveFailed, "found no steady flow at Reynolds number 1000000");
  const auto traced = [](const Shape& angle, const Shape& guess) {
    trace([](Array alpha, Array start) { return viscous_flow(laurent_map(kCoarse, ones({1})), alpha, start).drag; },
          {{"angle", angle}, {"guess", guess}});
  };
  EXPECT_ERROR(traced({1}, {viscous_flow_size(kCoarse)}), ShapeError, "the angle must be a scalar");
  EXPECT_ERROR(traced({}, {7}), ShapeError, "the guess must be the state of a flow on the same grid");
}

}  // namespace
}  // namespace costate
