// Second derivatives through a solve against closed forms, by each order of modes.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/extension.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/adjoints.h"
#include "tests/adjoint/numbers.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// z' = -p q z from z0 to 1, with an argument q of each sample; the loss is z(1)^2 = z0^2 exp(-2 p q).
struct RatedDecay {
  Parameter p{"p", HostArray::vector({0.7})};
  SolveOptions options{.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-13};

  Function loss() const {
    const VectorField field =
        vector_field({1}, {{"q", {1}}}, [this](Array, Array z, Array q) { return -Array(p) * q * z; });
    return trace(
        [&](Array z0, Array q) {
          return sum(square(solve(field, z0, constant(HostArray::vector({0, 1})), options, std::span(&q, 1))[1]));
        },
        {{"z0", {1}}, {"q", {1}}});
  }
};

/// The Hessian of z^2 exp(-2 p q) by (z, q, p), times a direction.
std::vector<double> hessian_product(double z, double q, double p, const std::vector<double>& v) {
  const double e = std::exp(-2 * p * q), zz = z * z;
  const double h[3][3] = {{2 * e, -4 * z * p * e, -4 * z * q * e},
                          {-4 * z * p * e, 4 * zz * p * p * e, -2 * zz * e + 4 * zz * p * q * e},
                          {-4 * z * q * e, -2 * zz * e + 4 * zz * p * q * e, 4 * zz * q * q * e}};
  std::vector<double> out(3, 0.0);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) out[static_cast<std::size_t>(i)] += h[i][j] * v[static_cast<std::size_t>(j)];
  return out;
}

const std::vector<double> kStarts = {1.2, -0.4, 0.9}, kRates = {0.5, 1.1, -0.3};

class SecondDerivatives : public ::testing::TestWithParam<Adjoint> {};

TEST_P(SecondDerivatives, ForwardOverReverseIsAHessianVectorProduct) {
  RatedDecay decay;
  decay.options.adjoint = GetParam();
  const Program program = compile(jvp(value_and_grad(decay.loss())));
  const double vp = 0.3;
  const std::vector<double> vz = {1.0, -0.5, 0.2}, vq = {0.4, 0.8, -1.0};
  const auto out =
      program.run({column(kStarts), column(kRates), column(vz), column(vq), HostArray::vector({vp})}).outputs;
  ASSERT_EQ(out.size(), 8U);  // loss and its gradient by z0, q, p; then their tangents
  double by_p = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto i = static_cast<std::size_t>(b);
    const auto expected = hessian_product(kStarts[i], kRates[i], 0.7, {vz[i], vq[i], vp});
    EXPECT_NEAR(out[5].at(b), expected[0], 1e-9);
    EXPECT_NEAR(out[6].at(b), expected[1], 1e-9);
    by_p += expected[2];
  }
  EXPECT_NEAR(out[7].at(0), by_p, 1e-9);
  EXPECT_EQ(out[7].shape(), (Shape{1}));
}

TEST(SecondDerivative, OfAllInputsTakesOneMoreSolveAndItsAdjoint) {
  const Function product = jvp(value_and_grad(RatedDecay().loss()));
  std::map<std::string, int> count;
  for (const Node& node : product.nodes())
    if (node.extension) ++count[node.extension->name()];
  EXPECT_EQ(count["solve"], 2);
  EXPECT_EQ(count["solve_adjoint"], 2);
}

TEST_P(SecondDerivatives, AlongSomeInputsAlone) {
  RatedDecay decay;
  decay.options.adjoint = GetParam();
  const std::vector<std::size_t> by_q = {1}, by_p = {2};
  const auto mixed = compile(jvp(value_and_grad(decay.loss(), by_p), by_q))
                         .run({column(kStarts), column(kRates), column({1, 1, 1})})
                         .outputs;
  double expected = 0;
  for (std::size_t i = 0; i < 3; ++i) expected += hessian_product(kStarts[i], kRates[i], 0.7, {0, 1, 0})[2];
  EXPECT_NEAR(mixed[3].at(0), expected, 1e-9);
}

