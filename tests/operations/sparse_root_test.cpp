// Sparse roots against dense ones, closed forms and differences; the sparsity that the graph tells against Jacobians.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numbers>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/pooling.h"
#include "costate/graph/trace.h"
#include "costate/operations/internal/sample_system.h"
#include "costate/operations/internal/sparsity.h"
#include "costate/operations/root.h"
#include "costate/solve/solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kPi = std::numbers::pi;
const RootOptions kSparse{.jacobian = RootJacobian::kSparse}, kDense{.jacobian = RootJacobian::kDense};

/// -laplace(u) on the n x n inner points of the unit square, 0 on its edge: the five-point formula, times 1.
Array minus_laplacian(const Array& u, std::int64_t n) {
  const double scale = static_cast<double>((n + 1) * (n + 1));
  const Array grid = reshape(u, {n, n}), row = zeros({1, n});
  const Array down = concat({row, grid.slice(0, n - 1)}), up = concat({grid.slice(1, n), row});
  const Array turned = transpose(grid);
  const Array right = transpose(concat({row, turned.slice(0, n - 1)})),
              left = transpose(concat({turned.slice(1, n), row}));
  return reshape(scale * (4.0 * grid - down - up - left - right), {n * n});
}

/// Whether each number of J that is not 0 is in the lists, and how many are in them beside.
struct Comparison {
  std::size_t missing = 0, spare = 0;
};

const PoolOptions kOfTwo{.kernel = {2, 2}, .stride = {1, 2}};

/// What the pool of x [1, 3, 4] brings to it of the squares of four numbers.
Array pulled_back(Array (*pool)(Operand, const PoolOptions&), const Array& x) {
  const Array image = reshape(x, {1, 3, 4}), y = pool(image, kOfTwo), a = reshape(square(x.slice(0, 4)), y.shape());
  return pull_back(std::span(&y, 1), std::span(&a, 1), std::span(&image, 1))[0];
}

Comparison compare_with_jacobian(const Function& f, const HostArray& x) {
  const auto rows = internal::dependencies(f, 0, 1 << 20);
  const std::size_t wrt[] = {0};
  const HostArray matrix = interpret(jacobian(f, wrt), {x})[1];
  const auto n = static_cast<std::size_t>(x.size());
  Comparison found;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    const auto first = rows->members.begin() + static_cast<std::ptrdiff_t>(rows->starts[i]),
               last = rows->members.begin() + static_cast<std::ptrdiff_t>(rows->starts[i + 1]);
    for (std::size_t j = 0; j < n; ++j) {
      const bool is_listed = std::binary_search(first, last, static_cast<std::int32_t>(j));
      const bool is_zero = matrix.at(static_cast<std::int64_t>(i * n + j)) == 0;
      found.missing += !is_listed && !is_zero ? 1U : 0U;
      found.spare += is_listed && is_zero ? 1U : 0U;
    }
  }
  return found;
}

HostArray waves(std::int64_t size) {
  HostArray x(Shape{size});
  for (std::int64_t i = 0; i < size; ++i) x.set(i, 0.3 + std::sin(1.0 + 0.7 * static_cast<double>(i)));
  return x;
}

