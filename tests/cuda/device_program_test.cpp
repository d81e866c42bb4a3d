// Programs whose solves run on a card, emulated on the host, beside the same programs on the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/exec/pullback.h"
#include "costate/graph/trace.h"
#include "costate/models/cnf.h"
#include "costate/models/latent_ode.h"
#include "costate/nn/nn.h"
#include "costate/operations/linear_solve.h"
#include "costate/solve/device.h"
#include "costate/solve/events.h"
#include "costate/solve/solve.h"
#include "tests/cuda/drawn.h"
#include "tests/cuda/test_card.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::int64_t kProgramBatch = 5;
const SolveOptions kWithoutGuard = {.rtol = 1e-5, .atol = 1e-6, .gradient_steps = GradientSteps::kOff};

/// A model with something before, between and behind its solves: a matrix that is factorized, a rate that is computed
/// of a Parameter, times of each sample, one start for all samples, a penalty that no solve is in.
Function model() {
  const Mlp net({.inputs = 2, .hidden = {8}, .outputs = 2, .seed = 3});
  const Parameter log_rate("log_rate", HostArray(Shape{}, std::vector<double>{-0.5})),
      mixing("mixing", test::drawn({2, 2}, 1, 2, 9));
  return trace(
      [=](Array x, Array times) {
        const Array rate = exp(Array(log_rate)), matrix = Array(mixing) + outer(x, x);
        const Array z0 = linear_solve(matrix, x);
        const VectorField field =
            vector_field({2}, {{"rate", {}, InputKind::kShared}, {"x", {2}}},
                         [&](Array, Array z, Array r, Array input) { return net(z) - r * z + 0.1 * input; });
        const Array states = solve(field, z0, times, kWithoutGuard, std::vector<Array>{rate, x});
        const VectorField second =
            vector_field({2}, {{"gain", {}}}, [](Array t, Array z, Array gain) { return gain * cos(t) * z; });
        const Array more = solve(second, constant(HostArray::vector({1, 2})), constant(HostArray::vector({0, 0.5, 1})),
                                 kWithoutGuard, std::vector<Array>{sum(states[1])});
        const Array corrected = linear_solve(matrix, states[2]);
        return std::vector<Array>{sum(more * more) + sum(corrected) + 0.1 * sum(rate * rate * x), corrected, more};
      },
      {{"x", {2}}, {"times", {3}}});
}

std::vector<HostArray> inputs_of_model() {
  HostArray times(Shape{kProgramBatch, 3});
  for (std::int64_t i = 0; i < kProgramBatch; ++i)
    for (std::int64_t k = 0; k < 3; ++k)
      times.set({i, k}, static_cast<double>(k) * (0.3 + 0.1 * static_cast<double>(i)));
  return {test::drawn({kProgramBatch, 2}, 0.2, 1, 4), times};
}

void expect_near_all(const std::vector<HostArray>& got, const std::vector<HostArray>& expected, double tolerance) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].shape(), expected[i].shape()) << i;
    ASSERT_EQ(got[i].dtype(), expected[i].dtype()) << i;
    double largest = 0;
    for (const double number : expected[i].numbers())
      if (!std::isnan(number)) largest = std::max(largest, std::abs(number));
    EXPECT_GT(largest, 0) << i;
    for (std::int64_t k = 0; k < got[i].size(); ++k)
      if (!(std::isnan(got[i].at(k)) && std::isnan(expected[i].at(k))) &&
          !(std::abs(got[i].at(k) - expected[i].at(k)) <= tolerance * largest))
        FAIL() << "output " << i << ", number " << k << ": " << got[i].at(k) << " and not " << expected[i].at(k);
  }
}

std::vector<std::size_t> wanted_of(const Function& f) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < f.inputs().size(); ++i)
    if (f.inputs()[i].name != "times") wanted.push_back(i);
  return wanted;
}

