// Jacobians, Hessians and tangents of solves against closed forms: z' = -p z, z(T) = z0 exp(-p T).
#include <gtest/gtest.h>

#include <cmath>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/numbers.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

const SolveOptions kTight = {.rtol = 1e-10, .atol = 1e-12};
constexpr double kError = 1e-7;  // of derivatives of solves whose steps err by 1e-10

struct Decay {
  Parameter p{"p", HostArray(Shape{}, std::vector<double>{0.7})};
  Function end = trace(
      [this](Array z0, Array t) {
        const VectorField field = vector_field({1}, [&](Array, Array z) { return -Array(p) * z; });
        return solve(field, z0, concat({zeros({1}), reshape(t, {1})}), kTight)[1][0];
      },
      {{"z0", {1}}, {"t", {}}});
  HostArray z0 = column({1.0, 2.0, -0.5});
  HostArray t = HostArray::vector({0.5, 1.0, 2.0});
};

TEST(Jacobian, OfASolveByItsStartItsEndAndAParameter) {
  const Decay decay;
  const std::vector<HostArray> out = compile(jacobian(decay.end)).run({decay.z0, decay.t}).outputs;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double z0 = decay.z0.at(i), t = decay.t.at(i), e = std::exp(-0.7 * t);
    EXPECT_NEAR(out[1].at(i), e, kError);
    EXPECT_NEAR(out[2].at(i), -0.7 * z0 * e, kError);
    EXPECT_NEAR(out[3].at(i), -t * z0 * e, kError);  // one a sample, not their sum
  }
}

TEST(Hessian, OfASolveByItsStartAndAParameter) {
  const Decay decay;
  const Function loss = trace(
      [&](Array z0, Array t) {
        const VectorField field = vector_field({1}, [&](Array, Array z) { return -Array(decay.p) * z; });
        return square(solve(field, z0, concat({zeros({1}), reshape(t, {1})}), kTight)[1][0]);
      },
      {{"z0", {1}}, {"t", {}}});
  const std::size_t wrt[] = {0, 2};
  const std::vector<HostArray> out = compile(hessian(loss, wrt)).run({decay.z0, decay.t}).outputs;
  double by_p = 0;
  for (std::int64_t i = 0; i < 3; ++i) {
    const double z0 = decay.z0.at(i), t = decay.t.at(i), e2 = std::exp(-1.4 * t);
    EXPECT_NEAR(out[1].at(i), 2 * e2, kError);
    EXPECT_NEAR(out[2].at(i), -4 * t * z0 * e2, kError);
    EXPECT_NEAR(out[3].at(i), -4 * t * z0 * e2, kError);
    by_p += 4 * t * t * z0 * z0 * e2;
  }
  EXPECT_NEAR(out[4].at(0), by_p, 10 * kError);
}

TEST(Hessian, BySolvesTimes) {
  const Decay decay;
  const std::size_t wrt[] = {1};
  const HostArray found = compile(hessian(decay.end, wrt)).run({decay.z0, decay.t}).outputs[1];
  for (std::int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(found.at(i), 0.49 * decay.z0.at(i) * std::exp(-0.7 * decay.t.at(i)), kError);
}

TEST(Hessian, ThatIsNoneIsRefusedByName) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const Function end = trace(
      [&](Array t) {
        return solve(field, constant(HostArray::vector({1})), concat({zeros({1}), reshape(t, {1})}),
                     {.method = Method::kRodas5p, .mass_matrix = {2}})[1][0];
      },
      {{"t", {}}});
  EXPECT_ERROR(hessian(end), NotSupported, "[hessian] by 't' and 't' there is none, leave it out of wrt");
}

TEST(Jvp, OfASolveAlongTangentsOfEachSample) {
  const Decay decay;
  const std::size_t wrt[] = {2};
  const Program program = compile(jvp(decay.end, wrt, InputKind::kSample));
  const HostArray directions = HostArray::vector({1.0, -2.0, 0.5});
  const HostArray tangents = program.run({decay.z0, decay.t, directions}).outputs[1];
  for (std::int64_t i = 0; i < 3; ++i) {
    const double z0 = decay.z0.at(i), t = decay.t.at(i);
    EXPECT_NEAR(tangents.at(i), -directions.at(i) * t * z0 * std::exp(-0.7 * t), kError);
  }
}