TEST(Sparsity, IsThatOfTheJacobianForEveryKindOfNode) {
  const std::vector<std::function<Array(Array)>> functions = {
      [](Array x) { return x * x + sin(x); },
      [](Array x) {
        return reshape(transpose(reshape(x, {2, 6})), {12}) * x;
      },
      [](Array x) {
        return gather(x, {3, 3, 0, 11}, {2, 2});
      },
      [](Array x) {
        return scatter(exp(x), {0, 1, 1, 2, 2, 2, 5, 5, 5, 5, 7, 7}, {9});
      },
      [](Array x) {
        return concat({reshape(x, {2, 6}), reshape(square(x), {2, 6})}, 1);
      },
      [](Array x) {
        return sum(reshape(square(x), {3, 4}), {1}) * broadcast_to(x[2], {3});
      },
      [](Array x) {
        return reduce_max(reshape(x, {3, 4}), {0});
      },
      [](Array x) {
        return matmul(reshape(x, {3, 4}), reshape(x.slice(0, 4), {4}));
      },
      [](Array x) {
        return matmul(constant(HostArray(Shape{2, 3}, std::vector<double>{0, 1, 0, 2, 0, 3})), reshape(x, {3, 4}));
      },
      [](Array x) { return outer(x.slice(0, 3), sin(x.slice(5, 7))); },
      [](Array x) { return where(x <= 0.2, stop_gradient(x) * x, floor(x)); },
      [](Array x) {
        return avg_pool2d(reshape(x, {1, 3, 4}), kOfTwo);
      },
      [](Array x) { return pulled_back(avg_pool2d, x); },
      [](Array x) {
        return max_pool2d(reshape(x, {1, 3, 4}), kOfTwo);
      },
      [](Array x) { return pulled_back(max_pool2d, x); },
  };
  for (std::size_t i = 0; i < functions.size(); ++i) {
    const Comparison found = compare_with_jacobian(trace(functions[i], {{"x", {12}}}), waves(12));
    EXPECT_EQ(found.missing, 0U) << "function " << i;
    // Of a maximum, or where(), the numbers decide: the graph knows of more places.
    const bool is_told_by_numbers = i == 6 || i == 10 || i >= 13;
    EXPECT_EQ(found.spare > 0, is_told_by_numbers) << "function " << i;
  }
}

