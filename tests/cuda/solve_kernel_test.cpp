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
#include "costate/solve/internal/cuda/device_solve.h"
#include "costate/solve/solve.h"
#include "tests/cuda/solve_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::drawn;
using test::oscillator;
using test::SolveCase;

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
    add("net_" + name(dtype) + (dtype == Dtype::kF32 ? "_tight" : ""), driven, drawn({19, 3}, -1, 1, 3),
        HostArray::linspace(-1, 2, 4), {.rtol = 1e-5, .atol = 1e-6, .dtype = dtype});
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

TEST(SolveKernel, EverySolveHasTheCpusBits) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::expect_the_cpus_bits(solve_cases());
}

TEST(SolveKernel, RefusesByNameWhatItDoesNotHave) {
  const VectorField field = vector_field({2}, [](Array, Array z) { return -z; });
  const auto problem = [&](const SolveOptions& options) { return internal::DeviceProblem(field, options); };
  EXPECT_ERROR(problem({.method = Method::kRadau5}), NotSupported,
               "[solve] device = cuda does not have the method 'radau5', only the explicit ones yet; solve on the CPU "
               "(device = cpu).");
  const Function norm = trace([](Array e) { return sqrt(sum(e * e)); }, {{"e", {2}}});
  EXPECT_ERROR(problem({.norm = norm}), NotSupported, "device = cuda does not have a norm of one's own yet");
}

}  // namespace
}  // namespace costate
