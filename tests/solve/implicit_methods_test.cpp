// Implicit methods: their orders, on the step alone and over a solve; stability; lanes against the interpreter; and
// what happens where Newton's method or a matrix fails.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/base/threads.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/solve/internal/step_function.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

/// y' of y = (1 / (1 + t²), 1 / (1 + t)): not linear, and of t.
VectorField rational() {
  return vector_field({2}, [](Array t, Array z) {
    return stack(
        {-2.0 * t * z[0] * z[0] + 0.3 * (z[1] - 1.0 / (1.0 + t)), -z[1] * z[1] + 0.2 * (z[0] - 1.0 / (1.0 + t * t))});
  });
}

std::vector<double> rational_at(double t) { return {1 / (1 + t * t), 1 / (1 + t)}; }

HostArray batch_of_one(std::vector<double> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return HostArray(Shape{1, size}, std::move(values));
}

/// A step's outputs at t = 0.5.
struct Step {
  Step(Method method, double size)
      : h(size), function(internal::step_function(rational(), {.method = method}, internal::StepUse::kForward)) {
    std::vector<HostArray> inputs;
    for (const double node : function.nodes) inputs.emplace_back(Shape{}, std::vector<double>{0.5 + node * h});
    inputs.emplace_back(Shape{}, std::vector<double>{h});
    inputs.push_back(HostArray::vector(rational_at(0.5)));
    outputs = interpret(function.function, inputs);
  }

  double distance(double theta) const {
    const std::vector<double> truth = rational_at(0.5 + theta * h);
    double worst = 0;
    for (std::int64_t k = 0; k < 2; ++k) {
      double value = rational_at(0.5)[static_cast<std::size_t>(k)];
      for (std::size_t j = 0; j < function.num_dense; ++j)
        for (std::size_t p = 0; p < function.dense_degree; ++p)
          value += function.dense[j * function.dense_degree + p] * std::pow(theta, static_cast<double>(p + 1)) *
                   outputs[1 + j].at(k);
      worst = std::max(worst, std::abs(value - truth[static_cast<std::size_t>(k)]));
    }
    return worst;
  }
  double end_distance() const {
    const std::vector<double> truth = rational_at(0.5 + h);
    return std::max(std::abs(outputs[0].at(0) - truth[0]), std::abs(outputs[0].at(1) - truth[1]));
  }
  double estimate() const {
    const HostArray& error = outputs[1 + function.num_dense];
    return std::max(std::abs(error.at(0)), std::abs(error.at(1)));
  }

  double h;
  internal::StepFunction function;
  std::vector<HostArray> outputs;
};

class ImplicitMethods : public ::testing::TestWithParam<Method> {
 protected:
  const Tableau& method() const { return tableau(GetParam()); }
};

TEST_P(ImplicitMethods, AStepHasItsOrders) {
  // An error far above rounding; kencarp4's estimate shows its order in short steps alone.
  const double h = method().order >= 6 ? 0.2 : GetParam() == Method::kKencarp4 ? 0.025 : 0.1;
  const Step whole(GetParam(), h), half(GetParam(), h / 2);
  const auto order = [](double large, double small) { return std::log2(large / small); };
  EXPECT_NEAR(order(whole.end_distance(), half.end_distance()), method().order + 1, 0.5);
  EXPECT_GT(order(whole.distance(0.37), half.distance(0.37)), method().dense_order + 0.4);
  EXPECT_NEAR(whole.distance(1), whole.end_distance(), 1e-14 + (method().order > method().dense_order ? 0.1 * h : 0));
  if (method().has_error_estimate()) {
    EXPECT_NEAR(order(whole.estimate(), half.estimate()), method().error_order(), 0.6);
  }
}