TEST(SolveInATrace, AFieldMayUseArraysOfTheTraceAroundIt) {
  const Parameter p("p", HostArray::vector({0.3, 0.6}));
  const auto loss = [&](bool by_argument) {
    return trace(
        [&](Array z0, Array gain) {
          const Array rate = exp(p), scaled = square(gain), times = constant(HostArray::vector({0, 0.5, 1}));
          const std::vector<Array> given = {scaled, rate};
          const VectorField declared = vector_field({2}, {{"gain", {}}, {"rate", {2}, InputKind::kShared}},
                                                    [](Array, Array z, Array g, Array r) { return g - r * z; });
          if (by_argument) return sum(solve(declared, z0, times, kTight, given));
          const VectorField captured = vector_field({2}, [&](Array, Array z) { return scaled - rate * z; });
          EXPECT_EQ(captured.arguments().size(), 2U);
          return sum(solve(captured, z0, times, kTight));
        },
        {{"z0", {2}}, {"gain", {}}});
  };
  const HostArray z0(Shape{3, 2}, std::vector<double>{1, 2, 3, 4, 5, 6}), gain = HostArray::vector({0.1, 0.2, 0.3});
  const auto captured = compile(value_and_grad(loss(false))).run({z0, gain}).outputs;
  const auto declared = compile(value_and_grad(loss(true))).run({z0, gain}).outputs;
  ASSERT_EQ(captured.size(), 4U);
  for (std::size_t i = 0; i < captured.size(); ++i) EXPECT_TRUE(captured[i].same_bits(declared[i])) << i;
}

TEST(SolveInATrace, AFieldMayUseASolveOfWhatAllSamplesShare) {
  const Parameter s("s", HostArray::vector({0.7}));
  const Function end = trace(
      [&](Array z0) {
        const Array times = constant(HostArray::vector({0, 1}));
        const Array q = solve(vector_field({1}, [](Array, Array z) { return -z; }), s, times, kTight)[1];
        return solve(vector_field({1}, [&](Array, Array z) { return q * z; }), z0, times, kTight)[1][0];
      },
      {{"z0", {1}}});
  const double q = 0.7 * std::exp(-1), by_s = std::exp(q - 1);  // of a start of 1
  const std::size_t wrt[] = {1};
  const HostArray starts = column({1, 2});
  EXPECT_NEAR(compile(value_and_grad(end, wrt)).run({starts}).outputs[1].at(0), 3 * by_s, kError);
  EXPECT_NEAR(compile(jvp(end, wrt)).run({starts, HostArray::vector({1})}).outputs[1].at(1), 2 * by_s, kError);
  EXPECT_NEAR(compile(jacobian(end, wrt)).run({starts}).outputs[1].at(1), 2 * by_s, kError);
  EXPECT_NEAR(compile(hessian(end, wrt)).run({starts}).outputs[1].at(0), 3 * by_s * std::exp(-1), kError);
}

TEST(SolveInATrace, FieldsWithinFieldsUseWhatIsAroundThem) {
  // x' = q z in the inner field, where z is the outer field's state and q of the trace: x(1) = q z.
  const Function end = trace(
      [](Array z0, Array q) {
        const Array times = constant(HostArray::vector({0, 1}));
        const VectorField outer_field = vector_field({1}, [&](Array, Array z) {
          const VectorField inner = vector_field({1}, [&](Array, Array) { return q * z; });
          return solve(inner, zeros({1}), times, kTight)[1];
        });
        return solve(outer_field, z0, times, kTight)[1];
      },
      {{"z0", {1}}, {"q", {}}});
  const HostArray out = compile(end).run({column({1, 2}), HostArray::vector({0.5, -1})}).outputs[0];
  EXPECT_NEAR(out.at(0), std::exp(0.5), kError);
  EXPECT_NEAR(out.at(1), 2 * std::exp(-1), kError);
}

TEST(SolveInATrace, AFieldOfAnotherTraceIsRefused) {
  VectorField kept = vector_field({1}, [](Array, Array z) { return z; });
  trace(
      [&](Array q) {
        kept = vector_field({1}, [&](Array, Array z) { return q * z; });
        EXPECT_ERROR(solve(kept, column({1}), HostArray::vector({0, 1})), InvalidArgument,
                     "uses 'q' of the trace around it, so its solve is part of that trace; give z0");
        return q;
      },
      {{"q", {}}});
  EXPECT_ERROR(trace(
                   [&](Array z0) {
                     return solve(kept, z0, constant(HostArray::vector({0, 1})));
                   },
                   {{"z0", {1}}}),
               InvalidArgument, "has ended");
}

}  // namespace
}  // namespace costate
