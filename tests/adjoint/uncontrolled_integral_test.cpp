// An integral beside the state, which no step is chosen for, in a loss: its gradients.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"

namespace costate {
namespace {

/// z' = -a z, q' = z^2: q(T) = z0^2 (1 - exp(-2 a T)) / (2 a).
Function integral_loss(const SolveOptions& options) {
  return trace(
      [&](Array z0, Array rate, Array end) {
        const VectorField field = vector_field({2}, {{"rate", {}}}, [](Array, Array z, Array a) {
          return stack({-a * z[0], square(z[0])});
        });
        const Array states = solve(field, stack({z0, 0.0 * z0}), stack({0.0 * end, end}), options, std::vector{rate});
        return states[1][1];
      },
      {{"z0", {}}, {"rate", {}}, {"end", {}}});
}

class UncontrolledIntegral : public ::testing::TestWithParam<Adjoint> {};

INSTANTIATE_TEST_SUITE_P(Adjoints, UncontrolledIntegral, ::testing::ValuesIn(test::kAdjoints), test::adjoint_name);

constexpr double kZ0 = 1.3, kRate = 0.7, kEnd = 2.0;

TEST_P(UncontrolledIntegral, HasTheGradientsOfTheClosedForm) {
  const SolveOptions options{
      .rtol = 1e-9, .atols = {1e-10, std::numeric_limits<double>::infinity()}, .adjoint = GetParam()};
  const Function gradient = value_and_grad(integral_loss(options));
  const std::vector<HostArray> out =
      compile(gradient)
          .run({HostArray(Shape{1}, std::vector<double>{kZ0}), HostArray(Shape{1}, std::vector<double>{kRate}),
                HostArray(Shape{1}, std::vector<double>{kEnd})})
          .outputs;
  const double fade = std::exp(-2 * kRate * kEnd);
  constexpr double kTolerance = 1e-7;  // 100 rtol
  EXPECT_NEAR(out[0].at(0), kZ0 * kZ0 * (1 - fade) / (2 * kRate), kTolerance);
  EXPECT_NEAR(out[1].at(0), kZ0 * (1 - fade) / kRate, kTolerance);
  EXPECT_NEAR(out[2].at(0), kZ0 * kZ0 * (kEnd * fade / kRate - (1 - fade) / (2 * kRate * kRate)), kTolerance);
  EXPECT_NEAR(out[3].at(0), kZ0 * kZ0 * fade, kTolerance);
}

TEST(UncontrolledTangent, FollowsTheGradient) {
  const SolveOptions options{.rtol = 1e-9, .atols = {1e-10, std::numeric_limits<double>::infinity()}};
  const Function tangent = jvp(integral_loss(options), std::vector<std::size_t>{0, 1});
  const auto one = [](double x) { return HostArray(Shape{1}, std::vector<double>{x}); };
  const auto out = compile(tangent).run({one(kZ0), one(kRate), one(kEnd), one(0.5), one(-2)}).outputs;
  const double fade = std::exp(-2 * kRate * kEnd);
  const double by_z0 = kZ0 * (1 - fade) / kRate,
               by_rate = kZ0 * kZ0 * (kEnd * fade / kRate - (1 - fade) / (2 * kRate * kRate));
  EXPECT_NEAR(out[1].at(0), 0.5 * by_z0 - 2 * by_rate, 1e-7);
}

}  // namespace
}  // namespace costate
