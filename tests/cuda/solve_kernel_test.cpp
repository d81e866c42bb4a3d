// Whole solves as kernels, emulated on the host, beside the CPU's: the same bits of all that a solve gives. All are in
// one source, which is compiled once.
#include "costate/solve/internal/cuda/solve_kernel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "costate/cuda/internal/cuda_source.h"
#include "costate/nn/nn.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/solve.h"
#include "tests/cuda/drawn.h"
#include "tests/cuda/test_card.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::size_t kSolveLanes = 8, kSolveThreads = 32;

struct SolveCase {
  std::string name;
  VectorField field;
  HostArray z0, times;
  SolveOptions options;
  std::vector<HostArray> arguments = {};
};

/// Van der Pol's oscillator, whose stiffness is a sample's own.
VectorField oscillator() {
  return vector_field({2}, {{"mu", {}}}, [](Array, Array z, Array mu) {
    return concat({z.slice(1, 2), reshape(mu * (1.0 - z[0] * z[0]) * z[1] - z[0], {1})});
  });
}

std::vector<SolveCase> solve_cases() {
  std::vector<SolveCase> cases;
  const auto add = [&](const std::string& name, const VectorField& field, const HostArray& z0, const HostArray& times,
                       SolveOptions options, std::vector<HostArray> arguments = {}) {
    cases.push_back({name, field, z0, times, std::move(options), std::move(arguments)});
  };
  const HostArray starts = test::drawn({19, 2}, -2, 2, 3), mu = test::drawn({19}, 0.2, 4, 3);
  const HostArray grid = HostArray::linspace(0, 3, 8);
  for (const Method method : explicit_methods()) {
    const bool has_estimate = tableau(method).has_error_estimate();
    const Dtype dtype = static_cast<int>(method) % 2 == 0 ? Dtype::kF64 : Dtype::kF32;
    add("with_" + std::string(name(method)), oscillator(), starts, grid,
        {.method = method, .rtol = 1e-4, .atol = 1e-6, .steps_per_interval = has_estimate ? 0 : 6, .dtype = dtype},
        {mu});
  }
  const Mlp net({.inputs = 3, .hidden = {12}, .outputs = 3, .seed = 2});
  const VectorField driven = vector_field({3}, [&](Array t, Array z) { return net(z) * cos(t * 3.0) - 0.1 * z; });
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64})
    add("net_" + name(dtype), driven, test::drawn({19, 3}, -1, 1, 3), HostArray::linspace(-1, 2, 4),
        {.rtol = 1e-5, .atol = 1e-6, .dtype = dtype});
  // Times of each sample, downwards and with repeated ones.
  HostArray own(Shape{19, 5});
  for (std::int64_t i = 0; i < 19; ++i)
    for (std::int64_t k = 0; k < 5; ++k)
      own.set({i, k}, 1 - 0.1 * static_cast<double>((i % 4 + 1) * std::max<std::int64_t>(k - 1, 0)));
  add("own_times", oscillator(), starts, own, {.method = Method::kTsit5}, {mu});
  add("fixed_step_size", oscillator(), starts, own, {.step_size = 0.07}, {mu});
  add("limited", oscillator(), starts, grid,
      {.rtol = 1e-3,
       .atol = 1e-3,
       .first_step = 1e-3,
       .min_step = 0.02,
       .at_min_step = AtMinStep::kAccept,
       .max_step = 0.11},
      {mu});
  add("too_short", oscillator(), starts, grid, {.rtol = 1e-9, .atol = 1e-9, .min_step = 0.01}, {mu});
  add("few_steps", oscillator(), starts, grid, {.rtol = 1e-8, .atol = 1e-8, .max_steps = 40}, {mu});
  add("largest_error", oscillator(), starts, grid,
      {.rtols = {1e-3, 1e-6}, .atols = {std::numeric_limits<double>::infinity(), 1e-7}, .error_norm = ErrorNorm::kMax},
      {mu});
  const VectorField parts = vector_field({{"x", {2}}, {"v", {1}}}, [](Array t, std::span<const Array> z) {
    return std::vector<Array>{concat({z[1], z[0].slice(0, 1)}) * sin(t), -sum(z[0]) * z[1]};
  });
  add("parts", parts, test::drawn({19, 3}, -1, 1, 3), grid, {.error_norm = ErrorNorm::kPartRms, .dtype = Dtype::kF32});
  // The root of the distance from 1 overshoots it.
  add("nonnegative",
      vector_field({2},
                   [](Array t, Array z) {
                     return concat({-sqrt(abs(z.slice(0, 1))) * 3.0, cos(t * z.slice(1, 2))});
                   }),
      test::drawn({19, 2}, 0.1, 2, 3), grid, {.rtol = 1e-2, .atol = 1e-2, .nonnegative = {0, 1}, .max_steps = 500});
  add("joint", oscillator(), test::drawn({7, 2}, -2, 2, 3), grid, {.control = Control::kJoint},
      {test::drawn({7}, 0.2, 4, 3)});
  add("like_torchdiffeq", oscillator(), starts, grid, {.step_control = StepControl::torchdiffeq()}, {mu});
  HostArray broken = starts;
  broken.set({3, 0}, std::numeric_limits<double>::quiet_NaN());
  broken.set({5, 0}, 1e200);
  add("not_finite", oscillator(), broken, grid, {.rtol = 1e-3, .atol = 1e-3}, {mu});
  add("blows_up", vector_field({1}, {{"a", {}, InputKind::kShared}}, [](Array, Array z, Array a) { return a * z * z; }),
      test::drawn({19, 1}, 0.1, 1, 3), HostArray::vector({0, 0.5, 2}), {.rtol = 1e-3, .atol = 1e-3},
      {HostArray(Shape{}, std::vector<double>{1.5})});
  return cases;
}

