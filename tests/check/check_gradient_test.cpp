// The gradient check finds what is wrong, names it, and says nothing of what is right.
#include "costate/check/check_gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "costate/exec/tile_op.h"
#include "costate/graph/trace.h"
#include "costate/operations/interpolate.h"
#include "costate/solve/solve.h"
#include "tests/adjoint/rest_cases.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// The end of y' = -rate (y - target) over [0, 10], of inputs z0 and target.
Function end_of_decay(const SolveOptions& options, const Parameter& rate) {
  const VectorField field =
      vector_field({1}, {{"target", {1}}}, [&](Array, Array z, Array target) { return -Array(rate) * (z - target); });
  return trace_list({{"z0", {1}}, {"target", {1}}}, [&](std::span<const Array> in) {
    const Array times = constant(HostArray::vector({0, 10}));
    return std::vector<Array>{sum(solve(field, in[0], times, options, in.subspan(1))[1])};
  });
}

HostArray column(std::vector<double> numbers) {
  const auto rows = static_cast<std::int64_t>(numbers.size());
  return HostArray(Shape{rows, 1}, std::move(numbers));
}

/// A batch of one sample of this shape.
HostArray one(std::vector<std::int64_t> axes, std::vector<double> numbers) {
  axes.insert(axes.begin(), 1);
  return HostArray(Shape(axes), std::move(numbers));
}

const InputCheck& named(const GradientCheck& check, const char* input) {
  for (const InputCheck& found : check.inputs)
    if (found.input == input) return found;
  throw std::out_of_range(input);
}

TEST(CheckGradient, PassesWhatIsRight) {
  const Parameter rate("rate", HostArray::vector({0.3}));
  const GradientCheck check = check_gradient(end_of_decay({}, rate), std::vector{column({1, 2}), column({0.5, 3})});
  EXPECT_TRUE(check.ok) << check.text();
  ASSERT_EQ(check.inputs.size(), 3u);
  for (const InputCheck& found : check.inputs) {
    EXPECT_EQ(found.verdict, GradientVerdict::kRight) << check.text();
    EXPECT_NEAR(found.gradient, found.difference, 1e-5) << check.text();
    EXPECT_EQ(found.note, "");
  }
  EXPECT_EQ(named(check, "rate").sample, -1);
  EXPECT_GE(std::abs(named(check, "z0").gradient), 0.5 * std::exp(-3.0) - 1e-6);
  EXPECT_LE(std::abs(named(check, "z0").gradient), 1.5 * std::exp(-3.0) + 1e-6);
}

TEST(CheckGradient, PassesStatesThatAreTakenBack) {
  const VectorField pendulum = vector_field({2}, [](Array, Array z) { return stack({z[1], -sin(z[0])}); });
  for (const Method method :
       {Method::kSymplecticEuler, Method::kVelocityVerlet, Method::kReversibleHeun, Method::kAlf}) {
    const SolveOptions options{.method = method, .steps_per_interval = 2000, .adjoint = Adjoint::kReversible};
    const Function loss = trace(
        [&](Array z0) {
          return solve(pendulum, z0, constant(HostArray::vector({0, 1})), options)[1][0];
        },
        {{"z0", {2}}});
    const GradientCheck check = check_gradient(loss, std::vector{one({2}, {1, 0.3})});
    EXPECT_TRUE(check.ok) << name(method) << "\n" << check.text();
    EXPECT_EQ(check.inputs[0].verdict, GradientVerdict::kRight) << name(method) << "\n" << check.text();
  }
}

TEST(CheckGradient, NamesTheInputThatIsOff) {
  // The first sample moves and is right; the second rests, and its steps know nothing of z0. `scale` is right in both.
  const SolveOptions off{.gradient_steps = GradientSteps::kOff};
  const VectorField field = vector_field({1}, [](Array, Array z) { return 2.0 - z; });
  const Function loss = trace(
      [&](Array scale, Array z0) {
        return scale * sum(solve(field, z0, constant(HostArray::vector({0, 10})), off)[1]);
      },
      {{"scale", {}}, {"z0", {1}}});
  const GradientCheck check = check_gradient(loss, std::vector{HostArray::vector({1, 1}), column({1, 2})});
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.worst, "z0");
  EXPECT_EQ(named(check, "scale").verdict, GradientVerdict::kRight) << check.text();
  const InputCheck& z0 = named(check, "z0");
  EXPECT_EQ(z0.verdict, GradientVerdict::kOff);
  EXPECT_EQ(z0.sample, 1);
  EXPECT_GT(std::abs(z0.gradient), 50);
  EXPECT_LT(std::abs(z0.tangent), 1e-4);
  EXPECT_LT(std::abs(z0.difference), 1e-4);
  EXPECT_NE(z0.note.find("not fit to be differentiated"), std::string::npos);
  EXPECT_NE(check.text().find("'z0': the steps of a solve"), std::string::npos) << check.text();
}

