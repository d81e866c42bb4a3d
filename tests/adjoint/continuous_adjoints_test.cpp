// What is particular to adjoints that solve an equation of their own: orders, quadrature, tolerances, refusals. What
// all adjoints have in common is in solve_adjoint_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "costate/adjoint/internal/gauss_kronrod.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/numbers.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// The integral of x^power over [-1, 1] by the nodes, with these weights.
double power_sum(std::span<const internal::QuadratureNode> nodes, int power,
                 double internal::QuadratureNode::*weights) {
  double sum = 0;
  for (const internal::QuadratureNode& node : nodes) sum += node.*weights * std::pow(node.at, power);
  return sum;
}

TEST(GaussKronrod, PairsAreExactForPolynomialsOfTheirDegrees) {
  for (const auto& [order, degree, gauss_degree] : {std::tuple{5, 11, 5}, {8, 23, 13}}) {
    const auto nodes = internal::kronrod_nodes(order);
    const auto error = [&](int power, auto weights) {
      return std::abs(power_sum(nodes, power, weights) - (power % 2 == 0 ? 2.0 / (power + 1) : 0.0));
    };
    constexpr double kRounding = 4e-16;
    for (int power = 0; power <= degree; ++power)
      EXPECT_LT(error(power, &internal::QuadratureNode::weight), kRounding) << order << ", x^" << power;
    for (int power = 0; power <= gauss_degree; ++power)
      EXPECT_LT(error(power, &internal::QuadratureNode::gauss_weight), kRounding) << order << ", x^" << power;
    EXPECT_GT(error(degree + 1, &internal::QuadratureNode::weight), 100 * kRounding);
    EXPECT_GT(error(gauss_degree + 1, &internal::QuadratureNode::gauss_weight), 100 * kRounding);
  }
}

/// The logistic equation z' = p z (1 - z) from several z0: z(T) = z0 / (z0 + (1 - z0) exp(-p T)), its sum, and the
/// derivatives of that by each z0 and p.
struct Logistic {
  Parameter p{"p", HostArray::vector({1.3})};
  static constexpr double kEnd = 2;
  static Numbers starts() { return {0.05, 0.2, 0.35, 0.6, 1.4}; }

  Function loss(const SolveOptions& options) const {
    const VectorField field = vector_field({1}, [this](Array, Array z) { return Array(p) * z * (1.0 - z); });
    return trace(
        [&](Array z0) {
          return sum(solve(field, z0, constant(HostArray::vector({0, kEnd})), options)[1]);
        },
        {{"z0", {1}}});
  }
  static Numbers truth() {
    const double e = std::exp(-1.3 * kEnd);
    Numbers all;
    double by_p = 0;
    for (const double z0 : starts()) {
      const double d = z0 + (1 - z0) * e;
      all.push_back(e / (d * d));
      by_p += z0 * (1 - z0) * kEnd * e / (d * d);
    }
    all.push_back(by_p);
    return all;
  }
  Numbers gradient(const SolveOptions& options) const {
    const RunResult result = compile(value_and_grad(loss(options))).run({column(starts())});
    EXPECT_TRUE(result.report.failures.empty());
    Numbers all;
    for (std::int64_t i = 0; i < result.outputs[1].size(); ++i) all.push_back(result.outputs[1].at(i));
    all.push_back(result.outputs[2].at(0));
    return all;
  }
  double error(const SolveOptions& options) const {
    const Numbers found = gradient(options), right = truth();
    double squares = 0;
    for (std::size_t i = 0; i < right.size(); ++i) squares += (found[i] - right[i]) * (found[i] - right[i]);
    return std::sqrt(squares);
  }
};

/// Steps of a size, by a method that would rather take one.
SolveOptions steps_of(double h, Method method, Adjoint adjoint) {
  return {.method = method, .rtol = 1e3, .atol = 1e3, .first_step = h, .max_step = h, .adjoint = adjoint};
}