TEST_P(ImplicitMethods, ConvergesAtItsOrder) {
  std::vector<double> errors;
  for (const int steps : {16, 32}) {
    const Solution solution = solve(rational(), batch_of_one({1, 1}), HostArray::vector({0, 2}),
                                    {.method = GetParam(), .steps_per_interval = steps});
    solution.check();
    errors.push_back(std::abs(solution.states.at(2) - 0.2) + std::abs(solution.states.at(3) - 1.0 / 3));
  }
  const double order = std::log2(errors[0] / errors[1]);
  EXPECT_GT(order, method().order - 0.2);
  EXPECT_LT(order, method().order + 0.5);
}

TEST_P(ImplicitMethods, LanesAgreeWithTheInterpreter) {
  const bool is_adaptive = method().has_error_estimate();
  const Function program = trace(
      [&](Array z0, Array times) {
        return solve(rational(), z0, times, {.method = GetParam(), .steps_per_interval = is_adaptive ? 0 : 8});
      },
      {{"z0", {2}}, {"times", {4}}});
  const std::int64_t batch = 11;
  HostArray z0(Shape{batch, 2}), times(Shape{batch, 4});
  for (std::int64_t b = 0; b < batch; ++b) {
    z0.set(2 * b, 0.9 + 0.03 * static_cast<double>(b));
    z0.set(2 * b + 1, 1.2 - 0.05 * static_cast<double>(b));
    for (std::int64_t i = 0; i < 4; ++i)
      times.set(4 * b + i, 0.1 * static_cast<double>(b) + 0.55 * static_cast<double>(i));
  }
  // Newton's method forgets how its matrix was rounded; an estimate near rounding moves steps by less than their error.
  testing::check_execution(program, {z0, times}, 1e-8);
}

TEST_P(ImplicitMethods, GuardedLanesAgreeWithTheInterpreter) {
  if (!method().has_error_estimate()) GTEST_SKIP() << "no error estimate, no guard";
  // At rest until 1, as far as amplitudes are 0; and moving.
  const VectorField field = vector_field({2}, {{"amplitude", {1}}}, [](Array t, Array z, Array amplitude) {
    return stack({-30.0 * z[0] + amplitude[0] * exp(-square(3.0 * (t - 1.0))), z[0] * z[0] - 2.0 * z[1]});
  });
  const Function program = trace(
      [&](Array z0, Array amplitude) {
        return solve(field, z0, constant(HostArray::vector({0, 2})),
                     {.method = GetParam(), .rtol = 1e-4, .gradient_steps = GradientSteps::kOn},
                     std::span<const Array>(&amplitude, 1));
      },
      {{"z0", {2}}, {"amplitude", {1}}});
  const HostArray z0(Shape{3, 2}, std::vector<double>{0, 0, 0, 0, 1, 0.5}),
      amplitude(Shape{3, 1}, std::vector<double>{0, 1, 0});
  testing::check_execution(program, {z0, amplitude}, 1e-9);
}

TEST_P(ImplicitMethods, SampleBitsDoNotDependOnBatchOrThreads) {
  const bool is_adaptive = method().has_error_estimate();
  const SolveOptions options{.method = GetParam(), .steps_per_interval = is_adaptive ? 0 : 8};
  HostArray z0(Shape{70, 2});
  for (std::int64_t i = 0; i < 140; ++i) z0.set(i, 1 + 0.3 * std::sin(static_cast<double>(i)));
  const HostArray times = HostArray::vector({0, 0.3, 1.5});
  set_num_threads(1);
  const Solution together = solve(rational(), z0, times, options);
  set_num_threads(3);
  EXPECT_TRUE(solve(rational(), z0, times, options).states.same_bits(together.states));
  set_num_threads(0);
  for (const std::int64_t row : {0, 31, 69}) {
    const Solution alone = solve(rational(), batch_of_one({z0.at(2 * row), z0.at(2 * row + 1)}), times, options);
    for (std::int64_t k = 0; k < 6; ++k) EXPECT_EQ(alone.states.at(k), together.states.at(row * 6 + k));
    EXPECT_EQ(alone.nfe[0], together.nfe[static_cast<std::size_t>(row)]);
  }
}

