#include "costate/train/losses.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// Two samples whose differences stay away from the kinks of |d| at 0 and of Huber at 1.
std::vector<HostArray> test_inputs() {
  return {HostArray(Shape{2, 4}, std::vector<double>{0.5, 0.2, 2.5, -0.7, 1.5, 0.1, -3.0, 0.25}),
          HostArray(Shape{2, 4}, std::vector<double>{0.1, 0.3, 0.25, -0.2, -0.5, 0.6, -0.5, 0.5})};
}

class Losses : public ::testing::TestWithParam<Loss> {};

TEST_P(Losses, HaveTheirValueAndDerivativeWhereTheMaskIsSet) {
  const Function f = trace([&](Array p, Array t, Array m) { return loss_sum(GetParam(), p, t, m); },
                           {{"prediction", {4}}, {"target", {4}}, {"mask", {4}}});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const HostArray p(Shape{1, 4}, std::vector<double>{1.0, 0.3, 5.0, nan}),
      t(Shape{1, 4}, std::vector<double>{3.0, 0.1, nan, 1.0}), m(Shape{1, 4}, std::vector<double>{1, 1, 0, 0});
  const std::vector<std::size_t> wrt = {0};
  const RunResult result = compile(value_and_grad(f, wrt)).run({p, t, m});
  const auto cell = [&](double d) {
    if (GetParam() == Loss::kMse) return std::pair{d * d, 2 * d};
    if (GetParam() == Loss::kMae) return std::pair{std::abs(d), d > 0 ? 1.0 : -1.0};
    return std::abs(d) <= 1 ? std::pair{d * d / 2, d} : std::pair{std::abs(d) - 0.5, d > 0 ? 1.0 : -1.0};
  };
  EXPECT_NEAR(result.outputs[0].at(0), cell(-2.0).first + cell(0.2).first, 1e-15);
  EXPECT_NEAR(result.outputs[1].at(0), cell(-2.0).second, 1e-15);
  EXPECT_NEAR(result.outputs[1].at(1), cell(0.2).second, 1e-15);
  EXPECT_EQ(result.outputs[1].at(2), 0);
  EXPECT_EQ(result.outputs[1].at(3), 0);
}

TEST_P(Losses, PassTheChecksOfAnyProgram) {
  const Function f = trace(
      [&](Array p, Array t) {
        return loss_sum(GetParam(), p, t, constant(HostArray::vector({1, 0, 1, 1})));
      },
      {{"prediction", {4}}, {"target", {4}}});
  const std::vector<HostArray> inputs = test_inputs();
  testing::check_execution(f, inputs, 1e-15);
  testing::check_derivatives(f, inputs, 1e-7);
}

TEST_P(Losses, HaveNamesAndOneShape) {
  EXPECT_EQ(loss_from_name(name(GetParam())), GetParam());
  EXPECT_ERROR(loss_from_name("hubert"), InvalidArgument, "did you mean 'huber'");
  const auto mismatch = [&] {
    trace([&](Array p, Array t) { return loss_sum(GetParam(), p, t, ones({4})); }, {{"p", {4}}, {"t", {3}}});
  };
  EXPECT_ERROR(mismatch(), ShapeError, "must have one shape");
}

INSTANTIATE_TEST_SUITE_P(All, Losses, ::testing::Values(Loss::kMse, Loss::kMae, Loss::kHuber),
                         [](const auto& loss) { return name(loss.param); });

TEST(RelativeError, IsInUnitsOfTheTruthsDeviation) {
  const std::vector<double> truth = {1, 3, 5, 7};  // of variance 5
  EXPECT_NEAR(relative_error(std::vector<double>{2, 4, 6, 8}, truth), std::sqrt(1.0 / 5), 1e-15);
  EXPECT_EQ(relative_error(std::vector<double>{2, NAN, 6, 8}, truth), HUGE_VAL);
  EXPECT_ERROR(relative_error(std::vector<double>{2}, truth), ShapeError, "got 1 and 4");
}

}  // namespace
}  // namespace costate
