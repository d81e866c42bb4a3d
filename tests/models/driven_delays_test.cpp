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

}  // namespace
}  // namespace costate
