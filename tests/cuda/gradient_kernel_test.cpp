// Gradients of whole solves as kernels, emulated on the host, beside those of the CPU's program.
#include "costate/adjoint/internal/cuda/gradient_kernel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "costate/adjoint/internal/cuda/device_gradient.h"
#include "costate/cuda/internal/cuda_source.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/nn/nn.h"
#include "costate/solve/solve.h"
#include "tests/cuda/emulated_device.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::size_t kGradientLanes = 8;
constexpr std::int64_t kGradientBatch = 19;

struct GradientCase {
  std::string name;
  VectorField field;
  HostArray z0, times;
  SolveOptions options;
  std::vector<HostArray> arguments = {};
};

HostArray random_numbers(const Shape& shape, double low, double high, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> draw(low, high);
  HostArray array(shape);
  for (std::int64_t i = 0; i < array.size(); ++i) array.set(i, draw(random));
  return array;
}

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> cases;
  const Mlp net({.inputs = 3, .hidden = {12}, .outputs = 3, .seed = 2});
  const VectorField driven = vector_field(
      {3}, {{"gain", {}}}, [&](Array t, Array z, Array gain) { return gain * net(z) * cos(t * 3.0) - 0.1 * z; });
  const HostArray z0 = random_numbers({kGradientBatch, 3}, -1, 1, 1),
                  gain = random_numbers({kGradientBatch}, 0.5, 2, 2);
  const auto add = [&](const std::string& name, const HostArray& times, SolveOptions options) {
    options.gradient_steps = GradientSteps::kOff;
    cases.push_back({name, driven, z0, times, options, {gain}});
  };
  const HostArray grid = HostArray::linspace(-1, 2, 9);
  add("dopri5_f64", grid, {.rtol = 1e-4, .atol = 1e-5});
  add("dopri5_f32", grid, {.rtol = 1e-4, .atol = 1e-5, .dtype = Dtype::kF32});
  add("dopri8_f64", HostArray::vector({2, 2, 1, -1, -1}), {.method = Method::kDopri8});
  add("rk4_f64", grid, {.method = Method::kRk4, .steps_per_interval = 3});
  add("bosh3_f64", HostArray::vector({0, 3}), {.method = Method::kBosh3, .rtol = 1e-8, .atol = 1e-9});  // > 64 steps
  const VectorField parts = vector_field({{"x", {2}}, {"v", {1}}}, [](Array, std::span<const Array> z) {
    return std::vector<Array>{concat({z[1], z[0].slice(0, 1)}), -sum(z[0] * z[0]) * z[1]};
  });
  HostArray broken = z0;
  broken.set({4, 0}, std::numeric_limits<double>::quiet_NaN());
  cases.push_back({"parts_f64", parts, broken, grid, {.gradient_steps = GradientSteps::kOff}});
  return cases;
}

/// The CPU's: states, then gradients of the sum of states times cotangents by z0, the arguments and the Parameters.
std::vector<HostArray> expected_gradient(const GradientCase& given, const HostArray& cotangents) {
  std::vector<ArgumentSpec> specs = {{"z0", {given.z0.shape()[1]}}};
  std::vector<std::size_t> wrt = {0};
  for (std::size_t i = 0; i < given.arguments.size(); ++i) {
    specs.push_back({text::concat("argument", i), given.arguments[i].shape().without_first()});
    wrt.push_back(i + 1);
  }
  specs.push_back({"cotangents", {given.times.size(), given.z0.shape()[1]}});
  const Function loss = trace_list(specs, [&](std::span<const Array> inputs) {
    const Array states =
        solve(given.field, inputs[0], constant(given.times), given.options, inputs.subspan(1, given.arguments.size()));
    return std::vector<Array>{sum(states * inputs[specs.size() - 1]), states};
  });
  const std::vector<Parameter> parameters = loss.parameters();
  std::vector<HostArray> inputs = {given.z0};
  inputs.insert(inputs.end(), given.arguments.begin(), given.arguments.end());
  inputs.push_back(cotangents);
  std::vector<HostArray> all;
  const auto keep = [&](const Function& gradient, bool with_states) {
    const RunResult result = compile(gradient, {.dtype = given.options.dtype}).run(inputs);
    if (with_states) all.push_back(result.outputs[1]);
    all.insert(all.end(), result.outputs.begin() + 2, result.outputs.end());
  };
  keep(value_and_grad(loss, wrt), true);
  if (!parameters.empty()) keep(value_and_grad(loss, parameters), false);
  return all;
}

