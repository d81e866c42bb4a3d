// The gradient guard in kernels, emulated on the host, beside the CPU's: the same steps, to the bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/nn/nn.h"
#include "costate/solve/internal/cuda/device_guard.h"
#include "tests/adjoint/rest_cases.h"
#include "tests/cuda/solve_cases.h"

namespace costate {
namespace {

using test::SolveCase;

constexpr std::int64_t kGuardBatch = 11;  // a tile and a part of one

/// Every other sample as the case has it, and the others moved a little, or far.
HostArray moved_rows(const std::vector<double>& row, std::int64_t batch) {
  const auto size = static_cast<std::int64_t>(row.size());
  const HostArray moves = test::drawn({batch, size}, -1, 1, 3);
  HostArray rows(Shape{batch, size});
  for (std::int64_t i = 0; i < batch; ++i)
    for (std::int64_t k = 0; k < size; ++k) {
      const double by = i % 2 == 0 ? 0 : i % 3 == 0 ? 1e-9 : 0.3;
      rows.set({i, k}, row[static_cast<std::size_t>(k)] + by * moves.at(i * size + k));
    }
  return rows;
}

SolveCase guarded(const test::RestCase& rest, const std::string& name, SolveOptions options,
                  std::int64_t batch = kGuardBatch) {
  options.gradient_steps = GradientSteps::kOn;
  SolveCase made{rest.name + name, rest.field, moved_rows(rest.z0, batch), HostArray::linspace(0, rest.end, 4),
                 std::move(options)};
  if (!rest.p.empty()) made.arguments.push_back(moved_rows(rest.p, batch));
  return made;
}

std::vector<SolveCase> guarded_cases() {
  std::vector<SolveCase> cases;
  const double infinite = std::numeric_limits<double>::infinity();
  for (const test::RestCase& rest : test::rest_cases()) {
    if (rest.z0.size() > 20) continue;
    cases.push_back(guarded(rest, "_f64", {}));
    cases.push_back(guarded(rest, "_f32", {.rtol = 1e-4, .atol = 1e-6, .dtype = Dtype::kF32}));
    cases.push_back(guarded(rest, "_joint", {.rtol = 1e-5, .atol = 1e-7, .control = Control::kJoint}, 7));
  }
  const test::RestCase prey = test::predator_prey_at_its_fixed_point(), force = test::force_of_amplitude_zero(1, 5);
  for (const Method method : explicit_methods()) {
    if (!tableau(method).has_error_estimate()) continue;
    const Dtype dtype = static_cast<int>(method) % 2 == 0 ? Dtype::kF32 : Dtype::kF64;
    const std::string name = "_" + std::string(costate::name(method));
    cases.push_back(guarded(prey, name, {.method = method, .rtol = 1e-4, .atol = 1e-6, .dtype = dtype}));
    cases.push_back(guarded(force, name, {.method = method, .rtol = 1e-3, .atol = 1e-6, .dtype = dtype}));
  }
  cases.push_back(guarded(prey, "_tight", {.dtype = Dtype::kF32}));
  cases.push_back(
      guarded(prey, "_shortest", {.rtol = 1e-7, .atol = 1e-9, .min_step = 0.05, .at_min_step = AtMinStep::kAccept}));
  cases.push_back(
      guarded(prey, "_limited", {.first_step = 0.5, .max_step = 0.7, .step_control = StepControl::torchdiffeq()}));
  cases.push_back(guarded(prey, "_of_one_number", {.rtols = {1e-3, 1e-6}, .atols = {infinite, 1e-8}}));
  // A state of many numbers, with kinks and weights that all samples share.
  const Mlp net({.inputs = 12, .hidden = {16}, .outputs = 12, .activation = Activation::kRelu, .seed = 5});
  const VectorField kinks =
      vector_field({12}, {{"gain", {}}, {"scale", {}, InputKind::kShared}},
                   [&](Array t, Array z, Array gain, Array scale) { return gain * net(z) * cos(t) - scale * z; });
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64})
    cases.push_back({"kinks_" + name(dtype),
                     kinks,
                     test::drawn({kGuardBatch, 12}, -1, 1, 3),
                     HostArray::linspace(0, 20, 3),
                     {.rtol = 1e-3, .atol = 1e-4, .gradient_steps = GradientSteps::kOn, .dtype = dtype},
                     {test::drawn({kGuardBatch}, 0, 2, 3), HostArray(Shape{}, std::vector<double>{8})}});
  // A derivative that is not finite at the start of some samples, and a field without one.
  HostArray starts = test::drawn({kGuardBatch, 1}, 0, 1, 3);
  for (std::int64_t i = 0; i < kGuardBatch; i += 3) starts.set(i, 0);
  cases.push_back({"root",
                   vector_field({1}, [](Array, Array z) { return -20.0 * sqrt(z * z * z) + 0.0 * sqrt(z); }),
                   starts,
                   HostArray::vector({0, 5}),
                   {.gradient_steps = GradientSteps::kOn}});
  cases.push_back({"integral",
                   vector_field({2},
                                [](Array t, Array) {
                                  return stack({cos(t), exp(-t)});
                                }),
                   test::drawn({kGuardBatch, 2}, 0, 1, 3),
                   HostArray::vector({0, 5}),
                   {.gradient_steps = GradientSteps::kOn}});
  cases.push_back({"stiff",
                   test::oscillator(),
                   test::drawn({kGuardBatch, 2}, -2, 2, 3),
                   HostArray::linspace(0, 12, 5),
                   {.rtol = 1e-5, .atol = 1e-7, .gradient_steps = GradientSteps::kOn},
                   {test::drawn({kGuardBatch}, 2, 20, 3)}});
  return cases;
}

TEST(GuardKernel, TakesTheCpusSteps) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::expect_the_cpus_bits(guarded_cases());
}

TEST(GuardKernel, IsInTheDefaultOfAGradient) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const std::vector<std::string> names = {"rest", "several_parts", "predator_prey_at_its_fixed_point",
                                          "controls_that_are_all_zero", "force_of_amplitude_zero_5"};
  for (const test::RestCase& rest : test::rest_cases()) {
    if (std::ranges::find(names, rest.name) == names.end()) continue;  // each is compiled by itself
    SCOPED_TRACE(rest.name);
    const Function gradient = value_and_grad(test::rest_loss(rest, {}), test::rest_wrt(rest));
    const std::vector<HostArray> inputs = test::rest_batch(rest);
    const RunResult expected = compile(gradient).run(inputs),
                    got = compile(gradient, {.device = Device::kCuda}).run(inputs);
    EXPECT_EQ(got.report.accepted, expected.report.accepted);
    EXPECT_EQ(got.report.rejected, expected.report.rejected);
    EXPECT_EQ(got.report.nfe_forward, expected.report.nfe_forward);
    EXPECT_TRUE(got.outputs[0].same_bits(expected.outputs[0]));
    for (std::size_t i = 1; i < expected.outputs.size(); ++i) {
      const std::vector<double> right = expected.outputs[i].numbers(), found = got.outputs[i].numbers();
      const double largest = std::abs(*std::ranges::max_element(right, {}, [](double x) { return std::abs(x); }));
      for (std::size_t k = 0; k < right.size(); ++k) EXPECT_NEAR(found[k], right[k], 1e-13 * largest) << i;
    }
  }
}

}  // namespace
}  // namespace costate