TEST_P(ImplicitMethods, LongStepsFollowASlowCurveThatAttractsFast) {
  // Prothero and Robinson: y' = -1e6 (y - cos t) - sin t, y = cos t. An explicit step of 0.1 would multiply errors by
  // 1e5.
  const VectorField field = vector_field({1}, [](Array t, Array y) { return -1e6 * (y - cos(t)) - sin(t); });
  const Solution solution =
      solve(field, batch_of_one({1}), HostArray::vector({0, 2}), {.method = GetParam(), .steps_per_interval = 20});
  solution.check();
  EXPECT_NEAR(solution.states.at(1), std::cos(2.0), 3e-3);
}

TEST_P(ImplicitMethods, SolvesInF32) {
  const bool is_adaptive = method().has_error_estimate();
  const Solution solution = solve(rational(), batch_of_one({1, 1}), HostArray::vector({0, 2}),
                                  {.method = GetParam(),
                                   .rtol = 1e-4,
                                   .atol = 1e-5,
                                   .steps_per_interval = is_adaptive ? 0 : 50,
                                   .dtype = Dtype::kF32});
  solution.check();
  EXPECT_NEAR(solution.states.at(2), 0.2, is_adaptive ? 1e-3 : 1e-2);
}

INSTANTIATE_TEST_SUITE_P(Methods, ImplicitMethods,
                         ::testing::ValuesIn(implicit_methods().begin(), implicit_methods().end()),
                         [](const auto& method) { return std::string(name(method.param)); });

TEST(Implicit, FewStepsWhereExplicitMethodsNeedMillions) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return -1e6 * (y - cos(t)) - sin(t); });
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5, Method::kRadau5}) {
    const Solution solution = solve(field, batch_of_one({1.5}), HostArray::vector({0, 10}), {.method = method});
    solution.check();
    EXPECT_LT(solution.accepted[0], 150) << name(method);
    EXPECT_NEAR(solution.states.at(1), std::cos(10.0), 1e-5) << name(method);
  }
}

TEST(Implicit, JointControlTakesTheSameStepsForAll) {
  HostArray z0(Shape{20, 2});
  for (std::int64_t i = 0; i < 40; ++i) z0.set(i, 1 + 0.3 * std::sin(static_cast<double>(i)));
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5}) {
    const Solution solution =
        solve(rational(), z0, HostArray::vector({0, 3}), {.method = method, .control = Control::kJoint});
    solution.check();
    for (const std::int64_t accepted : solution.accepted) EXPECT_EQ(accepted, solution.accepted[0]);
  }
}

TEST(Implicit, StopsAndJumpsInTheFieldAreMet) {
  const VectorField field = vector_field(
      {1}, [](Array t, Array y) { return where(t < 0.7, constant(HostArray::vector({1.0})), 50.0 * (2.0 - y)); });
  for (const Method method : {Method::kRodas5p, Method::kKvaerno3, Method::kTrbdf2, Method::kRadau5}) {
    const Solution solution =
        solve(field, batch_of_one({0}), HostArray::vector({0, 0.7, 1}), {.method = method, .stop_at = {0.7}});
    solution.check();
    EXPECT_NEAR(solution.states.at(1), 0.7, 1e-9) << name(method);
    EXPECT_NEAR(solution.states.at(2), 2 - 1.3 * std::exp(-15.0), 1e-5) << name(method);
  }
}

