// adjoint = "cvodes": against the discrete gradient of a tight solve, for arguments of samples and Parameters.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

struct Brusselator {
  Parameter feed{"feed", HostArray::vector({1.0})};

  Function loss(const SolveOptions& options) const {
    const VectorField field = vector_field({2}, {{"b", {1}}}, [this](Array t, Array y, Array b) {
      const Array turned = y[0] * y[0] * y[1];
      return stack({Array(feed)[0] + turned - (b[0] + 1.0) * y[0] + 0.1 * sin(t), b[0] * y[0] - turned});
    });
    return trace(
        [&](Array z0, Array b) {
          const Array states =
              solve(field, z0, constant(HostArray::vector({0, 1, 1, 4, 6})), options, std::span<const Array>(&b, 1));
          return sum(states * constant(HostArray(Shape{5, 2}, Numbers{.3, -1, 1, 2, -.5, .7, 1.1, .2, 1, -2})));
        },
        {{"z0", {2}}, {"b", {1}}});
  }
};

TEST(CvodeAdjointGradients, AgreeWithTheDiscreteOnesOfATightSolve) {
  const Brusselator system;
  const HostArray z0(Shape{3, 2}, Numbers{1, 1, 1.5, 2, 0.7, 3}), b = column({2, 2.5, 3});
  const RunResult truth =
      compile(value_and_grad(system.loss({.method = Method::kVern9, .rtol = 1e-12, .atol = 1e-13}))).run({z0, b});
  for (const Method method : {Method::kBdf, Method::kAdams}) {
    const SolveOptions options{.method = method, .rtol = 1e-8, .atol = 1e-10, .adjoint = Adjoint::kCvodes};
    const RunResult found = compile(value_and_grad(system.loss(options))).run({z0, b});
    EXPECT_TRUE(found.report.failures.empty());
    EXPECT_GT(found.report.nfe_backward, 0);
    for (std::size_t i = 0; i < truth.outputs.size(); ++i)  // off by some hundred tolerances
      expect_near(found.outputs[i].numbers(), truth.outputs[i].numbers(), 1e-5,
                  text::concat(name(method), ", output ", i));
    const RunResult narrow = compile(value_and_grad(system.loss(options)), {.dtype = Dtype::kF32}).run({z0, b});
    for (std::size_t i = 0; i < truth.outputs.size(); ++i)
      expect_near(narrow.outputs[i].numbers(), truth.outputs[i].numbers(), 1e-4, text::concat("f32, output ", i));
  }
}

TEST(CvodeAdjointGradients, AreAskedForByName) {
  const Brusselator system;
  EXPECT_ERROR(value_and_grad(system.loss({.method = Method::kBdf})), NotSupported,
               "[vjp] the steps of 'bdf' are SUNDIALS', and cannot be taken back; take adjoint = 'cvodes', whose "
               "gradients are off by 60 to 2,300 times the tolerance");
  const VectorField decay = vector_field({1}, [](Array, Array y) { return -y; });
  const Function by_times = trace(
      [&](Array times) {
        return solve(decay, constant(HostArray::vector({1})), times,
                     {.method = Method::kBdf, .adjoint = Adjoint::kCvodes})[1][0];
      },
      {{"times", {2}}});
  EXPECT_ERROR(value_and_grad(by_times), NotSupported, "adjoint = 'cvodes' has no gradient by times");
}

TEST(CvodeAdjointGradients, ThatAreUnknownAreNaN) {
  // Steps enough for the solve, and not for the adjoint at its own tolerance.
  const VectorField decay = vector_field({1}, [](Array t, Array y) { return -y * (1.0 + sin(20.0 * t)); });
  const auto gradient = [&](std::int64_t max_steps, double z0) {
    const SolveOptions options{.method = Method::kBdf,
                               .rtol = 1e-3,
                               .atol = 1e-4,
                               .max_steps = max_steps,
                               .adjoint = Adjoint::kCvodes,
                               .adjoint_rtol = 1e-10,
                               .adjoint_atol = 1e-12};
    const Function loss = trace(
        [&](Array z) {
          return sum(solve(decay, z, constant(HostArray::vector({0, 5})), options)[1]);
        },
        {{"z", {1}}});
    return compile(value_and_grad(loss)).run({column({z0})});
  };
  const RunResult right = gradient(100'000, 1);
  EXPECT_NEAR(right.outputs[1].at(0), std::exp(-5 - (1 - std::cos(100)) / 20), 1e-3);
  const RunResult lost = gradient(500, 1);
  EXPECT_TRUE(lost.report.failures.empty());
  EXPECT_TRUE(std::isnan(lost.outputs[1].at(0)));
  const RunResult failed = gradient(500, std::nan(""));
  EXPECT_EQ(failed.report.failures.size(), 1U);
  EXPECT_EQ(failed.outputs[1].at(0), 0);
}

}  // namespace
}  // namespace costate