TEST(DeviceProgram, GivesWhatTheCpuGives) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const Function loss = model(), gradient = value_and_grad(loss, wanted_of(loss));
  const std::vector<HostArray> inputs = inputs_of_model();
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
    SCOPED_TRACE(name(dtype));
    const RunResult expected = compile(gradient, {.dtype = dtype}).run(inputs);
    const Program program = compile(gradient, {.dtype = dtype, .device = Device::kCuda});
    const RunResult got = program.run(inputs);
    expect_near_all(got.outputs, expected.outputs, dtype == Dtype::kF32 ? 3e-5 : 1e-13);
    EXPECT_EQ(got.report.accepted, expected.report.accepted);
    EXPECT_TRUE(program.run(inputs).outputs.back().same_bits(got.outputs.back()));
  }
}

TEST(DeviceProgram, TrainsTheLibrarysModels) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const Mlp net({.inputs = 3, .hidden = {8}, .outputs = 2, .seed = 6});
  const Cnf flow([net](Array t, Array z) { return net(concat({z, reshape(t, {1})})); }, {.solve = kWithoutGuard});
  const Function density =
      trace([&](Array x, Array noise) { return -flow.density(x, noise).log_density; }, {{"x", {2}}, {"noise", {2}}});
  const LatentOde latent({.observed = 2, .latent = 3, .encoder_units = 5, .solve = kWithoutGuard});
  const Function elbo = trace(
      [&](Array times, Array x, Array noise) {
        return latent.loss({times, x}, noise, 0.3);
      },
      {{"times", {6}}, {"x", {6, 2}}, {"noise", {3}}});
  HostArray times(Shape{kProgramBatch, 6});
  for (std::int64_t i = 0; i < times.size(); ++i)
    times.set(i, 0.2 * static_cast<double>(i % 6) + 0.01 * static_cast<double>(i));
  const std::vector<std::pair<Function, std::vector<HostArray>>> trained = {
      {density, {test::drawn({kProgramBatch, 2}, -1, 1, 5), test::drawn({kProgramBatch, 2}, -1, 1, 6)}},
      {elbo, {times, test::drawn({kProgramBatch, 6, 2}, -1, 1, 7), test::drawn({kProgramBatch, 3}, -1, 1, 8)}}};
  for (const auto& [loss, inputs] : trained) {
    const Function gradient = value_and_grad(loss, loss.parameters());
    expect_near_all(compile(gradient, {.device = Device::kCuda}).run(inputs).outputs,
                    compile(gradient).run(inputs).outputs, 1e-12);
  }
}

TEST(DeviceProgram, ASampleThatFailsCountsInNoSum) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const Function loss = model(), gradient = value_and_grad(loss, wanted_of(loss));
  std::vector<HostArray> inputs = inputs_of_model();
  inputs[0].set({2, 1}, std::numeric_limits<double>::quiet_NaN());
  const RunResult expected = compile(gradient).run(inputs),
                  got = compile(gradient, {.device = Device::kCuda}).run(inputs);
  expect_near_all(got.outputs, expected.outputs, 1e-13);
  ASSERT_EQ(got.report.failures.size(), expected.report.failures.size());
  EXPECT_EQ(got.report.failures[0].sample, 2);
  // None is left.
  for (std::int64_t i = 0; i < kProgramBatch; ++i) inputs[0].set({i, 0}, std::numeric_limits<double>::quiet_NaN());
  const std::vector<HostArray> none = compile(gradient, {.device = Device::kCuda}).run(inputs).outputs;
  for (const double number : none.back().numbers()) EXPECT_EQ(number, 0);
}

