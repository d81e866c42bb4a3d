// Methods 'bdf' and 'adams', which are SUNDIALS' CVODE: against Costate's own methods; what they say of each sample,
// and what they refuse.
#include <gtest/gtest.h>

#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/base/threads.h"
#include "costate/operations/operations.h"
#include "costate/solve/dense_solution.h"
#include "costate/solve/internal/cvodes_library.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

/// Prey and hunters; p [2] are the rates at which they meet.
VectorField hunters() {
  return vector_field({2}, {{"p", {2}}}, [](Array t, Array y, Array p) {
    const Array meet = y[0] * y[1];
    return stack({1.5 * y[0] - p[0] * meet + 0.1 * sin(t), p[1] * meet - 3.0 * y[1]});
  });
}

HostArray rows_of(std::int64_t batch, std::vector<double> row) {
  HostArray all(Shape{batch, static_cast<std::int64_t>(row.size())});
  for (std::int64_t i = 0; i < all.size(); ++i)
    all.set(i, row[static_cast<std::size_t>(i) % row.size()] *
                   (1 + 0.02 * static_cast<double>(i / static_cast<std::int64_t>(row.size()))));
  return all;
}

class CvodeMethods : public ::testing::TestWithParam<Method> {};

TEST_P(CvodeMethods, AgreeWithOwnMethodsAtAllTimesInBothDirections) {
  const HostArray z0 = rows_of(7, {1, 1}), p = rows_of(7, {1, 1});
  for (const std::vector<double>& times : {std::vector<double>{0, 0, 0.3, 0.31, 2, 2, 5}, {4, 1, -1, -1}}) {
    const HostArray at = HostArray::vector(times);
    const Solution truth =
        solve(hunters(), z0, at, {.method = Method::kVern9, .rtol = 1e-12, .atol = 1e-12}, std::span(&p, 1));
    const SolveOptions options{.method = GetParam(), .rtol = 1e-8, .atol = 1e-10};
    set_num_threads(3);
    const Solution solution = solve(hunters(), z0, at, options, std::span(&p, 1));
    set_num_threads(0);
    solution.check();
    for (std::int64_t i = 0; i < truth.states.size(); ++i)
      EXPECT_NEAR(solution.states.at(i), truth.states.at(i), 2e-5 * (1 + std::abs(truth.states.at(i)))) << i;
    for (std::size_t i = 0; i < 7; ++i) {
      EXPECT_GT(solution.nfe[i], solution.accepted[i]);
      EXPECT_EQ(solution.reached[i], times.back());
      EXPECT_EQ(solution.implicit_steps[i], GetParam() == Method::kBdf ? solution.accepted[i] : 0);
    }
  }
}

TEST_P(CvodeMethods, FollowTheTolerance) {
  const HostArray z0 = rows_of(1, {1, 1}), p = rows_of(1, {1, 1}), at = HostArray::vector({0, 5});
  const Solution truth =
      solve(hunters(), z0, at, {.method = Method::kVern9, .rtol = 1e-12, .atol = 1e-12}, std::span(&p, 1));
  std::vector<double> errors;
  for (const double rtol : {1e-4, 1e-9}) {
    const SolveOptions options{.method = GetParam(), .rtol = rtol, .atol = rtol};
    errors.push_back(std::abs(solve(hunters(), z0, at, options, std::span(&p, 1)).states.at(2) - truth.states.at(2)));
  }
  EXPECT_LT(errors[0], 0.3);
  EXPECT_LT(errors[1], 1e-2 * errors[0]);
}

TEST_P(CvodeMethods, AFailedSampleLeavesTheOthersAlone) {
  // y' = y²: from 1 it blows up at t = 1.
  const VectorField field = vector_field({1}, [](Array, Array y) { return y * y; });
  const HostArray z0(Shape{4, 1}, std::vector<double>{0.1, 1, NAN, 0.2});
  const Solution solution = solve(field, z0, HostArray::vector({0, 0.5, 2}), {.method = GetParam()});
  EXPECT_EQ(solution.status[0], Status::kOk);
  EXPECT_NE(solution.status[1], Status::kOk);
  EXPECT_EQ(solution.status[2], Status::kNonFinite);
  EXPECT_EQ(solution.status[3], Status::kOk);
  EXPECT_NEAR(solution.states.at(2), 0.1 / (1 - 0.2), 1e-5);
  EXPECT_NEAR(solution.states.at(3 + 1), 2, 1e-4);
  EXPECT_TRUE(std::isnan(solution.states.at(3 + 2)));
  EXPECT_NEAR(solution.reached[1], 1, 1e-2);
  EXPECT_ERROR(solution.check(), SolveFailed, "[solve] sample 1 ended with");
  const Solution short_of_steps = solve(field, HostArray(Shape{1, 1}, std::vector<double>{0.1}),
                                        HostArray::vector({0, 5}), {.method = GetParam(), .max_steps = 10});
  EXPECT_EQ(short_of_steps.status[0], Status::kMaxSteps);
  EXPECT_EQ(short_of_steps.accepted[0] + short_of_steps.rejected[0], 10);
}

