// A Jacobian that a field is given is a hint for its linear systems: derivatives of all orders are those without it.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "costate/base/text.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/field_marks.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"

namespace costate {
namespace {

enum class Given { kNone, kExact, kHalf };

/// z' = -k z.
Function decay(const Parameter& k, const SolveOptions& options, Given given) {
  return trace(
      [&](Array z0) {
        const auto rhs = [&](Array, Array z) { return -Array(k) * z; };
        const double share = given == Given::kHalf ? 0.5 : 1;
        const VectorField field =
            given == Given::kNone ? vector_field({1}, rhs) : vector_field_with_jacobian({1}, rhs, [&](Array, Array) {
              return reshape(-share * Array(k), {1, 1});
            });
        return solve(field, z0, constant(HostArray::vector({0, 1})), options)[1][0];
      },
      {{"z0", {1}}});
}

/// z' = k z^2: z(1) = z0 / (1 - k z0).
Function growth(const Parameter& k, const SolveOptions& options, Given given) {
  return trace(
      [&](Array z0) {
        const auto rhs = [&](Array, Array z) { return Array(k) * z * z; };
        const VectorField field =
            given == Given::kNone ? vector_field({1}, rhs) : vector_field_with_jacobian({1}, rhs, [&](Array, Array z) {
              return reshape(2.0 * Array(k) * z, {1, 1});
            });
        return solve(field, z0, constant(HostArray::vector({0, 1})), options)[1][0];
      },
      {{"z0", {1}}});
}

std::vector<Method> methods() {
  return {Method::kDopri5, Method::kRodas5p, Method::kKvaerno5, Method::kTrbdf2,   Method::kKencarp4,
          Method::kRadau5, Method::kAuto,    Method::kGl6,      Method::kRadauIIA5};
}

SolveOptions options_of(Method method) {
  SolveOptions options{.method = method, .rtol = 1e-9, .atol = 1e-11};
  if (method == Method::kTrbdf2) options.rtol = 1e-7, options.atol = 1e-9;
  if (method == Method::kGl6 || method == Method::kRadauIIA5) options = {.method = method, .steps_per_interval = 50};
  return options;
}

TEST(GivenJacobian, HessiansAreThoseOfTheField) {
  const Parameter k("k", HostArray::vector({1.2}));
  const HostArray starts = column({1.0, 0.5, -2.0});
  const double e = std::exp(-1.2);
  for (const Method method : methods()) {
    const double error = method == Method::kTrbdf2 ? 1e-4 : 1e-6;
    const auto found = compile(hessian(decay(k, options_of(method), Given::kExact))).run({starts}).outputs;
    for (std::int64_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(found[1].at(i), 0, error) << name(method);
      EXPECT_NEAR(found[2].at(i), -e, error) << name(method);
      EXPECT_NEAR(found[3].at(i), -e, error) << name(method);
    }
    EXPECT_NEAR(found[4].at(0), -0.5 * e, error) << name(method);  // the sum over the samples, of z0 e^-k each
  }
}

TEST(GivenJacobian, HessiansOfACurvedFieldAreThoseOfTheField) {
  const Parameter k("k", HostArray::vector({0.4}));
  const HostArray starts = column({1.0, 0.5, -2.0});
  for (const Method method : methods()) {
    const double error = method == Method::kTrbdf2 ? 1e-3 : 1e-5;
    const auto found = compile(hessian(growth(k, options_of(method), Given::kExact))).run({starts}).outputs;
    double by_k = 0;
    for (std::int64_t i = 0; i < 3; ++i) {
      const double z = starts.at(i), left = 1 - 0.4 * z;
      EXPECT_NEAR(found[1].at(i), 2 * 0.4 / std::pow(left, 3), error) << name(method);
      EXPECT_NEAR(found[2].at(i), 2 * z / std::pow(left, 3), error) << name(method);
      EXPECT_NEAR(found[3].at(i), 2 * z / std::pow(left, 3), error) << name(method);
      by_k += 2 * std::pow(z / left, 3);
    }
    EXPECT_NEAR(found[4].at(0), by_k, error) << name(method);
  }
}

TEST(GivenJacobian, FirstDerivativesAreThoseOfTheFieldByAllAdjoints) {
  const Parameter k("k", HostArray::vector({0.4}));
  const HostArray starts = column({1.0, 0.5, -2.0});
  std::vector<SolveOptions> all;
  for (const Method method : methods()) all.push_back(options_of(method));
  for (const Adjoint adjoint : {Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward})
    all.push_back({.method = Method::kDopri5, .rtol = 1e-9, .atol = 1e-11, .adjoint = adjoint});
  for (const SolveOptions& options : all) {
    const std::string what = text::concat(name(options.method), ", ", name(options.adjoint));
    const double error = options.method == Method::kTrbdf2 ? 1e-3 : 1e-5;
    const auto found = compile(value_and_grad(growth(k, options, Given::kExact))).run({starts}).outputs;
    const auto plain = compile(value_and_grad(growth(k, options, Given::kNone))).run({starts}).outputs;
    double by_k = 0;
    for (std::int64_t i = 0; i < 3; ++i) {
      const double z = starts.at(i), left = 1 - 0.4 * z;
      EXPECT_NEAR(found[1].at(i), 1 / (left * left), error) << what;
      EXPECT_NEAR(found[1].at(i), plain[1].at(i), 1e-9) << what;
      by_k += z * z / (left * left);
    }
    EXPECT_NEAR(found[2].at(0), by_k, error) << what;
    EXPECT_NEAR(found[2].at(0), plain[2].at(0), 1e-9) << what;
  }
}

TEST(GivenJacobian, IsNoneOfTheBusinessOfCvodesDerivatives) {
  const Parameter k("k", HostArray::vector({0.4}));
  const HostArray starts = column({1.0, 0.5, -2.0});
  const SolveOptions options{.method = Method::kBdf, .rtol = 1e-9, .atol = 1e-11, .adjoint = Adjoint::kCvodes};
  const auto found = compile(value_and_grad(growth(k, options, Given::kExact))).run({starts}).outputs;
  const std::size_t by_k[] = {1};
  const auto along =
      compile(jvp(growth(k, options, Given::kExact), by_k)).run({starts, HostArray::vector({1})}).outputs;
  double sum = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double z = starts.at(i), left = 1 - 0.4 * z;
    EXPECT_NEAR(found[1].at(i), 1 / (left * left), 1e-5);
    EXPECT_NEAR(along[1].at(i), z * z / (left * left), 1e-5);
    sum += z * z / (left * left);
  }
  EXPECT_NEAR(found[2].at(0), sum, 1e-5);
}

TEST(GivenJacobian, OneThatIsHalfTheRightOneSpoilsNoDerivative) {
  const Parameter k("k", HostArray::vector({1.2}));
  const HostArray starts = column({1.0, 0.5, -2.0});
  for (const Method method : {Method::kDopri5, Method::kKvaerno5, Method::kRadau5}) {
    const auto found = compile(hessian(decay(k, options_of(method), Given::kHalf))).run({starts}).outputs;
    const auto right = compile(hessian(decay(k, options_of(method), Given::kNone))).run({starts}).outputs;
    for (std::size_t i = 0; i < found.size(); ++i)
      for (std::int64_t j = 0; j < found[i].size(); ++j)
        EXPECT_NEAR(found[i].at(j), right[i].at(j), 1e-6) << name(method) << " " << i;
  }
}

TEST(GivenJacobian, TangentsTakeNoMoreStepsThanWithoutIt) {
  const Parameter k("k", HostArray::vector({1.2}));
  const std::size_t by_k[] = {1};
  for (const Method method : methods()) {
    std::int64_t steps[2] = {};
    for (const Given given : {Given::kNone, Given::kExact}) {
      const RunResult run = compile(jvp(decay(k, options_of(method), given), by_k))
                                .run({column({1.0, 0.5, -2.0}), HostArray::vector({1})});
      EXPECT_NEAR(run.outputs[1].at(0), -std::exp(-1.2), method == Method::kTrbdf2 ? 1e-5 : 1e-7) << name(method);
      steps[given == Given::kExact] = run.report.accepted + run.report.rejected;
    }
    EXPECT_LE(steps[1], steps[0] + steps[0] / 10) << name(method);
  }
}

}  // namespace
}  // namespace costate