TEST_P(SecondDerivatives, ReverseOverForwardAgrees) {
  RatedDecay decay;
  decay.options.adjoint = GetParam();
  const std::vector<std::size_t> values = {0, 1, 2};
  const auto out = compile(vjp(jvp(decay.loss()), values))
                       .run({column(kStarts), column(kRates), column({1, 1, 1}), column({0, 0, 0}),
                             HostArray::vector({0.3}), HostArray::vector({0, 0, 0}), HostArray::vector({1, 1, 1})})
                       .outputs;
  double by_p = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto i = static_cast<std::size_t>(b);
    const auto expected = hessian_product(kStarts[i], kRates[i], 0.7, {1, 0, 0.3});
    EXPECT_NEAR(out[2].at(b), expected[0], 1e-9);
    EXPECT_NEAR(out[3].at(b), expected[1], 1e-9);
    by_p += expected[2];
  }
  EXPECT_NEAR(out[4].at(0), by_p, 1e-9);
}

TEST_P(SecondDerivatives, ReverseOverReverseTrainsAPenaltyOnTheGradient) {
  // (d loss / d z0)^2 = 4 z0^2 exp(-4 p q), whose derivative by p is -16 q z0^2 exp(-4 p q).
  RatedDecay decay;
  decay.options.adjoint = GetParam();
  const VectorField field =
      vector_field({1}, {{"q", {1}}}, [&](Array, Array z, Array q) { return -Array(decay.p) * q * z; });
  const Function penalty = trace(
      [&](Array z0, Array q) {
        const Array end = solve(field, z0, constant(HostArray::vector({0, 1})), decay.options, std::span(&q, 1))[1];
        return sum(square(gradient(sum(square(end)), std::span(&z0, 1))[0]));
      },
      {{"z0", {1}}, {"q", {1}}});
  const auto out = compile(value_and_grad(penalty)).run({column(kStarts), column(kRates)}).outputs;
  double by_p = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    const double z = kStarts[static_cast<std::size_t>(b)], q = kRates[static_cast<std::size_t>(b)];
    const double e = std::exp(-4 * 0.7 * q);
    EXPECT_NEAR(out[0].at(b), 4 * z * z * e, 1e-9);
    EXPECT_NEAR(out[1].at(b), 8 * z * e, 1e-9);
    EXPECT_NEAR(out[2].at(b), -16 * 0.7 * z * z * e, 1e-8);
    by_p += -16 * q * z * z * e;
  }
  EXPECT_NEAR(out[3].at(0), by_p, 1e-8);
}