template <class T>
struct SquareTileOp : TileOp<T> {
  explicit SquareTileOp(const TileOpContext& context) : lanes(context.lanes) {}
  void run(const TileOpRun<T>& run, T* out) const override {
    for (std::size_t i = 0; i < lanes; ++i) out[i] = run.operands[0][i] * run.operands[0][i];
  }
  std::size_t lanes;
};

/// x², with a vjp that has forgotten the 2.
struct WrongSquare : TileExtension<SquareTileOp> {
  std::string name() const override { return "wrong_square"; }
  Shape infer_shape(std::span<const Shape> operands) const override { return operands[0]; }
  std::vector<double> interpret(std::span<const std::vector<double>> operands) const override {
    return {operands[0][0] * operands[0][0]};
  }
  std::vector<Array> vjp(std::span<const Array> operands, const Array&, const Array& cotangent,
                         const std::vector<bool>&) const override {
    return {cotangent * operands[0]};
  }
  Array jvp(std::span<const Array> operands, const Array&, std::span<const Array> tangents) const override {
    return 2.0 * operands[0] * tangents[0];
  }
};

TEST(CheckGradient, AWrongRuleIsToldFromStepsThatAreTooLong) {
  const Function loss =
      trace([](Array x) { return costate::apply(std::make_shared<WrongSquare>(), std::span(&x, 1)); }, {{"x", {}}});
  const GradientCheck check = check_gradient(loss, std::vector{HostArray::vector({3})});
  const InputCheck& x = named(check, "x");
  EXPECT_EQ(x.verdict, GradientVerdict::kOff);
  EXPECT_NE(x.note.find("the derivative of one of them is wrong"), std::string::npos) << x.note;
}

TEST(CheckGradient, AgreesWithTheGuardOnAllCasesFromRest) {
  for (const test::RestCase& c : test::rest_cases()) {
    const GradientCheck check =
        check_gradient(test::rest_loss(c, {}), test::rest_batch(c), {.wrt = test::rest_wrt(c), .directions = 1});
    EXPECT_TRUE(check.ok) << c.name << "\n" << check.text();
  }
}

TEST(CheckGradient, SaysWhatARefusedInputIs) {
  // The field stops at T: where(t <= T) has no derivative by T. A held table has one by its values, none by its times.
  const VectorField field = vector_field(
      {1}, {{"T", {}}, {"knots", {3}}, {"table", {3, 1}}}, [](Array t, Array z, Array T, Array knots, Array table) {
        return where(t <= T, -z, 0.1 * z) + interpolate(knots, table, t, Interpolation::kHold);
      });
  const Function loss =
      trace_list({{"z0", {1}}, {"T", {}}, {"knots", {3}}, {"table", {3, 1}}}, [&](std::span<const Array> in) {
        const Array times = constant(HostArray::vector({0, 2}));
        return std::vector<Array>{sum(solve(field, in[0], times, {}, in.subspan(1))[1])};
      });
  const GradientCheck check = check_gradient(
      loss, std::vector{column({1}), HostArray::vector({0.7}), one({3}, {0, 0.5, 1.5}), one({3, 1}, {1, -1, 2})});
  EXPECT_TRUE(check.ok) << check.text();  // nothing that has a gradient is off
  EXPECT_EQ(named(check, "z0").verdict, GradientVerdict::kRight) << check.text();
  EXPECT_EQ(named(check, "table").verdict, GradientVerdict::kRight) << check.text();
  EXPECT_EQ(named(check, "T").verdict, GradientVerdict::kNoDerivative);
  EXPECT_NE(named(check, "T").note.find("'T'"), std::string::npos) << check.text();
  EXPECT_EQ(named(check, "knots").verdict, GradientVerdict::kNoDerivative);
}

TEST(CheckGradient, SaysWhatOnlySwitches) {
  const Function loss =
      trace([](Array x, Array n) { return where(n > 2, x * x, x) * floor(n); }, {{"x", {}}, {"n", {}}});
  const GradientCheck check = check_gradient(loss, std::vector{HostArray::vector({3}), HostArray::vector({4.5})});
  EXPECT_TRUE(check.ok);
  EXPECT_EQ(named(check, "n").verdict, GradientVerdict::kNoDerivative);
  EXPECT_NE(named(check, "n").note.find("comparisons"), std::string::npos);
  EXPECT_NE(check.text().find("no derivative"), std::string::npos);
}