internal::HostBatch batch_of(const SolveCase& given) {
  return {.z0 = given.z0,
          .times = given.times,
          .arguments = given.arguments,
          .sizes = {.batch = static_cast<std::size_t>(given.z0.shape()[0]),
                    .times = static_cast<std::size_t>(given.times.shape()[-1]),
                    .times_are_shared = given.times.shape().rank() == 1,
                    .state = given.z0.shape().without_first()}};
}

void expect_same_numbers(const std::vector<double>& got, const std::vector<double>& expected, const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (!(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))))
      FAIL() << what << ", number " << i << ": " << got[i] << " and not " << expected[i];
}

void expect_same_solution(const Solution& got, const Solution& expected) {
  EXPECT_EQ(got.status, expected.status);
  EXPECT_EQ(got.accepted, expected.accepted);
  EXPECT_EQ(got.rejected, expected.rejected);
  EXPECT_EQ(got.nfe, expected.nfe);
  EXPECT_EQ(got.advice, expected.advice);
  EXPECT_EQ(got.states.dtype(), expected.states.dtype());
  EXPECT_EQ(got.states.shape(), expected.states.shape());
  expect_same_numbers(got.states.numbers(), expected.states.numbers(), "states");
  expect_same_numbers(got.reached, expected.reached, "reached");
  expect_same_numbers(got.last_step, expected.last_step, "last_step");
  expect_same_numbers(got.end.times, expected.end.times, "end.times");
  expect_same_numbers(got.end.steps, expected.end.steps, "end.steps");
  expect_same_numbers(got.end.previous_log, expected.end.previous_log, "end.previous_log");
  expect_same_numbers(got.end.before_log, expected.end.before_log, "end.before_log");
  expect_same_numbers(got.end.states.numbers(), expected.end.states.numbers(), "end.states");
}

TEST(SolveKernel, EverySolveHasTheCpusBits) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  const std::vector<SolveCase> cases = solve_cases();
  internal::CudaSource source(kSolveThreads);
  std::vector<internal::DeviceProblem> problems;
  std::vector<internal::KernelShape> kernels;
  for (const SolveCase& given : cases) {
    const internal::DeviceProblem& problem = problems.emplace_back(given.field, given.options);
    const std::size_t limit = given.name == "net_f32" ? 1024 : 227 * 1024;
    kernels.push_back(internal::add_solve_kernel(source, given.name, problem, kSolveLanes, limit));
    EXPECT_EQ(kernels.back().global_bytes > 0, limit == 1024) << given.name;
  }
  internal::KernelDevice& device = test::card();
  const auto module = device.load(source.text());
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const SolveCase& given = cases[i];
    const Solution expected = solve(given.field, given.z0, given.times, given.options, given.arguments);
    for (const bool backwards : {false, true}) {
      SCOPED_TRACE(given.name + (backwards ? ", backwards" : ""));
      test::run_backwards(backwards);
      expect_same_solution(internal::run_solve_kernel(device, *module, kernels[i], problems[i], kSolveLanes,
                                                      given.field, batch_of(given)),
                           expected);
    }
  }
}

TEST(SolveKernel, RefusesByNameWhatItDoesNotHave) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return -z; });
  const auto problem = [&](const SolveOptions& options) { return internal::DeviceProblem(field, options); };
  EXPECT_ERROR(problem({.method = Method::kRadau5}), NotSupported,
               "[solve] device = cuda does not have the method 'radau5', only the explicit ones yet; solve on the CPU "
               "(device = cpu).");
  EXPECT_ERROR(problem({.stop_at = {0.5}}), NotSupported, "device = cuda does not have stop_at yet");
  EXPECT_ERROR(problem({.gradient_steps = GradientSteps::kOn}), NotSupported, "gradient_steps = on yet");
  const VectorField tabled = vector_field({1}, [](Array t, Array z) {
    return interpolate(constant(HostArray::vector({0, 1, 2})),
                       constant(HostArray(Shape{3, 1}, std::vector<double>{1, 2, 4})), t, Interpolation::kLinear) -
           z;
  });
  EXPECT_ERROR(internal::DeviceProblem(tabled, {}), NotSupported, "fields that read a table of inputs at t yet");
}

}  // namespace
}  // namespace costate
