// Default gradients where the state says nothing (rest_cases.h).
#include <gtest/gtest.h>

#include "costate/diff/diff.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/rest_cases.h"

namespace costate {
namespace {

using test::RestCase;

struct Tolerance {
  Dtype dtype = Dtype::kF64;
  double rtol = 1e-6;
  Control control = Control::kPerSample;
  Method method = Method::kDopri5;
  GradientSteps gradient_steps = GradientSteps::kAuto;
  Adjoint adjoint = Adjoint::kDiscrete;
};

/// The largest error of a gradient, over what is allowed: |g - g*| <= 100 rtol |g*| for each input and sample, and 100
/// atol |cotangent| more where |g*| is below that.
double worst_error(const RestCase& c, const Tolerance& tolerance) {
  const SolveOptions options{.method = tolerance.method,
                             .rtol = tolerance.rtol,
                             .atol = 1e-2 * tolerance.rtol,
                             .control = tolerance.control,
                             .adjoint = tolerance.adjoint,
                             .gradient_steps = tolerance.gradient_steps};
  const std::vector<std::size_t> wrt = test::rest_wrt(c);
  const Program program = compile(value_and_grad(test::rest_loss(c, options), wrt), {.dtype = tolerance.dtype});
  const std::vector<HostArray> batch = test::rest_batch(c);
  const RunResult result = program.run(batch);
  EXPECT_TRUE(result.report.failures.empty()) << c.name;
  double worst = 0;
  for (std::int64_t b = 0; b < batch[0].shape()[0]; ++b)
    for (std::size_t input = 0; input < wrt.size(); ++input) {
      const Eigen::VectorXd right = test::true_gradient(c, batch, b, input);
      const double norm = right.norm(), least = 100 * options.atol * test::row_of(batch[1], b).norm();
      // An adjoint that is solved for, or a tangent, has an absolute tolerance, too.
      const bool has_atol = norm < least || tolerance.adjoint != Adjoint::kDiscrete;
      const double allowed = 100 * options.rtol * norm + (has_atol ? least : 0);
      const double error = (test::row_of(result.outputs[1 + input], b) - right).norm();
      worst = error <= worst * allowed ? worst : error / allowed;
    }
  return worst;
}

void expect_right(const RestCase& c, const Tolerance& tolerance) {
  EXPECT_LE(worst_error(c, tolerance), 1)
      << c.name << ", rtol " << tolerance.rtol << ", " << name(tolerance.method) << ", " << name(tolerance.adjoint);
}

TEST(GradientsFromRest, AreRightInF64) {
  for (const RestCase& c : test::rest_cases())
    for (const double rtol : {1e-3, 1e-5, 1e-7, 1e-9}) expect_right(c, {.rtol = rtol});
}

TEST(GradientsFromRest, AreRightInF32) {
  for (const RestCase& c : test::rest_cases())
    for (const double rtol : {1e-3, 1e-4, 1e-5}) expect_right(c, {.dtype = Dtype::kF32, .rtol = rtol});
}

TEST(GradientsFromRest, AreRightUnderJointControl) {
  for (const RestCase& c : test::rest_cases()) expect_right(c, {.rtol = 1e-6, .control = Control::kJoint});
}

TEST(GradientsFromRest, AreRightForOtherMethods) {
  for (const RestCase& c : test::rest_cases())
    for (const Method method : {Method::kTsit5, Method::kDopri8, Method::kBosh3})
      expect_right(c, {.rtol = 1e-6, .method = method});
}

/// Rounding makes errors of up to a few thousandths of a tolerance here, which must not pass for those of a state that
/// moves.
TEST(GradientsFromRest, AreRightForOtherMethodsInF32) {
  for (const RestCase& c : test::rest_cases())
    for (const Method method : {Method::kTsit5, Method::kDopri8})
      for (const double rtol : {1e-3, 1e-4, 1e-5})
        expect_right(c, {.dtype = Dtype::kF32, .rtol = rtol, .method = method});
}

TEST(GradientsFromRest, AreRightForImplicitMethods) {
  for (const RestCase& c : test::rest_cases()) {
    for (const double rtol : {1e-3, 1e-6}) expect_right(c, {.rtol = rtol, .method = Method::kRodas5p});
    expect_right(c, {.rtol = 1e-3, .method = Method::kAuto});
    expect_right(c, {.rtol = 1e-6, .method = Method::kKvaerno5});
    if (c.z0.size() < 20)
      expect_right(c, {.rtol = 1e-6, .method = Method::kRadau5});  // its systems are three times as large
  }
}

/// These have steps of their own, which follow the adjoint or the tangents. (Backsolve does, too, where the state can
/// be solved backwards.)
TEST(GradientsFromRest, AreRightByOtherAdjoints) {
  for (const Adjoint adjoint : {Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward})
    for (const RestCase& c : test::rest_cases()) {
      if (adjoint == Adjoint::kForward && c.z0.size() > 20) continue;  // a solve of 33 times the state
      for (const double rtol : {1e-4, 1e-6}) expect_right(c, {.rtol = rtol, .adjoint = adjoint});
      if (c.z0.size() < 20) expect_right(c, {.rtol = 1e-6, .method = Method::kRodas5p, .adjoint = adjoint});
      expect_right(c, {.dtype = Dtype::kF32, .rtol = 1e-4, .adjoint = adjoint});
    }
}

TEST(GradientsFromRest, AreFarOffWithoutTheGuard) {
  for (const RestCase& c : test::rest_cases()) {
    // Right by the state's own errors, or by the steps that end at knots.
    if (c.name == "polynomial_in_t" || c.name == "controls_that_are_all_zero" ||
        c.name == "stiff_decay_onto_a_slow_manifold")
      continue;
    EXPECT_GT(worst_error(c, {.gradient_steps = GradientSteps::kOff}), 3) << c.name;
  }
}

}  // namespace
}  // namespace costate