TEST_P(CvodeMethods, StopWhereAnInputBends) {
  // A pulse of 0.01 after a rest: a step that has grown would pass over it.
  const VectorField field = vector_field({1}, [](Array t, Array y) {
    const Array pulse =
        interpolate(constant(HostArray::vector({0, 50, 50.01, 60})),
                    constant(HostArray(Shape{4, 1}, std::vector<double>{0, 100, 0, 0})), t, Interpolation::kHold);
    return pulse - 0.0 * y;
  });
  const Solution solution =
      solve(field, HostArray(Shape{1, 1}, std::vector<double>{0}), HostArray::vector({0, 60}), {.method = GetParam()});
  solution.check();
  EXPECT_NEAR(solution.states.at(1), 1, 1e-6);
}

TEST_P(CvodeMethods, SolveInsideATrace) {
  const SolveOptions options{.method = GetParam()};
  const Function program =
      trace([&](Array z0, Array times,
                Array p) { return solve(hunters(), z0, times, options, std::span<const Array>(&p, 1)); },
            {{"z0", {2}}, {"times", {3}}, {"p", {2}}});
  const HostArray z0 = rows_of(5, {1, 1}), p = rows_of(5, {1, 1});
  HostArray times(Shape{5, 3});
  for (std::int64_t b = 0; b < 5; ++b)
    for (std::int64_t i = 0; i < 3; ++i) times.set(3 * b + i, 0.7 * static_cast<double>(i));
  testing::check_execution(program, {z0, times, p}, 1e-12);
}

TEST_P(CvodeMethods, RefuseWhatIsNotTheirs) {
  const HostArray z0 = rows_of(1, {1, 1}), p = rows_of(1, {1, 1}), at = HostArray::vector({0, 5});
  const auto run = [&](SolveOptions options) {
    options.method = GetParam();
    return solve(hunters(), z0, at, options, std::span(&p, 1));
  };
  EXPECT_ERROR(run({.step_size = 0.1}), InvalidArgument, "a fixed step is not for '");
  EXPECT_ERROR(run({.rtols = {1e-3, 1e-4}, .atols = {1e-3, 1e-4}}), InvalidArgument, "a list of rtol is not for '");
  EXPECT_ERROR(run({.error_norm = ErrorNorm::kMax}), InvalidArgument, "error_norm is not for '");
  const Function norm = trace([](Array errors) { return max(errors[0], errors[1]); }, {{"errors", {2}}});
  EXPECT_ERROR(run({.norm = norm}), InvalidArgument, "norm is not for '");
  EXPECT_ERROR(run({.control = Control::kJoint}), InvalidArgument, "control = 'joint' is not for '");
  EXPECT_ERROR(run({.mass_matrix = {1, 0, 0, 1}}), InvalidArgument, "mass_matrix is for 'rodas5p'");
  EXPECT_ERROR(run({.adjoint = Adjoint::kBacksolve}), InvalidArgument, "adjoint = 'backsolve' is for explicit methods");
  EXPECT_ERROR(solve(hunters(), z0, at, {.adjoint = Adjoint::kCvodes}, std::span(&p, 1)), InvalidArgument,
               "adjoint = 'cvodes' is for 'bdf' and 'adams'; got 'dopri5'");
  EXPECT_ERROR(solve_dense(hunters(), z0, at, {.method = GetParam()}, std::span(&p, 1)), NotSupported,
               "a dense output is for steps of Costate's own");
  EXPECT_ERROR(accepted_steps(hunters(), z0, at, {.method = GetParam()}, std::span(&p, 1)), NotSupported,
               "takes SUNDIALS' steps, which it keeps to itself");
}

INSTANTIATE_TEST_SUITE_P(Methods, CvodeMethods, ::testing::Values(Method::kBdf, Method::kAdams),
                         [](const auto& method) { return std::string(name(method.param)); });

TEST(CvodeLibrary, ItsAbsenceIsSaidInOneSentence) {
  constexpr const char* kNames[] = {"libsundials_cvodes.so.none", "libsundials_cvodes.so.more"};
  EXPECT_ERROR(internal::sundials::load_library(kNames), NotSupported,
               "[solve] methods 'bdf' and 'adams' are those of SUNDIALS 6 or 7, whose library "
               "could not be loaded (libsundials_cvodes.so.more: cannot open");
}

}  // namespace
}  // namespace costate