TEST(Implicit, NewtonsFailureShortensAdaptiveStepsAndEndsFixedOnes) {
  // Far from its root a stage of y' = -exp(8 y) needs more iterations than there are.
  const VectorField field = vector_field({1}, [](Array, Array y) { return -exp(8.0 * y); });
  const Solution adaptive =
      solve(field, batch_of_one({2}), HostArray::vector({0, 1}), {.method = Method::kKvaerno5, .first_step = 0.5});
  adaptive.check();
  EXPECT_GT(adaptive.rejected[0], 3);
  EXPECT_NEAR(adaptive.states.at(1), -std::log(8 + std::exp(-16.0)) / 8, 1e-5);

  HostArray z0(Shape{3, 1}, std::vector<double>{-1, 2, 0});
  const Solution fixed = solve(field, z0, HostArray::vector({0, 1}), {.method = Method::kImplicitEuler});
  EXPECT_EQ(fixed.status[1], Status::kNoConvergence);
  EXPECT_EQ(fixed.status[0], Status::kOk);
  EXPECT_ERROR(
      fixed.check(), SolveFailed,
      "[solve] sample 1 ended with no_convergence at t = 0 with step 1 after 0 accepted and 0 rejected steps; "
      "Newton's method does not solve the equations of this step, or their matrix is singular; take shorter steps");
}

TEST(Implicit, ASingularMatrixIsNamed) {
  // I - h gamma J = 1 - h gamma / (h gamma) = 0.
  const auto field = [](double gamma) { return vector_field({1}, [=](Array, Array y) { return (1 / gamma) * y; }); };
  const SolveOptions euler{.method = Method::kImplicitEuler, .step_size = 1};
  EXPECT_ERROR(
      solve(field(1), batch_of_one({1}), HostArray::vector({0, 4}), euler).check(), SolveFailed,
      "sample 0 ended with no_convergence at t = 0 with step 1 after 0 accepted and 0 rejected steps; Newton's "
      "method does not solve the equations of this step, or their matrix is singular");
  const SolveOptions rodas{.method = Method::kRodas5p, .step_size = 1};
  EXPECT_ERROR(solve(field(0.21193756319429014), batch_of_one({1}), HostArray::vector({0, 4}), rodas).check(),
               SolveFailed,
               "look at the field there: the state or its derivative is inf or NaN, or the matrix I - h gamma J of the "
               "step is singular");
}

TEST(Implicit, RefusesWhatItCannotDo) {
  const VectorField field = vector_field({2}, [](Array, Array y) { return -y; });
  EXPECT_ERROR(solve(field, batch_of_one({1, 1}), HostArray::vector({0, 1}),
                     {.method = Method::kRodas5p, .adjoint = Adjoint::kBacksolve}),
               InvalidArgument, "adjoint = 'backsolve' is for explicit methods; got 'rodas5p'");
  const VectorField large = vector_field({3000}, [](Array, Array y) { return -y * sum(y); });
  EXPECT_ERROR(solve(large, HostArray(Shape{1, 3000}), HostArray::vector({0, 1}), {.method = Method::kKvaerno5}),
               InvalidArgument, "'kvaerno5' solves dense linear systems of 3000 unknowns");
  EXPECT_ERROR(method_from_name("rodas5"), InvalidArgument, "rodas5p");
  const std::vector<double> mass = {1, 0, 0, 0};
  EXPECT_ERROR(solve(field, batch_of_one({1, 1}), HostArray::vector({0, 1}), {.mass_matrix = mass}), InvalidArgument,
               "mass_matrix is for 'rodas5p', 'radau5', 'radauIIA3', 'radauIIA5'; got 'dopri5'");
  EXPECT_ERROR(solve(field, batch_of_one({1, 1}), HostArray::vector({0, 1}),
                     {.method = Method::kRodas5p, .mass_matrix = {1, 0, 0}}),
               InvalidArgument, "mass_matrix must have 2 x 2 numbers, row by row, for a state of 2; got 3");
  EXPECT_ERROR(solve(field, batch_of_one({1, 1}), HostArray::vector({0, 1}),
                     {.method = Method::kRodas5p, .mass_matrix = {1, NAN, 0, 1}}),
               InvalidArgument, "the numbers of mass_matrix must be finite; got nan");
}

