// The delay embedding with inputs, with a net whose answer is known.
#include "costate/models/driven_delays.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/solve/solve.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// No hidden layer: dz/dt = rate W [z, u(t), u(t + 1), v(t), v(t + 1)].
DrivenDelays linear_model(std::vector<double> weights, double rate) {
  const DrivenDelays model({.delays = 2, .inputs = 2, .hidden = {}, .rate = rate});
  model.net().parameters()[0].set_value(HostArray(Shape{2, 6}, std::move(weights)));
  return model;
}

/// u = t and v = 10 - t at the samples -1 … 8.
std::vector<HostArray> ramps() {
  HostArray times(Shape{1, 10}), values(Shape{1, 10, 2});
  for (std::int64_t i = 0; i < 10; ++i) {
    times.set(i, static_cast<double>(i - 1));
    values.set(2 * i, static_cast<double>(i - 1));
    values.set(2 * i + 1, static_cast<double>(11 - i));
  }
  return {times, values};
}

TEST(DrivenDelays, SeesEachInputNowAndASampleLater) {
  // z0' = 0.5 (u(t) + 100 v(t)), z1' = 0.5 (u(t + 1) + 100 v(t + 1)), integrated over [0, 4] by hand.
  const DrivenDelays model = linear_model({0, 0, 1, 0, 100, 0, 0, 0, 0, 1, 0, 100}, 0.5);
  for (const Interpolation interpolation : {Interpolation::kLinear, Interpolation::kCubic}) {
    const std::vector<HostArray> arguments = ramps();
    const Solution solution = solve(model.field(10, interpolation), HostArray(Shape{1, 2}), HostArray::vector({0, 4}),
                                    {.rtol = 1e-12, .atol = 1e-12}, arguments);
    EXPECT_NEAR(solution.states.at(2), 0.5 * (8 + 100 * (40 - 8)), 1e-8);
    EXPECT_NEAR(solution.states.at(3), 0.5 * (12 + 100 * (40 - 12)), 1e-8);
  }
}

TEST(DrivenDelays, WithoutInputsEffectIsLinear) {
  const DrivenDelays model = linear_model({0, 1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0}, 1);  // a rotation
  const std::vector<HostArray> arguments = ramps();
  const Solution solution = solve(model.field(10), HostArray(Shape{1, 2}, std::vector<double>{1, 0}),
                                  HostArray::vector({0, 2}), {.rtol = 1e-12, .atol = 1e-12}, arguments);
  EXPECT_NEAR(solution.states.at(2), std::cos(2), 1e-9);
  EXPECT_NEAR(solution.states.at(3), -std::sin(2), 1e-9);
}

TEST(DrivenDelays, RefusesNoInputs) {
  EXPECT_ERROR(DrivenDelays({.delays = 2, .inputs = 0}), InvalidArgument, "at least 1; got 2 and 0");
}

/// y = sin(0.3 i), driven by u = i and v = 10 - i.
DrivenSeries series_of(std::int64_t count) {
  DrivenSeries series{HostArray(Shape{count}), HostArray(Shape{count, 2})};
  for (std::int64_t i = 0; i < count; ++i) {
    series.y.set(i, std::sin(0.3 * static_cast<double>(i)));
    series.inputs.set({i, 0}, static_cast<double>(i));
    series.inputs.set({i, 1}, static_cast<double>(10 - i));
  }
  return series;
}

TEST(DrivenDelays, WindowsHoldDelayedStatesAndTheInputsAroundThem) {
  const DrivenDelays model({.delays = 2, .inputs = 2});
  const DrivenSeries series = series_of(20);
  const TrajectoryWindows windows = model.windows(series, {.first = 3, .count = 11}, 5);
  ASSERT_EQ(windows.states.shape(), (Shape{3, 5, 2}));  // at 3, 5 and 7
  EXPECT_EQ(windows.states(1, 4, 1), series.y(5 + 4 + 1));
  EXPECT_EQ(windows.arguments[0][1].numbers(), (std::vector<double>{-1, 0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(windows.arguments[1](2, 0, 0), 6);
  EXPECT_EQ(model.windows(series, {.first = 0, .count = 20}, 18).arguments[1](0, 0, 0), 0);  // held before the start
  EXPECT_ERROR(model.windows(series, {.first = 3, .count = 6}, 5), InvalidArgument, "got 5 of 6");
  EXPECT_ERROR(model.windows(series, {.first = 10, .count = 11}, 5), InvalidArgument,
               "samples 10 … 20; the series has 20");
  EXPECT_ERROR(model.windows({series.y, series.y}, {.count = 11}, 5), ShapeError, "inputs [sample, input]");
}

TEST(DrivenDelays, RunsFromItsFirstSamplesUnderTheInputs) {
  // z0' = u(t), so z0 = y_4 + 4 t + t^2 / 2 from sample 4 on: rk4 is exact.
  const DrivenDelays model = linear_model({0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0}, 1);
  const DrivenSeries series = series_of(20);
  const HostArray found = model.run(series, {.first = 4, .count = 6});
  ASSERT_EQ(found.shape(), (Shape{6}));
  for (std::int64_t i = 0; i < 6; ++i) {
    const auto t = static_cast<double>(i);
    EXPECT_NEAR(found(i), series.y(4) + 4 * t + t * t / 2, 1e-12);
  }
  EXPECT_ERROR(model.run(series, {.first = 19, .count = 3}), InvalidArgument, "a run needs samples 19 … 20");
}

}  // namespace
}  // namespace costate