TEST(CheckGradient, FindsJumpsThatTheStateDecides) {
  // z' = 1 below 1, then 3: z(2) = 1 + 3 (2 - (1 - z0)) moves with 3 z0, and no derivative knows more than 1.
  const VectorField field = vector_field({1}, [](Array, Array z) { return where(z < 1, ones({1}), 3.0 * ones({1})); });
  const Function loss = trace(
      [&](Array z0) {
        return sum(solve(field, z0, constant(HostArray::vector({0, 2})))[1]);
      },
      {{"z0", {1}}});
  const GradientCheck check = check_gradient(loss, std::vector{column({0.25})});
  EXPECT_FALSE(check.ok) << check.text();
  EXPECT_EQ(check.worst, "z0");
  EXPECT_NEAR(check.inputs[0].difference / check.inputs[0].gradient, 3, 0.05) << check.text();
  EXPECT_NE(check.inputs[0].note.find("jumps or bends"), std::string::npos);
}

TEST(CheckGradient, ComparesTimes) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const Function loss =
      trace([&](Array z0, Array times) { return sum(solve(field, z0, times)[1]); }, {{"z0", {1}}, {"times", {2}}});
  const GradientCheck check = check_gradient(loss, std::vector{column({2}), one({2}, {0.5, 2})});
  EXPECT_TRUE(check.ok) << check.text();
  EXPECT_NEAR(named(check, "times").tangent, named(check, "times").gradient, 1e-5);
  EXPECT_NEAR(named(check, "times").gradient, named(check, "times").difference, 1e-5);
}

TEST(CheckGradient, SaysWhereThereIsNothingToCompareWith) {
  // A little later than the given time the root has no value, and with a mass matrix there are no tangents by times.
  const VectorField field = vector_field({1}, [](Array, Array z) { return -z; });
  const SolveOptions options{.method = Method::kRodas5p, .mass_matrix = {1}};
  const Function loss = trace(
      [&](Array times) {
        return sqrt(sum(solve(field, constant(HostArray::vector({1})), times, options)[1]) - 0.9999 * std::exp(-1.0));
      },
      {{"times", {2}}});
  const GradientCheck check = check_gradient(loss, std::vector{one({2}, {0, 1})});
  EXPECT_FALSE(check.ok);
  EXPECT_EQ(check.worst, "times");
  EXPECT_TRUE(std::isnan(check.inputs[0].tangent));
  EXPECT_EQ(check.inputs[0].verdict, GradientVerdict::kUnclear) << check.text();
  EXPECT_NE(check.inputs[0].note.find("not finite"), std::string::npos) << check.text();
}

TEST(CheckGradient, LeavesParametersAlone) {
  const Parameter rate("rate", HostArray::vector({0.3}));
  check_gradient(end_of_decay({}, rate), std::vector{column({1}), column({0.5})}, {.wrt = {2}});
  EXPECT_EQ(rate.value().at(0), 0.3);
}

TEST(CheckGradient, RefusesWhatItCannotCheck) {
  const Parameter rate("rate", HostArray::vector({0.3}));
  const Function loss = end_of_decay({}, rate);
  EXPECT_ERROR(check_gradient(loss, std::vector{column({1})}), InvalidArgument,
               "takes 2 inputs besides its Parameters");
  EXPECT_ERROR(check_gradient(loss, std::vector{column({}), column({})}), InvalidArgument, "at least one sample");
  EXPECT_ERROR(check_gradient(loss, std::vector{column({1}), column({1})}, {.directions = 0}), InvalidArgument,
               "directions at least 1");
  EXPECT_ERROR(check_gradient(end_of_decay({.max_steps = 3}, rate), std::vector{column({1}), column({0})}), SolveFailed,
               "max_steps");
  const Function vector = trace([](Array x) { return x; }, {{"x", {2}}});
  EXPECT_ERROR(check_gradient(vector, std::vector{HostArray(Shape{1, 2})}), ShapeError, "[check_gradient]");
  EXPECT_ERROR(check_gradient(Function(), std::vector{HostArray(Shape{1, 2})}), InvalidArgument,
               "[check_gradient] the function is empty; make one by trace().");
}

}  // namespace
}  // namespace costate
