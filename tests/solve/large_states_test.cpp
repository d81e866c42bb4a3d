// Implicit methods on large states: sparse linear systems, against closed forms and the dense ones of small states.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "../support/check_function.h"
#include "../support/expect_error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/internal/builder.h"
#include "costate/operations/internal/sparse_lu.h"
#include "costate/solve/internal/step_matrix.h"
#include "costate/solve/solve.h"

namespace costate {
namespace {

/// Heat on a square of side x side points, 0 outside, times a rate.
VectorField heat(std::int64_t side) {
  return vector_field({side, side}, {{"rate", {1}}}, [=](Array, Array u, Array rate) {
    const auto moved = [&](std::int64_t down, std::int64_t right) {
      const Array zero_row = zeros({1, side});
      if (down == 1) return concat({zero_row, u.slice(0, side - 1)}, 0);
      if (down == -1) return concat({u.slice(1, side), zero_row}, 0);
      const Array turned = transpose(u);
      const Array shifted =
          right == 1 ? concat({zero_row, turned.slice(0, side - 1)}, 0) : concat({turned.slice(1, side), zero_row}, 0);
      return transpose(shifted);
    };
    const double scale = static_cast<double>((side + 1) * (side + 1));
    return rate[0] * scale * (moved(1, 0) + moved(-1, 0) + moved(0, 1) + moved(0, -1) - 4.0 * u);
  });
}

/// The slowest mode, whose decay rate is known.
HostArray slowest(std::int64_t side) {
  HostArray u(Shape{1, side, side});
  for (std::int64_t i = 0; i < side; ++i)
    for (std::int64_t j = 0; j < side; ++j)
      u.set(i * side + j, std::sin(std::numbers::pi * static_cast<double>(i + 1) / static_cast<double>(side + 1)) *
                              std::sin(std::numbers::pi * static_cast<double>(j + 1) / static_cast<double>(side + 1)));
  return u;
}

double decay(std::int64_t side) {
  const double s = std::sin(std::numbers::pi / (2 * static_cast<double>(side + 1)));
  return 8 * static_cast<double>((side + 1) * (side + 1)) * s * s;
}

TEST(LargeStates, HeatOnFourThousandPoints) {
  const std::int64_t side = 64;
  const HostArray rate(Shape{1, 1}, std::vector<double>{1}), u0 = slowest(side);
  for (const Method method : {Method::kRodas5p, Method::kKvaerno5, Method::kAuto}) {
    const Solution solution = solve(heat(side), u0, HostArray::vector({0, 0.1}),
                                    {.method = method, .rtol = 1e-5, .atol = 1e-8}, std::span(&rate, 1));
    solution.check();
    EXPECT_LT(solution.accepted[0], 120) << name(method);
    const double left = std::exp(-0.1 * decay(side));
    for (const std::int64_t i : {std::int64_t{0}, side * side / 2 + side / 3, side * side - 1})
      EXPECT_NEAR(solution.states.at(side * side + i), left * u0.at(i), 2e-5) << name(method);
  }
}

TEST(LargeStates, SparseStepsAreDenseOnes) {
  // 144 unknowns are sparse; the same field with a term that is 0 but reads all of the state is dense.
  const std::int64_t side = 12;
  const VectorField sparse = heat(side);
  const VectorField dense = vector_field({side, side}, {{"rate", {1}}}, [&](Array t, Array u, Array rate) {
    const std::vector<Array> inputs = {t, u, rate};
    return internal::inline_function(heat(side).function(), inputs)[0] + 0.0 * sum(u);
  });
  const HostArray rate(Shape{1, 1}, std::vector<double>{0.7});
  HostArray u0 = slowest(side);
  for (std::int64_t i = 0; i < u0.size(); ++i) u0.set(i, u0.at(i) + 0.1 * std::cos(static_cast<double>(i)));
  for (const Method method :
       {Method::kRodas5p, Method::kKvaerno3, Method::kKencarp4, Method::kTrbdf2, Method::kRadau5, Method::kGl4}) {
    const SolveOptions options{.method = method, .steps_per_interval = method == Method::kGl4 ? 4 : 0};
    const Solution one = solve(sparse, u0, HostArray::vector({0, 0.03}), options, std::span(&rate, 1));
    const Solution other = solve(dense, u0, HostArray::vector({0, 0.03}), options, std::span(&rate, 1));
    one.check();
    EXPECT_EQ(one.accepted[0], other.accepted[0]) << name(method);
    for (std::int64_t i = 0; i < one.states.size(); ++i)
      EXPECT_NEAR(one.states.at(i), other.states.at(i), 1e-9) << name(method);
  }
}

TEST(LargeStates, GradientsAreThoseOfTheSteps) {
  const std::int64_t side = 12;
  const Function loss = trace(
      [&](Array u0, Array rate) {
        const Array states =
            solve(heat(side), u0, constant(HostArray::vector({0, 0.03})),
                  {.method = Method::kKvaerno3, .steps_per_interval = 6}, std::span<const Array>(&rate, 1));
        return sum(square(states[1]));
      },
      {{"u0", {side, side}}, {"rate", {1}}});
  HostArray u0(Shape{3, side, side}), rate(Shape{3, 1}, std::vector<double>{1, 0.5, 0.8});
  for (std::int64_t i = 0; i < u0.size(); ++i) u0.set(i, std::sin(0.37 * static_cast<double>(i)));
  const RunResult found = compile(value_and_grad(loss)).run({u0, rate});
  const Program program = compile(loss);
  const double h = 1e-4;
  const auto at = [&](double step) {
    HostArray moved(Shape{3, 1}, std::vector<double>{1 + step, 0.5 + step, 0.8 + step});
    return program.run({u0, moved}).outputs[0].numbers();
  };
  const std::vector<double> up = at(h), down = at(-h);
  for (std::size_t b = 0; b < 3; ++b) {
    const double truth = (up[b] - down[b]) / (2 * h);
    EXPECT_NEAR(found.outputs[2].at(static_cast<std::int64_t>(b)), truth, 1e-5 * (1 + std::abs(truth)));
  }
}

TEST(LargeStates, IteratedSystemsOfTenThousandPoints) {
  const std::int64_t side = 100;
  const HostArray rate(Shape{1, 1}, std::vector<double>{1}), u0 = slowest(side);
  const Function loss = trace(
      [&](Array start, Array factor) {
        const Array states =
            solve(heat(side), start, constant(HostArray::vector({0, 0.05})),
                  {.method = Method::kRodas5p, .steps_per_interval = 4}, std::span<const Array>(&factor, 1));
        return sum(states[1] * constant(slowest(side).reshape({side * side})));
      },
      {{"u0", {side, side}}, {"rate", {1}}});
  const RunResult found = compile(value_and_grad(loss)).run({u0, rate});
  double squares = 0;
  for (std::int64_t i = 0; i < side * side; ++i) squares += u0.at(i) * u0.at(i);
  const double left = std::exp(-0.05 * decay(side));
  EXPECT_NEAR(found.outputs[0].at(0) / squares, left, 1e-5);
  EXPECT_NEAR(found.outputs[1].at(side * side / 2 + side / 3) / u0.at(side * side / 2 + side / 3), left, 1e-5);
  EXPECT_NEAR(found.outputs[2].at(0) / squares, -0.05 * decay(side) * left, 1e-4);
}

TEST(LargeStates, ADenseJacobianIsRefused) {
  const VectorField field = vector_field({3000}, [](Array, Array y) { return -y * sum(y); });
  EXPECT_ERROR(solve(field, HostArray(Shape{1, 3000}), HostArray::vector({0, 1}), {.method = Method::kKvaerno5}),
               InvalidArgument, "'kvaerno5' solves dense linear systems of 3000 unknowns");
}

TEST(SparseLu, SolvesAndHasItsDerivatives) {
  internal::IndexLists rows;
  for (const std::vector<std::int32_t>& row : {std::vector<std::int32_t>{0, 2}, {0, 1}, {1, 2, 3}, {3}}) {
    rows.members.insert(rows.members.end(), row.begin(), row.end());
    rows.starts.push_back(rows.members.size());
  }
  const auto places = std::make_shared<const internal::SparsePlaces>(internal::SparsePlaces::of(rows));
  const Function f = trace(
      [&](Array numbers, Array b) {
        const Array factored = internal::sparse_lu_factors(places, numbers);
        return internal::sparse_lu_solve(places, factored, b) * internal::sparse_lu_solve(places, factored, square(b));
      },
      {{"numbers", {8}}, {"b", {4}}});
  const HostArray numbers(Shape{2, 8}, std::vector<double>{3, 1, 2, -1, 1, 4, 2, 5, 2, .5, 3, 1, -1, 2, 1, 4});
  const HostArray b(Shape{2, 4}, std::vector<double>{1, 2, -1, .5, .3, -2, 1, 1});
  testing::check_execution(f, {numbers, b}, 1e-12);
  testing::check_derivatives(f, {numbers, b}, 1e-6);
  const Function gradient = vjp(f);
  testing::check_derivatives(
      gradient, {numbers, b, HostArray(Shape{2, 4}, std::vector<double>{1, -1, 2, .5, 1, 1, -.3, 2})}, 1e-6);
}

TEST(SparseLu, FactorsWhereAnIterationComesToNothing) {
  // x_i of the next one along a circle: no incomplete factors, and as many iterations as there are unknowns.
  const std::int32_t n = 10'000;
  internal::IndexLists rows;
  for (std::int32_t i = 0; i < n; ++i) {
    rows.members.push_back((i + 1) % n);
    rows.starts.push_back(rows.members.size());
  }
  const auto places = std::make_shared<const internal::SparsePlaces>(internal::SparsePlaces::of(rows));
  const Function f =
      trace([&](Array numbers,
                Array b) { return internal::sparse_lu_solve(places, internal::sparse_lu_factors(places, numbers), b); },
            {{"numbers", {n}}, {"b", {n}}});
  HostArray numbers(Shape{1, n}), b(Shape{1, n});
  for (std::int32_t i = 0; i < n; ++i) {
    numbers.set(i, 2);
    b.set(i, std::sin(static_cast<double>(i)));
  }
  const RunResult found = compile(f).run({numbers, b});
  for (std::int32_t i = 0; i < n; i += 777) EXPECT_DOUBLE_EQ(found.outputs[0].at((i + 1) % n), b.at(i) / 2);
}

}  // namespace
}  // namespace costate