TEST(DeviceProgram, PullsBackWithTheBitsOfOneRun) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const Function loss = model();
  const std::vector<std::size_t> wrt = wanted_of(loss);
  const std::vector<HostArray> inputs = inputs_of_model(), cotangents = {test::drawn({kProgramBatch}, -1, 1, 1),
                                                                         test::drawn({kProgramBatch, 2}, -1, 1, 2),
                                                                         test::drawn({kProgramBatch, 3, 2}, -1, 1, 3)};
  std::vector<HostArray> all = inputs;
  all.insert(all.end(), cotangents.begin(), cotangents.end());
  const std::vector<HostArray> together = compile(vjp(loss, wrt), {.device = Device::kCuda}).run(all).outputs;
  const PullbackRun run = compile_pullback(loss, {.wrt = wrt, .device = Device::kCuda}).run(inputs);
  const Parameter log_rate = loss.parameters().back();
  const HostArray before = log_rate.value();
  log_rate.set_value(HostArray(before.shape()));  // a pull-back has those of the run
  const PullbackResult back = run.pullback(cotangents), again = run.pullback(cotangents);
  log_rate.set_value(before);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(run.outputs[i].same_bits(together[i])) << i;
  ASSERT_EQ(back.gradients.size() + 3, together.size());
  for (std::size_t i = 0; i < back.gradients.size(); ++i) {
    EXPECT_TRUE(back.gradients[i].same_bits(together[3 + i])) << i;
    EXPECT_TRUE(again.gradients[i].same_bits(back.gradients[i])) << i;
  }
  expect_near_all(back.gradients, compile_pullback(loss, {.wrt = wrt}).run(inputs).pullback(cotangents).gradients,
                  1e-13);
}

TEST(DeviceProgram, PullsBackWithoutTheSamplesThatFailed) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const Function loss = model();
  const std::vector<std::size_t> wrt = wanted_of(loss);
  std::vector<HostArray> inputs = inputs_of_model();
  inputs[0].set({2, 1}, std::numeric_limits<double>::quiet_NaN());
  const std::vector<HostArray> cotangents = {test::drawn({kProgramBatch}, -1, 1, 1),
                                             test::drawn({kProgramBatch, 2}, -1, 1, 2),
                                             test::drawn({kProgramBatch, 3, 2}, -1, 1, 3)};
  const auto gradients_on = [&](Device device) {
    return compile_pullback(loss, {.wrt = wrt, .device = device}).run(inputs).pullback(cotangents).gradients;
  };
  expect_near_all(gradients_on(Device::kCuda), gradients_on(Device::kCpu), 1e-13);
}

TEST(DeviceProgram, RefusesByNameWhatItDoesNotHave) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const CompileOptions on_card{.device = Device::kCuda};
  EXPECT_ERROR(compile(trace([](Array x) { return x * x; }, {{"x", {2}}}), on_card), NotSupported,
               "[compile] device = cuda runs the solves of a program, and this one has none; compile it for the CPU "
               "(device = cpu).");
  const VectorField field = vector_field({2}, [](Array, Array z) { return -z; });
  const auto loss = [&](const SolveOptions& options) {
    return trace([&](Array z, Array times) { return sum(solve(field, z, times, options)); },
                 {{"z", {2}}, {"times", {2}}});
  };
  const std::vector<std::size_t> by_z = {0};
  EXPECT_ERROR(compile(loss({.method = Method::kRadau5}), on_card), NotSupported, "does not have the method 'radau5'");
  SolveOptions backwards = kWithoutGuard;
  backwards.adjoint = Adjoint::kBacksolve;
  EXPECT_ERROR(compile(value_and_grad(loss(backwards), by_z), on_card), NotSupported,
               "does not have adjoint = 'backsolve' yet, only 'discrete'");
  const SolveEvent half = solve_event(field, [](Array, Array z) { return z[0] - 0.5; });
  const Function until = trace(
      [&](Array z) {
        return solve(field, z, constant(HostArray::vector({0, 1})), {}, {}, {.events = std::span(&half, 1)}).states;
      },
      {{"z", {2}}});
  EXPECT_ERROR(compile(until, on_card), NotSupported, "device = cuda does not have events yet; compile for the CPU");
  const HostArray z(Shape{1, 2}, std::vector<double>{1, 2}), times(Shape{1, 2}, std::vector<double>{1, NAN});
  EXPECT_ERROR(compile(loss({}), on_card).run({z, times}), InvalidArgument, "[solve] times must be finite");
}

}  // namespace
}  // namespace costate