TEST(ContinuousAdjoints, GradientsHaveTheOrderOfMethodAndDenseOutput) {
  const Logistic logistic;
  for (const Method method : {Method::kBosh3, Method::kDopri5, Method::kTsit5, Method::kRodas5p, Method::kKvaerno3})
    for (const Adjoint adjoint : {Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward}) {
      const Tableau& tab = tableau(method);
      // A state between steps is off by h^(dense_order + 1), and so is the right-hand side of the adjoint equation.
      const int order = reads_dense(adjoint) ? std::min(tab.order, tab.dense_order + 1) : tab.order;
      const double coarse = logistic.error(steps_of(Logistic::kEnd / 20, method, adjoint)),
                   fine = logistic.error(steps_of(Logistic::kEnd / 40, method, adjoint));
      const double slope = std::log2(coarse / fine);
      EXPECT_GT(slope, order - 0.35) << name(method) << ", " << name(adjoint) << ", " << fine;
      EXPECT_LT(slope, order + 1.35) << name(method) << ", " << name(adjoint) << ", " << fine;
    }
}

/// y' = -y + p sin(40 t) at p = 0, where y and its adjoint are smooth and the integral for p is not.
TEST(ContinuousAdjoints, QuadratureSeesWhatTheStepsOfTheAdjointPassOver) {
  constexpr double kEnd = 3, kW = 40;
  const double truth = (std::sin(kW * kEnd) - kW * std::cos(kW * kEnd) + kW * std::exp(-kEnd)) / (1 + kW * kW);
  const Parameter p("p", HostArray::vector({0.0}));
  const VectorField field = vector_field({1}, [&](Array t, Array y) { return Array(p) * sin(kW * t) - y; });
  const auto error = [&](Adjoint adjoint) {
    const Function loss = trace(
        [&](Array y0) {
          return sum(solve(field, y0, constant(HostArray::vector({0, kEnd})),
                           {.rtol = 1e-6, .atol = 1e-8, .adjoint = adjoint})[1]);
        },
        {{"y0", {1}}});
    const RunResult result = compile(value_and_grad(loss)).run({HostArray(Shape{3, 1}, Numbers{1, 2, 0})});
    return std::abs(result.outputs[2].at(0) - 3 * truth);
  };
  EXPECT_LT(error(Adjoint::kQuadrature), 1e-6);
  EXPECT_LT(error(Adjoint::kForward), 1e-6);
  EXPECT_GT(error(Adjoint::kInterpolating), 1e-3);  // as documented: shared integrals follow the steps of the adjoint
}

TEST(ContinuousAdjoints, HaveTolerancesOfTheirOwn) {
  const Logistic logistic;
  for (const Adjoint adjoint :
       {Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward}) {
    SolveOptions options{.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-13, .adjoint = adjoint};
    EXPECT_LT(logistic.error(options), 1e-11) << name(adjoint);
    options.adjoint_rtol = options.adjoint_atol = 1e-2;
    const double rough = logistic.error(options);
    if (adjoint != Adjoint::kForward) {  // whose steps are those of the state, too
      EXPECT_GT(rough, 1e-9) << name(adjoint);
    }
    EXPECT_LT(rough, 1e-1) << name(adjoint);
    options = {.method = Method::kDopri8,
               .rtol = 1e-9,
               .atol = 1e-10,
               .adjoint = adjoint,
               .adjoint_rtol = 1e-12,
               .adjoint_atol = 1e-13};
    EXPECT_LT(logistic.error(options), 1e-8) << name(adjoint);
  }
}

/// y' = -k (y - p cos t) from 0, whose transient is over at once: y(T) by p, where the method changes on the way.
TEST(ContinuousAdjoints, GoThroughStepsOfAMethodThatSwitches) {
  constexpr double kK = 1000, kEnd = 2;
  const double truth = kK * (kK * std::cos(kEnd) + std::sin(kEnd)) / (kK * kK + 1);
  const Parameter p("p", HostArray::vector({0.7}));
  const VectorField field = vector_field({1}, [&](Array t, Array y) { return -kK * (y - p * cos(t)); });
  for (const Adjoint adjoint : {Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward}) {
    const SolveOptions options{.method = Method::kAuto, .rtol = 1e-7, .atol = 1e-9, .adjoint = adjoint};
    const Function loss = trace(
        [&](Array y0) {
          return sum(solve(field, y0, constant(HostArray::vector({0, kEnd})), options)[1]);
        },
        {{"y0", {1}}});
    const RunResult result = compile(value_and_grad(loss)).run({row({0})});
    EXPECT_TRUE(result.report.failures.empty());
    EXPECT_NEAR(result.outputs[1].at(0), 0, 1e-7) << name(adjoint);
    EXPECT_NEAR(result.outputs[2].at(0), truth, 1e-5) << name(adjoint);  // 100 rtol
  }
}