void expect_close(const HostArray& got, const HostArray& expected, double tolerance, const char* what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  double largest = 0, off = 0;
  for (std::int64_t i = 0; i < got.size(); ++i) {
    if (std::isnan(expected.at(i)) && std::isnan(got.at(i))) continue;
    largest = std::max(largest, std::abs(expected.at(i)));
    off = std::max(off, std::isnan(got.at(i)) ? HUGE_VAL : std::abs(got.at(i) - expected.at(i)));
  }
  EXPECT_GT(largest, 0) << what;
  EXPECT_LE(off, tolerance * largest) << what;
}

TEST(GradientKernel, IsTheDiscreteAdjointOfTheStepsTaken) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  const std::vector<GradientCase> cases = gradient_cases();
  internal::CudaSource source(32);
  std::vector<internal::DeviceGradientProblem> problems;
  std::vector<internal::DeviceGradientKernels> kernels;
  for (const GradientCase& given : cases) {
    problems.emplace_back(given.field, given.options);
    kernels.push_back(
        internal::add_solve_with_gradient(source, given.name, problems.back(), kGradientLanes, 227 * 1024));
  }
  test::EmulatedDevice device;
  const auto module = device.load(source.text());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const GradientCase& given = cases[i];
    SCOPED_TRACE(given.name);
    const internal::HostBatch batch{.z0 = given.z0,
                                    .times = given.times,
                                    .arguments = given.arguments,
                                    .sizes = {.batch = static_cast<std::size_t>(kGradientBatch),
                                              .times = static_cast<std::size_t>(given.times.size()),
                                              .times_are_shared = true,
                                              .state = given.z0.shape().without_first()}};
    const HostArray cotangents = random_numbers({kGradientBatch, given.times.size(), given.z0.shape()[1]}, -1, 1, 3);
    const auto run = [&](bool backwards) {
      device.backwards = backwards;
      return internal::run_solve_with_gradient(device, *module, kernels[i], problems[i], kGradientLanes, given.field,
                                               batch, cotangents);
    };
    const internal::DeviceGradient got = run(false), again = run(true);
    const std::vector<HostArray> expected = expected_gradient(given, cotangents);
    const double tolerance = given.options.dtype == Dtype::kF32 ? 3e-6 : 1e-14;
    expect_close(got.states, expected.at(0), 0, "states");
    expect_close(got.start, expected.at(1), tolerance, "z0");
    ASSERT_EQ(got.arguments.size() + 2, expected.size());
    EXPECT_TRUE(again.start.same_bits(got.start));
    for (std::size_t k = 0; k < got.arguments.size(); ++k) {
      expect_close(got.arguments[k], expected[k + 2], 10 * tolerance, text::concat("argument ", k).c_str());
      EXPECT_TRUE(again.arguments[k].same_bits(got.arguments[k])) << k;
    }
  }
}

TEST(GradientKernel, RefusesStepsThatTheGuardWouldJudge) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return -z; });
  EXPECT_ERROR(internal::DeviceGradientProblem(field, {}), NotSupported,
               "device = cuda does not have gradient_steps = 'auto' yet, steps that are fit to be differentiated; take "
               "'off', or solve on the CPU (device = cpu).");
}

}  // namespace
}  // namespace costate
