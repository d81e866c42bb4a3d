// Fits whose training's solves run on a card, emulated on the host, beside the same fits on the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/series/fit.h"
#include "costate/train/trajectory_fit.h"
#include "tests/cuda/test_card.h"
#include "tests/series/series.h"

namespace costate {
namespace {

/// The decay, and one that an input drives.
TimeSeries driven_decay(std::size_t samples) {
  std::vector<double> times, states, inputs;
  double x = 1;
  for (std::size_t i = 0; i < samples; ++i) {
    times.push_back(0.1 * static_cast<double>(i));
    inputs.push_back(std::sin(times.back()));
    states.push_back(x);
    x += 0.1 * (inputs.back() - x);
  }
  return series_of({trajectory(times, states, inputs)});
}

FitResult fit_on(Device device, const TimeSeries& series, GradientSteps gradient_steps) {
  FitConfig config = config_of(series);
  config.model.memory = {1};  // a hidden state, whose start a net computes
  config.epochs = 6;
  config.polish = 2;
  config.model.solve.gradient_steps = gradient_steps;
  return fit(series, config, {.device = device});
}

void expect_the_same_fit(const TimeSeries& series, GradientSteps steps) {
  const FitResult here = fit_on(Device::kCpu, series, steps), there = fit_on(Device::kCuda, series, steps);
  const std::vector<Parameter> expected = here.model().parameters(), got = there.model().parameters();
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    for (std::int64_t k = 0; k < expected[i].value().size(); ++k)
      EXPECT_NEAR(got[i].value().at(k), expected[i].value().at(k), 1e-7) << expected[i].name();
  ASSERT_EQ(there.training.history.size(), here.training.history.size());
  EXPECT_EQ(there.training.history.back().nfe_forward, here.training.history.back().nfe_forward);
  EXPECT_NE(there.training.history.back().nfe_backward, here.training.history.back().nfe_backward)
      << "the card evaluates each stage again, and the CPU has kept them";
}

TEST(DeviceFit, FindsTheWeightsThatTheCpuFinds) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  for (const GradientSteps steps : {GradientSteps::kAuto, GradientSteps::kOff}) expect_the_same_fit(decay(30), steps);
}

TEST(DeviceFit, OfADrivenSystemFindsTheWeightsThatTheCpuFinds) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  expect_the_same_fit(driven_decay(30), GradientSteps::kAuto);
}

TEST(DeviceFit, OfTrajectoriesFindsTheWeightsThatTheCpuFinds) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  HostArray states(Shape{3, 8, 1});
  for (std::int64_t i = 0; i < states.size(); ++i)
    states.set(i, (1 + static_cast<double>(i / 8)) * std::exp(-0.1 * static_cast<double>(i % 8)));
  const auto fitted = [&](Device device) {
    const Parameter rate("rate", HostArray(Shape{}, std::vector<double>{0.3}));
    const VectorField field = vector_field({1}, [&](Array, Array z) { return -Array(rate) * z; });
    fit_trajectories(field, {rate}, cut_windows(states, 0.1, {.length = 4}),
                     {.train = {.epochs = 5}, .device = device});
    return rate.value().at(0);
  };
  const double expected = fitted(Device::kCpu);
  EXPECT_NE(expected, 0.3);
  EXPECT_NEAR(fitted(Device::kCuda), expected, 1e-11);
}

}  // namespace
}  // namespace costate