TEST(ForwardSensitivities, OfFixedStepsAreThoseOfTheSteps) {
  const Logistic logistic;
  // To rounding; of an implicit method, as far as Newton's iteration has come.
  for (const auto& [method, tolerance] :
       {std::pair{Method::kRk4, 1e-14}, {Method::kDopri5, 1e-14}, {Method::kImplicitMidpoint, 1e-10}}) {
    const SolveOptions forward{.method = method, .steps_per_interval = 3, .adjoint = Adjoint::kForward},
        discrete{.method = method, .steps_per_interval = 3};
    expect_near(logistic.gradient(forward), logistic.gradient(discrete), tolerance, std::string(name(method)));
    EXPECT_GT(logistic.error(forward), 1e-6) << name(method);  // the steps are long ones
  }
}

/// A tangent for each number of z0 would be refused.
TEST(ForwardSensitivities, SolveNoTangentThatNobodyAsksFor) {
  constexpr std::int64_t kSize = 1100;
  const Parameter p("p", HostArray::vector({0.3}));
  const VectorField field = vector_field({kSize}, [&](Array, Array z) { return p * z; });
  const Function loss = trace(
      [&](Array z0) {
        return sum(
            solve(field, z0, constant(HostArray::vector({0, 1})), {.rtol = 1e-8, .adjoint = Adjoint::kForward})[1]);
      },
      {{"z0", {kSize}}});
  const RunResult result =
      compile(value_and_grad(loss, std::vector<Parameter>{p})).run({HostArray(Shape{1, kSize}, Numbers(kSize, 1.0))});
  EXPECT_NEAR(result.outputs[1].at(0), kSize * std::exp(0.3), 1e-4);
}

TEST(ContinuousAdjoints, RefuseWhatTheyCannotDo) {
  const Logistic logistic;
  const auto expect = [&](const SolveOptions& options, const char* says) {
    EXPECT_ERROR(logistic.loss(options), InvalidArgument, says);
  };
  expect({.method = Method::kRk4, .adjoint = Adjoint::kInterpolating}, "which fixed steps do not keep");
  expect({.step_size = 0.1, .adjoint = Adjoint::kQuadrature}, "adjoint = 'quadrature' reads the state between");
  expect({.method = Method::kRodas5p, .mass_matrix = {1}, .adjoint = Adjoint::kInterpolating}, "is for y' = f");
  expect({.method = Method::kRodas5p, .mass_matrix = {1}, .adjoint = Adjoint::kForward}, "is for y' = f");
  expect({.adjoint_rtol = 1e-3}, "adjoint_rtol is for adjoints that solve an equation of their own");
  expect({.adjoint = Adjoint::kInterpolating, .adjoint_rtol = -1}, "adjoint_rtol must be finite and at least 0");
  expect({.adjoint = Adjoint::kInterpolating, .adjoint_atol = NAN}, "adjoint_atol must be finite and at least 0");
  expect({.step_size = 0.1, .adjoint = Adjoint::kBacksolve, .adjoint_atol = 1}, "steps chosen by the error");
  const VectorField wide = vector_field({1100}, [](Array, Array z) { return -z; });
  const Function loss = trace(
      [&](Array z0) {
        return sum(solve(wide, z0, constant(HostArray::vector({0, 1})), {.adjoint = Adjoint::kForward}));
      },
      {{"z0", {1100}}});
  EXPECT_ERROR(value_and_grad(loss), NotSupported, "here these are 1100, and more than 1024 are refused");
}

TEST(ContinuousAdjoints, NumbersThatMustNotBeNegativeHaveCostatesOfAnySign) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -1.0 * z; });
  for (const Adjoint adjoint :
       {Adjoint::kDiscrete, Adjoint::kBacksolve, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kForward}) {
    const SolveOptions options{.rtol = 1e-9, .atol = 1e-12, .nonnegative = {0}, .adjoint = adjoint};
    const Function loss = trace(
        [&](Array z0) {
          return -1.0 * sum(solve(field, z0, constant(HostArray::vector({0, 2})), options)[1]);
        },
        {{"z0", {1}}});
    const RunResult result = compile(value_and_grad(loss)).run({column({1.0})});
    EXPECT_NEAR(result.outputs[1].at(0), -std::exp(-2), 1e-8) << name(adjoint);
  }
}

}  // namespace
}  // namespace costate
