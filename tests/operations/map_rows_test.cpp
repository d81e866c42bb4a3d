// map_rows against the same function written out for each row, and its derivatives of two orders.
#include "costate/operations/map_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/internal/builder.h"
#include "costate/graph/trace.h"
#include "costate/operations/linear_solve.h"
#include "tests/support/check_function.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr std::int64_t kRows = 5;

/// A row's function that reads two arrays of rows, an Array of the trace and a Parameter.
struct Mixture {
  Parameter weights{"weights", HostArray(Shape{2, 3}, std::vector<double>{0.3, -0.2, 0.5, 0.1, 0.7, -0.4})};

  Array of(const Array& t, const Array& z, const Array& level) const {
    return sin(matmul(weights, z)) * t + cos(level * z[0]) * square(t);
  }
  Function mapped() const {
    return trace(
        [&](Array t, Array z, Array level) {
          const Array rows[] = {t, z};
          return map_rows([&](std::span<const Array> row) { return of(row[0], row[1], level); }, rows);
        },
        {{"t", {kRows}, InputKind::kShared}, {"z", {kRows, 3}}, {"level", {}}});
  }
  Function written_out() const {
    return trace(
        [&](Array t, Array z, Array level) {
          std::vector<Array> rows;
          for (std::int64_t i = 0; i < kRows; ++i) rows.push_back(of(t[i], z[i], level));
          return stack(rows);
        },
        {{"t", {kRows}, InputKind::kShared}, {"z", {kRows, 3}}, {"level", {}}});
  }
};

TEST(MapRows, IsTheFunctionOfEachRow) {
  const Mixture mixture;
  const auto inputs = testing::draw_inputs(mixture.mapped(), 19, -1, 1, 3);
  for (const Dtype dtype : {Dtype::kF64, Dtype::kF32})
    for (const bool differentiates : {false, true}) {
      const auto made = [&](const Function& f) {
        const Function loss = trace_list({{"t", {kRows}, InputKind::kShared}, {"z", {kRows, 3}}, {"level", {}}},
                                         [&](std::span<const Array> in) {
                                           std::vector<Array> all(in.begin(), in.end());
                                           all.emplace_back(mixture.weights);
                                           return std::vector<Array>{sum(square(internal::inline_function(f, all)[0]))};
                                         });
        return compile(differentiates ? value_and_grad(loss) : f, {.dtype = dtype}).run(inputs).outputs;
      };
      const auto found = made(mixture.mapped()), expected = made(mixture.written_out());
      ASSERT_EQ(found.size(), expected.size());
      const double tolerance = dtype == Dtype::kF64 ? 1e-13 : 1e-4;
      for (std::size_t i = 0; i < found.size(); ++i)
        for (std::int64_t k = 0; k < found[i].size(); ++k)
          EXPECT_NEAR(found[i].at(k), expected[i].at(k), tolerance) << i << ", " << k;
    }
}

TEST(MapRows, ExecutesAndDifferentiatesTwice) {
  const Mixture mixture;
  testing::check_execution(mixture.mapped(), testing::draw_inputs(mixture.mapped(), 19, -1, 1, 3), 1e-13);
  testing::check_two_orders(mixture.mapped(), 1e-6);
}

/// 1 / x has no derivative where x is 0, and a batch of 3 fills no lanes: what these hold must count nothing.
TEST(MapRows, LanesWithoutASampleCountNothing) {
  const Parameter weight{"weight", HostArray(Shape{}, std::vector<double>{0.7})};
  const auto quotients = [&](Array rows) {
    const Array all[] = {rows};
    return sum(map_rows([&](std::span<const Array> row) { return sqrt(weight / row[0]); }, all));
  };
  const Function of_inputs = trace(quotients, {{"x", {2}}});
  const Function of_solutions = trace(
      [&](Array x) {
        return quotients(linear_solve(constant(HostArray(Shape{2, 2}, std::vector<double>{2, 0, 0, 2})), 2.0 * x));
      },
      {{"x", {2}}});
  for (const std::int64_t batch : {1, 3, 5, 7, 8}) {
    HostArray x(Shape{batch, 2});
    double expected = 0;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      x.set(i, 1 + 0.25 * static_cast<double>(i));
      expected += std::sqrt(0.7 / x.at(i));
    }
    const HostArray still(Shape{batch, 2}), one(Shape{}, std::vector<double>{1});
    for (const Function* loss : {&of_inputs, &of_solutions}) {
      const auto found = compile(jvp(value_and_grad(*loss))).run({x, still, one}).outputs;
      ASSERT_EQ(found.size(), 6U);
      EXPECT_NEAR(found[2].at(0), 0.5 * expected / 0.7, 1e-13 * expected) << batch;
      EXPECT_NEAR(found[5].at(0), -0.25 * expected / (0.7 * 0.7), 1e-13 * expected) << batch;
    }
  }
}

TEST(MapRows, RefusesWhatAreNoRows) {
  const auto mapped = [](const Shape& first, const Shape& second) {
    return trace(
        [](Array x, Array y) {
          const Array rows[] = {x, y};
          return map_rows([](std::span<const Array> row) { return row[0]; }, rows);
        },
        {{"x", first}, {"y", second}});
  };
  EXPECT_ERROR(mapped({3}, {4, 2}), ShapeError, "the same number of rows, at least one; got shapes [3] and [4, 2]");
  EXPECT_ERROR(mapped({}, {}), ShapeError, "the same number of rows");
  EXPECT_ERROR(
      trace([](Array x) { return x + map_rows([](std::span<const Array>) { return Array(); }, {}); }, {{"x", {}}}),
      InvalidArgument, "needs at least one array of rows");
}

}  // namespace
}  // namespace costate
