// Solves of numbers that stand on the card, emulated on the host, beside those of the host's.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <numeric>

#include "costate/cuda/internal/device_array.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/device.h"
#include "tests/cuda/solve_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using internal::DeviceArray;

template <class T>
void expect_the_same_there(const VectorField& field, const HostArray& z0, const HostArray& times,
                           const SolveOptions& options, const std::vector<HostArray>& arguments) {
  internal::KernelDevice& device = test::card();
  const Solution here = solve_on(Device::kCuda, field, z0, times, options, arguments);
  const auto start = internal::on_device<T>(device, z0);
  const DeviceArray<T> states(device, static_cast<std::size_t>(here.states.size()));
  std::vector<DeviceArray<T>> given;
  std::vector<DeviceNumbers> numbers;
  for (const HostArray& argument : arguments)
    numbers.push_back({given.emplace_back(internal::on_device<T>(device, argument)).address(), argument.shape()});
  const DeviceSolve there{.z0 = {start.address(), z0.shape()},
                          .states = {states.address(), here.states.shape()},
                          .arguments = numbers,
                          .stream = 77};
  const Solution solved = solve_there(field, there, times, options);
  EXPECT_TRUE(HostArray(here.states.shape(), states.numbers()).same_bits(here.states));
  EXPECT_EQ(solved.status, here.status);
  EXPECT_EQ(solved.accepted, here.accepted);
  EXPECT_EQ(solved.nfe, here.nfe);
  EXPECT_EQ(solved.advice, here.advice);
  EXPECT_EQ(solved.states.size(), 0);
  if (test::stand_in() == nullptr) return;
  EXPECT_EQ(test::of_stand_in<std::atomic<void*>>("costate_stand_in_stream"), reinterpret_cast<void*>(77));
}

TEST(SolveThere, HasTheBitsOfASolveOfTheHostsNumbers) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  if (test::stand_in() == nullptr) GTEST_SKIP() << "a stream of this name is the stand-in's";
  const HostArray starts = test::drawn({40, 2}, -2, 2, 3), mu = test::drawn({40}, 0.2, 4, 3),
                  grid = HostArray::linspace(0, 3, 8);
  expect_the_same_there<double>(test::oscillator(), starts, grid, {}, {mu});
  expect_the_same_there<float>(test::oscillator(), starts.astype(Dtype::kF32), grid,
                               {.rtol = 1e-4, .dtype = Dtype::kF32}, {mu.astype(Dtype::kF32)});
  // Weights that all share are transposed on the card; the guard's tangents read what their own plans make of them.
  const VectorField net =
      vector_field({2}, {{"w", {16, 2}, InputKind::kShared}, {"v", {2, 16}, InputKind::kShared}, {"gain", {}}},
                   [](Array t, Array z, Array w, Array v, Array gain) {
                     return gain * matmul(exp(v * 0.5), tanh(matmul(w, z))) * cos(t) - z;
                   });
  const HostArray w = test::drawn({16, 2}, -1, 1, 4), v = test::drawn({2, 16}, -1, 1, 5);
  for (const GradientSteps steps : {GradientSteps::kOff, GradientSteps::kOn}) {
    expect_the_same_there<double>(net, starts, grid, {.gradient_steps = steps}, {w, v, mu});
    expect_the_same_there<float>(net, starts.astype(Dtype::kF32), grid,
                                 {.rtol = 1e-4, .gradient_steps = steps, .dtype = Dtype::kF32},
                                 {w.astype(Dtype::kF32), v.astype(Dtype::kF32), mu.astype(Dtype::kF32)});
  }
  // Knots of each sample's own, which the host reads, and values that all share.
  HostArray knots(Shape{40, 3});
  for (std::int64_t i = 0; i < knots.size(); ++i)
    knots.set(i, static_cast<double>(i % 3) + 0.01 * static_cast<double>(i));
  const VectorField held = vector_field(
      {2}, {{"knots", {3}}, {"values", {3, 2}, InputKind::kShared}},
      [](Array t, Array z, Array at, Array values) { return interpolate(at, values, t, Interpolation::kHold) - z; });
  expect_the_same_there<double>(held, starts, grid, {}, {knots, test::drawn({3, 2}, -1, 1, 3)});
}

TEST(SolveThere, CopiesNoWeights) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  internal::KernelDevice& device = test::card();
  if (test::stand_in() == nullptr) GTEST_SKIP() << "counts what the stand-in copies";
  const VectorField field =
      vector_field({64}, {{"w", {64, 64}, InputKind::kShared}}, [](Array, Array z, Array w) { return matmul(w, z); });
  const DeviceArray<double> start(device, std::vector<double>(64, 1.0)), states(device, 2 * 64),
      weights(device, std::vector<double>(64 * 64, -1.0 / 64));
  const std::vector<DeviceNumbers> arguments = {{weights.address(), {64, 64}}};
  auto& copied = test::of_stand_in<std::atomic<std::size_t>>("costate_stand_in_copied");
  const std::size_t before = copied;
  solve_there(field,
              {.z0 = {start.address(), {1, 64}}, .states = {states.address(), {1, 2, 64}}, .arguments = arguments},
              HostArray::vector({0, 1}));
  EXPECT_LT(copied - before, 64 * 64 * sizeof(double));
  EXPECT_NEAR(states.numbers().back(), std::exp(-1.0), 1e-6);
}

TEST(SolveThere, CopiesNeitherStatesNorStarts) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  internal::KernelDevice& device = test::card();
  if (test::stand_in() == nullptr) GTEST_SKIP() << "counts what the stand-in copies";
  const VectorField field = vector_field({64}, [](Array, Array z) { return -z; });
  const std::size_t batch = 500;
  const HostArray times = HostArray::linspace(0, 1, 20);
  const DeviceArray<double> start(device, std::vector<double>(batch * 64, 1.0)), states(device, batch * 20 * 64);
  auto& copied = test::of_stand_in<std::atomic<std::size_t>>("costate_stand_in_copied");
  const std::size_t before = copied;
  const auto rows = static_cast<std::int64_t>(batch);
  solve_there(field, {.z0 = {start.address(), {rows, 64}}, .states = {states.address(), {rows, 20, 64}}}, times);
  EXPECT_LT(copied - before, batch * 64 * sizeof(double) / 2);
  EXPECT_NEAR(states.numbers().back(), std::exp(-1.0), 1e-6);
}

TEST(SolveThere, RefusesWhatDoesNotFit) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return -z; });
  const HostArray times = HostArray::vector({0, 1});
  EXPECT_ERROR(solve_there(field, {.z0 = {8, {3, 4}}, .states = {8, {3, 2, 2}}}, times), ShapeError,
               "[solve] z0 must have shape [batch] + [2]; got [3, 4].");
  EXPECT_ERROR(solve_there(field, {.z0 = {8, {3, 2}}, .states = {8, {3, 1, 2}}}, times), ShapeError,
               "[solve] states must have shape [3, 2, 2]; got [3, 1, 2].");
  EXPECT_ERROR(solve_there(field, {.z0 = {0, {3, 2}}, .states = {8, {3, 2, 2}}}, times), InvalidArgument,
               "[solve] numbers on a card have an address; got 0.");
}

}  // namespace
}  // namespace costate