TEST(Implicit, AMassMatrixTurnsTheDerivatives) {
  // M y' = f with M = [[2, 1], [0, 3]] is y' = M^-1 f.
  const VectorField given = vector_field({2}, [](Array t, Array y) { return stack({-y[0] + sin(t), -y[1] * y[0]}); });
  const VectorField solved = vector_field({2}, [](Array t, Array y) {
    const Array second = -y[1] * y[0] / 3.0;
    return stack({(-y[0] + sin(t) - second) / 2.0, second});
  });
  const HostArray z0 = batch_of_one({1, 2}), times = HostArray::vector({0, 0.7, 2});
  const Solution truth = solve(solved, z0, times, {.method = Method::kDopri8, .rtol = 1e-11, .atol = 1e-12});
  for (const Method method : {Method::kRodas5p, Method::kRadau5}) {
    const Solution solution =
        solve(given, z0, times, {.method = method, .rtol = 1e-8, .atol = 1e-10, .mass_matrix = {2, 1, 0, 3}});
    solution.check();
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_NEAR(solution.states.at(i), truth.states.at(i), 1e-7) << name(method);
  }
  for (const Method method : {Method::kRadauIIA3, Method::kRadauIIA5}) {
    const Solution solution =
        solve(given, z0, times, {.method = method, .mass_matrix = {2, 1, 0, 3}, .steps_per_interval = 40});
    solution.check();
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_NEAR(solution.states.at(i), truth.states.at(i), 1e-5) << name(method);
  }
}

/// y' = -z + sin(t) / 10 with 0 = y² - z, from y = z = 1 at t = 0 to t = 2.
Solution algebraic(const SolveOptions& given, double z) {
  const VectorField field = vector_field({2}, [](Array t, Array y) {
    return stack({-y[1] + 0.1 * sin(t), y[0] * y[0] - y[1]});
  });
  SolveOptions options = given;
  options.mass_matrix = {1, 0, 0, 0};
  return solve(field, batch_of_one({1, z}), HostArray::vector({0, 2}), options);
}

TEST(Implicit, AnAlgebraicEquationKeepsTheOrders) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return -y * y + 0.1 * sin(t); });
  const Solution truth = solve(field, batch_of_one({1}), HostArray::vector({0, 2}),
                               {.method = Method::kDopri8, .rtol = 1e-13, .atol = 1e-15});
  const double y = truth.states.at(1);
  for (const Method method : {Method::kRodas5p, Method::kRadau5, Method::kRadauIIA3, Method::kRadauIIA5}) {
    std::vector<double> errors;
    for (const int steps : {16, 32}) {
      const Solution solution = algebraic({.method = method, .steps_per_interval = steps}, 1);
      solution.check();
      errors.push_back(std::abs(solution.states.at(2) - y) + std::abs(solution.states.at(3) - y * y));
    }
    EXPECT_NEAR(std::log2(errors[0] / errors[1]), tableau(method).order, 0.3) << name(method);
  }
}

TEST(Implicit, AStartThatIsNotConsistentIsMendedOrNamed) {
  const Solution mended = algebraic({.method = Method::kRodas5p}, 1.1),
                 right = algebraic({.method = Method::kRodas5p}, 1);
  mended.check();
  EXPECT_NEAR(mended.states.at(2), right.states.at(2), 1e-5);
  EXPECT_ERROR(algebraic({.method = Method::kRadau5}, 1.1).check(), SolveFailed,
               "let z0 satisfy the algebraic equations, 0 = f_i at the rows of zeros of mass_matrix");
}

TEST(Implicit, AnExplicitMethodThatMeetsStiffnessIsToldOfThem) {
  const VectorField field = vector_field({1}, [](Array t, Array y) { return -1e6 * (y - cos(t)); });
  const Solution solution = solve(field, batch_of_one({1}), HostArray::vector({0, 10}), {.max_steps = 20'000});
  EXPECT_ERROR(solution.check(), SolveFailed, "take an implicit method, 'rodas5p' or 'kvaerno5'");
}

}  // namespace
}  // namespace costate
