// Gradients of whole solves as kernels, emulated on the host, beside those of the same program on the CPU.
#include "costate/adjoint/internal/cuda/gradient_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/nn/nn.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/cuda/drawn.h"
#include "tests/cuda/test_card.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::int64_t kGradientBatch = 67;  // more than a tile

struct GradientCase {
  std::string name;
  VectorField field;
  HostArray z0, times;
  SolveOptions options;
  std::vector<HostArray> arguments = {};
  bool by_times = false;
};

std::vector<GradientCase> gradient_cases() {
  std::vector<GradientCase> cases;
  const Mlp net({.inputs = 3, .hidden = {12}, .outputs = 3, .seed = 2});
  const VectorField driven = vector_field(
      {3}, {{"gain", {}}}, [&](Array t, Array z, Array gain) { return gain * net(z) * cos(t * 3.0) - 0.1 * z; });
  const HostArray z0 = test::drawn({kGradientBatch, 3}, -1, 1, 1), gain = test::drawn({kGradientBatch}, 0.5, 2, 2);
  const auto add = [&](const std::string& name, const HostArray& times, SolveOptions options) {
    options.gradient_steps = GradientSteps::kOff;
    cases.push_back({name, driven, z0, times, options, {gain}});
  };
  const HostArray grid = HostArray::linspace(-1, 2, 9);
  // Shared numbers of a table, those of each sample, and the output times.
  const Parameter held("held", test::drawn({5, 3}, -1, 1, 4));
  const auto knots = HostArray::vector({-1, -0.2, 0.1, 0.8, 2.5});
  const VectorField tabled = vector_field({3}, {{"table", {4, 3}}}, [&](Array t, Array z, Array table) {
    return interpolate(constant(HostArray::vector({-1, 0.25, 1, 3})), table, t, Interpolation::kCubic) +
           interpolate(constant(knots), Array(held), t, Interpolation::kHold) + net(z);
  });
  const auto add_times = [&](const std::string& name, const VectorField& field, SolveOptions options,
                             std::vector<HostArray> arguments) {
    // The start comes twice; some have an output at a stop, and some end at one.
    HostArray times(Shape{kGradientBatch, 6});
    for (std::int64_t i = 0; i < kGradientBatch; ++i) {
      const double at[] = {-1, -1, -0.45, i % 5 == 0 ? 0.1 : 0.12, 0.65, i % 7 == 0 ? 0.8 : 1.2};
      for (std::int64_t k = 0; k < 6; ++k) times.set({i, k}, i == 3 ? -1 : at[k]);  // one of no steps
    }
    options.gradient_steps = GradientSteps::kOff;
    cases.push_back({name, field, z0, times, std::move(options), std::move(arguments), true});
  };
  const HostArray table = test::drawn({kGradientBatch, 4, 3}, -1, 1, 5);
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    const SolveOptions options{.rtol = 1e-4, .atol = 1e-5, .dtype = dtype};
    add_times("times_" + name(dtype), driven, options, {gain});
    add_times("tables_" + name(dtype), tabled, options, {table});
  }
  add_times("tables_dopri8", tabled, {.method = Method::kDopri8, .rtol = 1e-5, .stop_at = {0}}, {table});
  add_times("times_rk4", tabled, {.method = Method::kRk4, .steps_per_interval = 3}, {table});
  add_times("times_by_step_size", driven, {.step_size = 0.13}, {gain});
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

/// Of the sum of states times cotangents: the sum, the states, then its gradients by z0, the arguments and the
/// Parameters.
Function gradient_of(const GradientCase& given) {
  std::vector<ArgumentSpec> specs = {{"z0", {given.z0.shape()[1]}}};
  for (std::size_t i = 0; i < given.arguments.size(); ++i)
    specs.push_back({text::concat("argument", i), given.arguments[i].shape().without_first()});
  const std::int64_t num_times = given.times.shape()[-1];
  specs.push_back({"cotangents", {num_times, given.z0.shape()[1]}});
  if (given.by_times) specs.push_back({"times", {num_times}});
  const Function loss = trace_list(specs, [&](std::span<const Array> inputs) {
    const Array states = solve(given.field, inputs[0], given.by_times ? inputs.back() : constant(given.times),
                               given.options, inputs.subspan(1, given.arguments.size()));
    return std::vector<Array>{sum(states * inputs[1 + given.arguments.size()]), states};
  });
  std::vector<std::size_t> wrt;
  for (std::size_t i = 0; i < loss.inputs().size(); ++i)
    if (loss.inputs()[i].name != "cotangents") wrt.push_back(i);
  return value_and_grad(loss, wrt);
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
  test::card();
  for (const GradientCase& given : gradient_cases()) {
    SCOPED_TRACE(given.name);
    const Function gradient = gradient_of(given);
    std::vector<HostArray> inputs = {given.z0};
    inputs.insert(inputs.end(), given.arguments.begin(), given.arguments.end());
    inputs.push_back(test::drawn({kGradientBatch, given.times.shape()[-1], given.z0.shape()[1]}, -1, 1, 3));
    if (given.by_times) inputs.push_back(given.times);
    const RunResult expected = compile(gradient, {.dtype = given.options.dtype}).run(inputs);
    const Program program = compile(gradient, {.dtype = given.options.dtype, .device = Device::kCuda});
    const auto run = [&](bool backwards) {
      test::run_backwards(backwards);
      return program.run(inputs);
    };
    const RunResult got = run(false), again = run(true);
    const double tolerance = given.options.dtype == Dtype::kF32 ? 3e-6 : 1e-14;
    ASSERT_EQ(got.outputs.size(), expected.outputs.size());
    expect_close(got.outputs[1], expected.outputs[1], 0, "states");
    for (std::size_t i = 2; i < got.outputs.size(); ++i) {
      expect_close(got.outputs[i], expected.outputs[i], (i == 2 ? 1 : 10) * tolerance,
                   gradient.outputs()[i].name.c_str());
      EXPECT_TRUE(again.outputs[i].same_bits(got.outputs[i])) << i;
    }
    EXPECT_EQ(got.report.nfe_forward, expected.report.nfe_forward);
    EXPECT_EQ(got.report.accepted, expected.report.accepted);
    EXPECT_EQ(got.report.rejected, expected.report.rejected);
    EXPECT_GT(got.report.nfe_backward, 0);
    ASSERT_EQ(got.report.failures.size(), expected.report.failures.size());
    for (std::size_t i = 0; i < got.report.failures.size(); ++i) {
      EXPECT_EQ(got.report.failures[i].sample, expected.report.failures[i].sample);
      EXPECT_EQ(got.report.failures[i].reason, expected.report.failures[i].reason);
      EXPECT_EQ(got.report.failures[i].advice, expected.report.failures[i].advice);
    }
  }
}

}  // namespace
}  // namespace costate
