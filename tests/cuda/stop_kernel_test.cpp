// Fields that read tables, and steps that end at stops, in kernels that are emulated on the host, beside the CPU's.
#include <gtest/gtest.h>

#include <cmath>

#include "costate/cuda/internal/batch_kernel.h"
#include "costate/operations/interpolate.h"
#include "tests/cuda/solve_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

using test::drawn;
using test::SolveCase;

constexpr std::int64_t kStopBatch = 11, kKnots = 6;

/// Knots [batch, n] of each sample's own, from 0 on and up to about 5; the last one of some comes twice.
HostArray own_knots() {
  HostArray knots(Shape{kStopBatch, kKnots});
  for (std::int64_t i = 0; i < kStopBatch; ++i)
    for (std::int64_t k = 0; k < kKnots; ++k)
      knots.set({i, k}, (1 + 0.03 * static_cast<double>(i)) * static_cast<double>(i % 3 == 0 && k == 5 ? 4 : k));
  return knots;
}

std::vector<SolveCase> stop_cases() {
  std::vector<SolveCase> cases;
  const HostArray z0 = drawn({kStopBatch, 2}, -1, 1, 3), grid = HostArray::linspace(0, 4.5, 7),
                  down = HostArray::vector({4.5, 2, 2, 0.3}), knots = HostArray::vector({0, 1, 1.5, 2.25, 4, 4.25}),
                  values = drawn({kKnots, 2}, -1, 1, 3), samples = drawn({kStopBatch, kKnots, 2}, -1, 1, 3);
  const auto add = [&](const std::string& name, const VectorField& field, const HostArray& times, SolveOptions options,
                       std::vector<HostArray> arguments) {
    cases.push_back({name, field, z0, times, std::move(options), std::move(arguments)});
  };
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64})
    for (const Interpolation kind : {Interpolation::kHold, Interpolation::kLinear, Interpolation::kCubic}) {
      const std::string name = costate::name(kind) + "_" + costate::name(dtype);
      const SolveOptions options{.rtol = 1e-4, .atol = 1e-6, .dtype = dtype};
      const SolveOptions guarded{.rtol = 1e-4, .atol = 1e-6, .gradient_steps = GradientSteps::kOn, .dtype = dtype};
      add("known_" + name,
          vector_field({2},
                       [=](Array t, Array z) { return interpolate(constant(knots), constant(values), t, kind) - z; }),
          grid, options, {});
      add("line_" + name,
          vector_field({2}, {{"start", {}}},
                       [=](Array t, Array z, Array start) {
                         return interpolate(constant(knots), constant(values), 0.5 * t + start, kind) - z;
                       }),
          down, options, {drawn({kStopBatch}, -0.2, 1, 3)});
      const VectorField own =
          vector_field({2}, {{"knots", {kKnots}}, {"values", {kKnots, 2}}},
                       [=](Array t, Array z, Array at, Array u) { return interpolate(at, u, t, kind) - z * z[0]; });
      add("own_" + name, own, grid, options, {own_knots(), samples});
      add("guarded_" + name, own, grid, guarded, {own_knots(), samples});
      add("shared_" + name,
          vector_field({2}, {{"knots", {kKnots}, InputKind::kShared}, {"values", {kKnots, 2}, InputKind::kShared}},
                       [=](Array t, Array z, Array at, Array u) { return interpolate(at, u, t, kind) - z; }),
          grid, guarded, {knots, values});
    }
  const VectorField late = vector_field({2}, [](Array t, Array z) { return where(t <= 1.7, cos(t) - z, 0.3 * z); });
  // A switch whose time is a sample's own.
  const VectorField own_switch = vector_field(
      {2}, {{"when", {}}}, [](Array t, Array z, Array when) { return where(t <= when, cos(t) - z, 0.3 * z); });
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64})
    add("switch_" + name(dtype), own_switch, grid, {.rtol = 1e-4, .atol = 1e-6, .dtype = dtype},
        {drawn({kStopBatch}, 0.5, 4, 3)});
  add("stop_at", late, grid, {.method = Method::kTsit5, .stop_at = {3, 1.7}}, {});
  add("stop_at_f32", late, down, {.rtol = 1e-4, .atol = 1e-5, .stop_at = {1.7}, .dtype = Dtype::kF32}, {});
  add("stop_at_dopri8", late, grid, {.method = Method::kDopri8, .max_step = 0.4, .stop_at = {1.7, 4.5}}, {});
  // Fixed steps, some of which end at knots.
  const VectorField held = vector_field({2}, [=](Array t, Array z) {
    return interpolate(constant(knots), constant(values), t, Interpolation::kHold) - z;
  });
  add("fixed", held, HostArray::vector({0, 1.5, 4.5}), {.method = Method::kRk4, .step_size = 0.25}, {});
  add("fixed_f32", held, down, {.method = Method::kEuler, .steps_per_interval = 5, .dtype = Dtype::kF32}, {});
  cases.push_back(
      {"stop_at_joint", late, drawn({5, 2}, -1, 1, 3), grid, {.stop_at = {1.7}, .control = Control::kJoint}});
  return cases;
}

TEST(StopKernel, DrivenSystemsHaveTheCpusBits) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::expect_the_cpus_bits(stop_cases());
}

TEST(StopKernel, APlainProgramHasNoFormForATable) {
  internal::CudaSource source(32);
  const Function read =
      trace([](Array knots, Array values, Array t) { return interpolate(knots, values, t, Interpolation::kLinear); },
            {{"knots", {3}}, {"values", {3, 1}}, {"t", {}}});
  EXPECT_ERROR(internal::add_batch_kernel(source, "refused", read, Dtype::kF64, 8, 1024), NotSupported,
               "[cuda] a kernel has no form for the extension 'interpolate'");
}

}  // namespace
}  // namespace costate
