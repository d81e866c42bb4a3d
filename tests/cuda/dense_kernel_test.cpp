// The dense output of kernels, emulated on the host, beside the CPU's.
#include <gtest/gtest.h>

#include <limits>

#include "costate/operations/interpolate.h"
#include "costate/solve/device.h"
#include "tests/cuda/solve_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

void expect_the_same_steps(const VectorField& field, const HostArray& z0, const HostArray& times,
                           const SolveOptions& options, const std::vector<HostArray>& arguments = {}) {
  SCOPED_TRACE(name(options.method));
  const DenseResult here = solve_dense(field, z0, times, options, arguments);
  for (const bool backwards : {false, true}) {
    test::run_backwards(backwards);
    const DenseResult there = solve_dense_on(Device::kCuda, field, z0, times, options, arguments);
    test::expect_same_solution(there.solution, here.solution);
    const DenseSolution::Steps &got = there.dense.steps(), &expected = here.dense.steps();
    EXPECT_EQ(got.first, expected.first);
    EXPECT_EQ(got.starts, expected.starts);
    EXPECT_EQ(got.sizes, expected.sizes);
    EXPECT_EQ(got.ends, expected.ends);
    EXPECT_TRUE(got.coefficients.same_bits(expected.coefficients));
    EXPECT_TRUE(got.z0.same_bits(expected.z0));
    EXPECT_EQ(got.t0, expected.t0);
    EXPECT_EQ(got.t1, expected.t1);
  }
}

TEST(DenseKernel, HasTheCpusPolynomials) {
  if (!test::has_cpp_compiler()) GTEST_SKIP() << "needs a C++ compiler";
  test::card();
  const HostArray starts = test::drawn({37, 2}, -2, 2, 3), mu = test::drawn({37}, 0.2, 4, 3);
  const HostArray grid = HostArray::linspace(0, 3, 4);
  for (const Method method : {Method::kDopri5, Method::kBosh3, Method::kDopri8})
    expect_the_same_steps(test::oscillator(), starts, grid, {.method = method, .rtol = 1e-4, .atol = 1e-5}, {mu});
  // More steps than there is room for at first, in f32; without extra stages or a closing one in the error.
  expect_the_same_steps(test::oscillator(), starts, HostArray::vector({3, 0}),
                        {.method = Method::kAdaptiveHeun, .rtol = 1e-4, .atol = 1e-6, .dtype = Dtype::kF32}, {mu});
  // Steps that end at knots and at a stop, a guard, and a sample that fails.
  HostArray broken = starts;
  broken.set({3, 0}, std::numeric_limits<double>::quiet_NaN());
  const VectorField driven = vector_field({2}, [](Array t, Array z) {
    return interpolate(constant(HostArray::vector({0, 0.7, 2, 3})), constant(test::drawn({4, 2}, -1, 1, 7)), t,
                       Interpolation::kHold) -
           z;
  });
  expect_the_same_steps(driven, broken, grid, {.gradient_steps = GradientSteps::kOn});
  expect_the_same_steps(driven, broken, grid, {.method = Method::kTsit5, .stop_at = {1.3}});
}

TEST(DenseKernel, IsForStepsByTheError) {
  EXPECT_ERROR(solve_dense_on(Device::kCuda, test::oscillator(), HostArray(Shape{1, 2}), HostArray::vector({0, 1}),
                              {.step_size = 0.1}, std::vector<HostArray>{HostArray(Shape{1})}),
               NotSupported, "a dense output takes steps that go by their error; got fixed steps");
}

}  // namespace
}  // namespace costate