TEST(Sparsity, GivesUpBeyondItsLimit) {
  const Function f = trace([](Array x) { return x * sum(x); }, {{"x", {100}}});
  EXPECT_FALSE(internal::dependencies(f, 0, 5'000));
  EXPECT_TRUE(internal::dependencies(f, 0, 20'000));
}

TEST(Sparsity, ColumnsOfAColorShareNoRow) {
  constexpr std::int64_t kSide = 9;
  const Function f = trace([](Array x) { return minus_laplacian(x, kSide); }, {{"x", {kSide * kSide}}});
  const internal::IndexLists rows = *internal::dependencies(f, 0, 1 << 20);
  const auto colors = internal::color_columns(rows, rows.transposed(kSide * kSide));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::int32_t> met;
    for (std::size_t at = rows.starts[i]; at < rows.starts[i + 1]; ++at)
      met.push_back(colors[static_cast<std::size_t>(rows.members[at])]);
    std::sort(met.begin(), met.end());
    EXPECT_EQ(std::unique(met.begin(), met.end()), met.end());
  }
  EXPECT_LE(*std::max_element(colors.begin(), colors.end()),
            8);  // five share a row; by the least free color a few more
}

/// -laplace(u) + a u^3 = b, one root for a >= 0 (the Bratu-like "mildly nonlinear Poisson equation").
Array reaction(std::int64_t side, const Array& a, const Array& b, const RootOptions& options) {
  return root([&](Array u) { return minus_laplacian(u, side) + a[0] * u * u * u - b; }, zeros({side * side}), options);
}

Function reaction_function(std::int64_t side, const RootOptions& options) {
  return trace([&](Array a, Array b) { return reaction(side, a, b, options); }, {{"a", {1}}, {"b", {side * side}}});
}

std::vector<HostArray> reaction_inputs(std::int64_t side, std::int64_t batch) {
  HostArray a(Shape{batch, 1}), b(Shape{batch, side * side});
  for (std::int64_t i = 0; i < batch; ++i) a.set(i, 5.0 + static_cast<double>(i));
  for (std::int64_t i = 0; i < b.size(); ++i) b.set(i, 100 * std::sin(0.1 + 0.37 * static_cast<double>(i)));
  return {a, b};
}

constexpr double kSparseRounding = 1e-11;  // a condition of about 100, hundreds of roundings

TEST(SparseRoot, IsTheDenseOne) {
  const std::vector<HostArray> inputs = reaction_inputs(4, 3);
  const HostArray dense = compile(reaction_function(4, kDense)).run(inputs).outputs[0];
  const HostArray sparse = compile(reaction_function(4, kSparse)).run(inputs).outputs[0];
  for (std::int64_t i = 0; i < dense.size(); ++i) EXPECT_NEAR(sparse.at(i), dense.at(i), kSparseRounding);
}

TEST(SparseRoot, IsWhatTheInterpreterSays) {
  testing::check_execution(reaction_function(3, kSparse), reaction_inputs(3, 5), kSparseRounding);
}

TEST(SparseRoot, HasTheDerivativesOfTheImplicitFunctionTheorem) {
  constexpr double kDifferences = 1e-6;
  testing::check_derivatives(reaction_function(3, kSparse), reaction_inputs(3, 2), kDifferences);
}

/// L = sum of weights u, whose gradient is a function in turn.
Function weighted_root(std::int64_t side, const RootOptions& options) {
  HostArray weights(Shape{side * side});
  for (std::int64_t i = 0; i < weights.size(); ++i) weights.set(i, std::cos(1.0 + static_cast<double>(i)));
  return trace([&](Array a, Array b) { return sum(square(reaction(side, a, b, options)) * constant(weights)); },
               {{"a", {1}}, {"b", {side * side}}});
}

TEST(SparseRoot, HasSecondAndThirdDerivatives) {
  constexpr double kDifferences = 1e-6;
  const Function gradient = value_and_grad(weighted_root(3, kSparse));
  testing::check_derivatives(gradient, reaction_inputs(3, 1), kDifferences);
  const std::size_t by_a[] = {0};
  testing::check_derivatives(hessian(weighted_root(2, kSparse), by_a), reaction_inputs(2, 1), kDifferences);
}

TEST(SparseRoot, FindsParametersAndWorksInF32) {
  const Parameter strength("strength", HostArray::vector({3.0}));
  const Function loss = trace([&](Array b) { return sum(reaction(3, Array(strength), b, kSparse)); }, {{"b", {9}}});
  const HostArray b = reaction_inputs(3, 4)[1];
  const Parameter wanted[] = {strength};
  const RunResult found = compile(value_and_grad(loss, wanted)).run({b});
  const RunResult in_f32 = compile(value_and_grad(loss, wanted), {.dtype = Dtype::kF32}).run({b});
  const auto total = [&](double at) {
    strength.set_value(HostArray::vector({at}));
    const HostArray losses = compile(loss).run({b}).outputs[0];
    double sum = 0;
    for (std::int64_t i = 0; i < losses.size(); ++i) sum += losses.at(i);
    return sum;
  };
  constexpr double kStep = 1e-4;
  const double difference = (total(3 + kStep) - total(3 - kStep)) / (2 * kStep);
  EXPECT_NEAR(found.outputs[1].at(0), difference, 1e-6 * std::abs(difference));
  EXPECT_NEAR(in_f32.outputs[1].at(0), difference, 1e-4 * std::abs(difference));
}

TEST(SparseRoot, ReportsASampleWithoutARootWithItsResidual) {
  const Function f =
      trace([](Array c) { return root([&](Array x) { return x * x + c; }, full({2}, 0.3), kSparse); }, {{"c", {2}}});
  const RunResult found = compile(f).run({HostArray(Shape{2, 2}, std::vector<double>{1.0, 1.0, -4.0, -9.0})});
  EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
  EXPECT_NEAR(found.outputs[0].at(2), 2, 1e-12);
  EXPECT_NEAR(found.outputs[0].at(3), 3, 1e-12);
  ASSERT_EQ(found.report.failures.size(), 1U);
  EXPECT_EQ(found.report.failures[0].sample, 0);
  EXPECT_EQ(found.report.failures[0].reason, "no root");
  EXPECT_NE(found.report.failures[0].advice.find("the largest residual is"), std::string::npos);
}

TEST(SparseRoot, ReportsASingularJacobian) {
  // The third unknown is in no equation; in the second system two equations are the same to rounding.
  for (const double factor : {0.0, 1.0}) {
    const Function f = trace(
        [&](Array b) {
          return root(
              [&](Array x) {
                const Array last = factor * (x[0] + x[1]) / 3.0;
                return stack({x[0] + x[1] - b[0], x[0] - x[1] + x[2] * 0.0 - b[1], 3.0 * last - b[2]});
              },
              zeros({3}), kSparse);
        },
        {{"b", {3}}});
    const RunResult found = compile(f).run({HostArray(Shape{1, 3}, std::vector<double>{1, 2, 3})});
    EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
    ASSERT_EQ(found.report.failures.size(), 1U);
    EXPECT_EQ(found.report.failures[0].reason, "singular Jacobian");
  }
}

TEST(SparseRoot, ALinearSystemIsFactorizedOnce) {
  constexpr std::int64_t kSide = 12;
  const Function f = trace([](Array u) { return minus_laplacian(u, kSide) - 1.0; }, {{"u", {kSide * kSide}}});
  const auto system = std::make_shared<internal::ImplicitSystem>(f, *internal::dependencies(f, 0, 1 << 20));
  internal::SampleSystem sample(system);
  internal::JacobianFactors factors(*system);
  const internal::NewtonOutcome outcome = internal::newton(sample, internal::Numbers::Zero(kSide * kSide), {}, factors);
  EXPECT_EQ(outcome.end, internal::NewtonOutcome::End::kRoot);
  EXPECT_EQ(factors.num_factorizations(), 1);
  EXPECT_LT(sample.value(outcome.root).lpNorm<Eigen::Infinity>(), 1e-11);
}

TEST(SparseRoot, TheLastFactorsServeAllDerivatives) {
  const Function loss = weighted_root(8, kSparse);
  const std::vector<HostArray> inputs = reaction_inputs(8, 3);
  const RunResult value = compile(loss).run(inputs), gradient = compile(value_and_grad(loss)).run(inputs);
  const std::size_t by_a[] = {0};
  const RunResult second = compile(hessian(loss, by_a)).run(inputs);
  EXPECT_GE(value.report.factorizations, 3 * 3);  // Newton's, of three samples
  EXPECT_EQ(gradient.report.factorizations, value.report.factorizations);
  EXPECT_EQ(second.report.factorizations, value.report.factorizations);
}

/// z' = -u with u + 0.1 u^3 + (the next u)/2 = z: a state of the operation holds another stage's factors there.
TEST(SparseRoot, InAFieldHasItsBitsInAnyNumberOfLanes) {
  const Function loss = trace(
      [](Array start) {
        const VectorField field = vector_field({3}, [](Array, Array z) {
          return -root(
              [&](Array u) {
                return u + 0.1 * u * u * u + 0.5 * concat({u.slice(1, 3), u.slice(0, 1)}) - z;
              },
              z, kSparse);
        });
        return sum(square(solve(field, start, constant(HostArray::vector({0, 1})), {.rtol = 1e-8})[1]));
      },
      {{"start", {3}}});
  HostArray starts(Shape{11, 3});
  for (std::int64_t i = 0; i < starts.size(); ++i) starts.set(i, std::sin(1.0 + static_cast<double>(i)));
  const Function gradient = value_and_grad(loss);
  const RunResult alone = compile(gradient, {.lanes = 1}).run({starts});
  const RunResult together = compile(gradient, {.lanes = 8}).run({starts});
  for (std::size_t output = 0; output < 2; ++output)
    EXPECT_EQ(alone.outputs[output].numbers(), together.outputs[output].numbers());
  constexpr double kDifferences = 1e-5;  // of a solve at rtol 1e-8
  testing::check_derivatives(loss, {starts}, kDifferences);
}

/// Of a batch, the samples that have a root count in what all share.
TEST(SparseRoot, ASampleWithoutARootIsLeftOutOfSums) {
  const Parameter factor("factor", HostArray::vector({1.0}));
  const Function loss = trace(
      [&](Array c) {
        return sum(root([&](Array x) { return x * x * Array(factor)[0] + c; }, full({2}, 0.3), kSparse));
      },
      {{"c", {2}}});
  const Parameter wanted[] = {factor};
  const Program program = compile(value_and_grad(loss, wanted));
  const HostArray good(Shape{1, 2}, std::vector<double>{-4, -9}), both(Shape{2, 2}, std::vector<double>{1, 1, -4, -9});
  // x = sqrt(-c/p): dx/dp = -x/2 at p = 1.
  EXPECT_NEAR(program.run({good}).outputs[1].at(0), -2.5, 1e-12);
  EXPECT_NEAR(program.run({both}).outputs[1].at(0), -2.5, 1e-12);
}

TEST(SparseRoot, RefusesAFullJacobianAndOtherShapes) {
  const auto mean_field = [](Array c) { return root([&](Array x) { return x - mean(x) * c; }, c, kSparse); };
  EXPECT_ERROR(trace(mean_field, {{"c", {4'200}}}), InvalidArgument, "is not sparse");
  const auto doubled = [](Array c) { return root([&](Array x) { return concat({x, x}); }, c, kSparse); };
  EXPECT_ERROR(trace(doubled, {{"c", {3}}}), ShapeError, "must give what it takes");
}

// ---- Poisson control: u with -laplace(u) = f, J = 1/2 |u - d|^2 + alpha/2 |f|^2, d = sin(pi x) sin(pi y)/(2 pi^2). On
// n x n inner points everything is in one eigenvector of the five-point formula, whose eigenvalue is
// (8/h^2) sin^2(pi h/2), so that the optimum is known.

struct PoissonControl {
  std::int64_t cells;
  double amplitude, optimum;  // of f* / (sin sin), and J*; by the closed form, in decimals
};

/// sin(pi x) sin(pi y) at the inner points.
HostArray wave_on(std::int64_t cells) {
  const std::int64_t side = cells - 1;
  const double h = 1.0 / static_cast<double>(cells);
  HostArray wave(Shape{side * side});
  for (std::int64_t i = 0; i < side; ++i)
    for (std::int64_t j = 0; j < side; ++j)
      wave.set(i * side + j,
               std::sin(kPi * h * static_cast<double>(i + 1)) * std::sin(kPi * h * static_cast<double>(j + 1)));
  return wave;
}

/// J as a function of f.
Function control_loss(std::int64_t cells) {
  constexpr double kAlpha = 1e-6;
  const std::int64_t side = cells - 1;
  const double h = 1.0 / static_cast<double>(cells);
  return trace(
      [&](Array f) {
        const Array u = root([&](Array x) { return minus_laplacian(x, side) - f; }, zeros({side * side}));
        const Array misfit = u - constant(wave_on(cells)) / (2 * kPi * kPi);
        return 0.5 * h * h * (sum(square(misfit)) + kAlpha * sum(square(f)));
      },
      {{"f", {side * side}}});
}

HostArray batch_of(const std::vector<double>& numbers) {
  return HostArray(Shape{1, static_cast<std::int64_t>(numbers.size())}, numbers);
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double total = 0;
  for (std::size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

/// Conjugate gradients on a quadratic loss from f on, by tangents of its gradient, down to 1e-10 of the first gradient.
/// Returns how many iterations it took.
int minimize_quadratic(const Function& loss, std::vector<double>& f) {
  const Program gradient = compile(value_and_grad(loss)), along = compile(jvp(value_and_grad(loss)));
  std::vector<double> residual = gradient.run({batch_of(f)}).outputs[1].numbers();
  for (double& number : residual) number = -number;
  std::vector<double> direction = residual;
  int iterations = 0;
  double square = dot(residual, residual);
  const double first = square;
  for (; iterations < 200 && square > 1e-20 * first; ++iterations) {
    const std::vector<double> moved = along.run({batch_of(f), batch_of(direction)}).outputs[3].numbers();
    const double length = square / dot(direction, moved);
    for (std::size_t i = 0; i < f.size(); ++i) f[i] += length * direction[i], residual[i] -= length * moved[i];
    const double next = dot(residual, residual);
    for (std::size_t i = 0; i < f.size(); ++i) direction[i] = residual[i] + next / square * direction[i];
    square = next;
  }
  return iterations;
}

TEST(SparseRoot, PoissonControlHasTheOptimumOfTheFivePointFormula) {
  const PoissonControl cases[] = {{16, 0.9964056156, 1.241510640897e-7}, {32, 0.9988085201, 1.247508180429e-7}};
  for (const PoissonControl& control : cases) {
    const std::int64_t side = control.cells - 1;
    const double h = 1.0 / static_cast<double>(control.cells);
    const Function loss = control_loss(control.cells);
    std::vector<double> best = wave_on(control.cells).numbers();
    for (double& number : best) number *= control.amplitude;
    const RunResult found = compile(loss).run({batch_of(best)});
    EXPECT_NEAR(found.outputs[0].at(0), control.optimum, 1e-19);  // to the digits given
    std::vector<double> f;                                        // x + y
    for (std::int64_t i = 0; i < side * side; ++i)
      f.push_back(h * static_cast<double>(i / side + 1) + h * static_cast<double>(i % side + 1));
    EXPECT_LE(minimize_quadratic(loss, f), 60);  // published: 54 to 59 on meshes of 16 to 128 cells (dolfin-adjoint's
                                                 // documentation)
    for (std::size_t i = 0; i < f.size(); ++i)
      EXPECT_NEAR(f[i], best[i], 1e-6);  // 1e-10 of the gradient, a condition of 3,000
  }
}

// ---- iteratively

const RootOptions kKrylov{.jacobian = RootJacobian::kKrylov};

TEST(KrylovRoot, IsTheDenseOneWithItsDerivatives) {
  const std::vector<HostArray> inputs = reaction_inputs(5, 3);
  const HostArray dense = compile(reaction_function(5, kDense)).run(inputs).outputs[0];
  const HostArray krylov = compile(reaction_function(5, kKrylov)).run(inputs).outputs[0];
  constexpr double kSolved = 1e-13, kDifferences = 1e-6;
  for (std::int64_t i = 0; i < dense.size(); ++i) EXPECT_NEAR(krylov.at(i), dense.at(i), kSolved);
  testing::check_derivatives(reaction_function(3, kKrylov), reaction_inputs(3, 2), kDifferences);
  testing::check_derivatives(value_and_grad(weighted_root(3, kKrylov)), reaction_inputs(3, 1), kDifferences);
}

/// -laplace(u) + u^3 = theta b + theta^3 c with b = -laplace(v), c = v^3: u is theta v.
TEST(KrylovRoot, OnALargeGridIsTheOneThatIsKnown) {
  constexpr std::int64_t kSide = 320, kSize = kSide * kSide;
  const HostArray wave = wave_on(kSide + 1);
  const Function sides = trace(
      [](Array v) {
        return std::vector<Array>{minus_laplacian(v, kSide), v * v * v};
      },
      {{"v", {kSize}}});
  const std::vector<HostArray> given = compile(sides).run({wave.reshape({1, kSize})}).outputs;
  const Function loss = trace(
      [&](Array theta) {
        const Array right = theta * constant(given[0][0]) + theta * theta * theta * constant(given[1][0]);
        const Array u = root([&](Array x) { return minus_laplacian(x, kSide) + x * x * x - right; }, zeros({kSize}),
                             {.jacobian = RootJacobian::kKrylov});
        return std::vector<Array>{mean(u * constant(wave)), u};
      },
      {{"theta", {}}});
  const RunResult found = compile(value_and_grad(loss)).run({HostArray::vector({2.0})});
  EXPECT_TRUE(found.report.failures.empty());
  double worst = 0, square = 0;
  for (std::int64_t i = 0; i < kSize; ++i) {
    worst = std::max(worst, std::abs(found.outputs[1].at(i) - 2 * wave.at(i)));
    square += wave.at(i) * wave.at(i) / static_cast<double>(kSize);
  }
  EXPECT_LT(worst, 1e-9);
  EXPECT_NEAR(found.outputs[2].at(0), square, 1e-9);
}

/// Each equation names one unknown, none its own: the incomplete factors have nothing to begin with, and so many
/// iterations as unknowns would be needed.
TEST(KrylovRoot, ReportsALinearSystemThatIsNotSolvedWithItsResidual) {
  constexpr std::int64_t kSize = 3000;
  const Function f = trace(
      [](Array b) {
        return root(
            [&](Array x) {
              return concat({x.slice(1, kSize), x.slice(0, 1)}) - b;
            },
            zeros({kSize}), {.jacobian = RootJacobian::kKrylov});
      },
      {{"b", {kSize}}});
  HostArray b(Shape{1, kSize});
  for (std::int64_t i = 0; i < kSize; ++i) b.set(i, std::sin(1.0 + static_cast<double>(i * i % 997)));
  const RunResult found = compile(f).run({b});
  EXPECT_TRUE(std::isnan(found.outputs[0].at(0)));
  ASSERT_EQ(found.report.failures.size(), 1U);
  EXPECT_EQ(found.report.failures[0].reason, "no root");
  EXPECT_NE(found.report.failures[0].advice.find("the linear system of a correction has a relative residual of"),
            std::string::npos)
      << found.report.failures[0].advice;
}

}  // namespace
}  // namespace costate