TEST_P(SecondDerivatives, ReverseOverReverseIsAHessianVectorProduct) {
  RatedDecay decay;
  decay.options.adjoint = GetParam();
  const double vp = 0.3;
  const std::vector<double> vz = {1.0, -0.5, 0.2}, vq = {0.4, 0.8, -1.0};
  const auto out =
      compile(vjp(value_and_grad(decay.loss())))
          .run({column(kStarts), column(kRates), HostArray(Shape{3}), column(vz), column(vq), HostArray::vector({vp})})
          .outputs;
  ASSERT_EQ(out.size(), 7U);  // loss and its gradient by z0, q, p; then the cotangents of these
  double by_p = 0;
  for (std::int64_t b = 0; b < 3; ++b) {
    const auto i = static_cast<std::size_t>(b);
    const auto expected = hessian_product(kStarts[i], kRates[i], 0.7, {vz[i], vq[i], vp});
    EXPECT_NEAR(out[4].at(b), expected[0], 1e-9);
    EXPECT_NEAR(out[5].at(b), expected[1], 1e-9);
    by_p += expected[2];
  }
  EXPECT_NEAR(out[6].at(0), by_p, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Adjoints, SecondDerivatives, ::testing::ValuesIn(test::kAdjoints), test::adjoint_name);

/// z' = -t z from z0 at t0: the loss is z(t1) + 2 z(t2), of x = (z0, t0, t1, t2); its gradient.
Numbers gradient_by_times(const Numbers& x) {
  const auto factor = [&](double t) { return std::exp((x[1] * x[1] - t * t) / 2); };
  const double e1 = factor(x[2]), e2 = 2 * factor(x[3]);
  return {e1 + e2, x[0] * x[1] * (e1 + e2), -x[0] * x[2] * e1, -x[0] * x[3] * e2};
}

TEST_P(SecondDerivatives, OfTimesToo) {
  const SolveOptions options{.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-13, .adjoint = GetParam()};
  const VectorField field = vector_field({1}, [](Array t, Array z) { return -t * z; });
  const Function loss = trace(
      [&](Array z0, Array times) {
        const Array states = solve(field, z0, times, options);
        return sum(states[1] + 2.0 * states[2]);
      },
      {{"z0", {1}}, {"times", {3}}});
  const Numbers x = {1.3, 0.2, 0.9, 1.4}, v = {0.4, -1.1, 0.7, 0.5};
  Numbers truth;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto gradient = [&](double step) {
      Numbers moved = x;
      for (std::size_t k = 0; k < 4; ++k) moved[k] += step * v[k];
      return gradient_by_times(moved)[i];
    };
    constexpr double kStep = 1e-3;
    truth.push_back((8 * (gradient(kStep) - gradient(-kStep)) - (gradient(2 * kStep) - gradient(-2 * kStep))) /
                    (12 * kStep));
  }
  const HostArray z0 = row({x[0]}), times = row(part(x, 1, 3)), by_z0 = row({v[0]}), by_times = row(part(v, 1, 3));
  const auto forward = compile(jvp(value_and_grad(loss))).run({z0, times, by_z0, by_times}).outputs;
  const auto reverse =
      compile(vjp(value_and_grad(loss))).run({z0, times, HostArray(Shape{1}), by_z0, by_times}).outputs;
  for (const auto& [out, first, mode] : {std::tuple(&forward, 4U, "forward"), {&reverse, 3U, "reverse"}}) {
    Numbers found = {(*out)[first].at(0)};
    for (std::int64_t i = 0; i < 3; ++i) found.push_back((*out)[first + 1].at(i));
    expect_near(found, truth, 1e-9, mode);
  }
}

TEST(SecondDerivative, TangentsOfTimesAreTheSlopes) {
  const VectorField field = vector_field({1}, [](Array t, Array z) { return -t * z; });
  const Function end = trace(
      [&](Array times) {
        return solve(field, constant(HostArray::vector({1.3})), times, {.rtol = 1e-10, .atol = 1e-11});
      },
      {{"times", {3}}});
  const auto out = compile(jvp(end)).run({row({0.2, 0.9, 1.4}), row({0.5, -1, 2})}).outputs;
  const auto z = [](double t) { return 1.3 * std::exp((0.04 - t * t) / 2); };
  EXPECT_NEAR(out[1].at(0), 0, 1e-14);  // z(t0) is z0, whenever that is
  EXPECT_NEAR(out[1].at(1), z(0.9) * (0.5 * 0.2 + 0.9), 1e-9);
  EXPECT_NEAR(out[1].at(2), z(1.4) * (0.5 * 0.2 - 2 * 1.4), 1e-9);
}

TEST(SecondDerivative, OfTimesWithAMassMatrixIsRefused) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const Function end = trace(
      [&](Array times) {
        return solve(field, constant(HostArray::vector({1})), times, {.method = Method::kRodas5p, .mass_matrix = {2}});
      },
      {{"times", {2}}});
  EXPECT_ERROR(jvp(end), NotSupported, "leave them out of wrt");
}

}  // namespace
}  // namespace costate
