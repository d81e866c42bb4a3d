// The kernels of pools: executor against interpreter for values and derivatives of both modes and orders, for images of
// a sample and shared ones; numbers that are equal or NaN; bits for every number of lanes.
#include "costate/graph/pooling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/interpret.h"
#include "costate/graph/trace.h"
#include "costate/plan/plan.h"
#include "tests/support/check_function.h"

namespace costate {
namespace {

using testing::check_execution;
using testing::draw_inputs;

// Sums of some 50 numbers of size 1 in another order.
constexpr double kPoolUlps = 50 * 2.3e-16;

struct PoolCase {
  std::string name;
  Shape image;
  PoolOptions options = {};
};

void PrintTo(const PoolCase& one, std::ostream* out) { *out << one.name; }

std::vector<PoolCase> pool_cases() {
  return {
      {"halves", {3, 6, 8}},
      {"halves_of_many", {7, 4, 4}},
      {"halves_of_odd", {2, 7, 5}},
      {"thirds", {2, 6, 9}, {.kernel = {3, 3}}},
      {"thirds_padded", {3, 6, 9}, {.kernel = {3, 3}, .padding = {1, 1}}},
      {"gaps", {2, 8, 9}, {.kernel = {2, 2}, .stride = {3, 4}}},
      {"one_pixel_windows", {2, 5, 4}, {.kernel = {1, 1}, .stride = {2, 1}}},
      {"halves_padded", {2, 6, 5}, {.kernel = {2, 2}, .padding = {1, 1}}},
      {"three_by_three", {3, 7, 9}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
      {"three_by_two_steps", {3, 9, 8}, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}},
      {"three_by_three_inside", {2, 6, 7}, {.kernel = {3, 3}, .stride = {1, 1}}},
      {"three_by_three_of_few", {2, 2, 1}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
      {"three_by_three_of_one_row", {2, 1, 6}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
      {"three_by_three_padded_rows", {2, 5, 8}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 0}}},
      {"three_by_two_steps_inside", {2, 7, 8}, {.kernel = {3, 3}, .stride = {2, 2}}},
      {"three_by_two_steps_odd", {2, 7, 11}, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1}}},
      {"three_by_two_steps_padded_columns", {2, 6, 6}, {.kernel = {3, 3}, .stride = {2, 2}, .padding = {0, 1}}},
      {"three_by_both_steps", {2, 6, 7}, {.kernel = {3, 3}, .stride = {1, 2}, .padding = {1, 1}}},
      {"no_padding", {2, 6, 7}, {.kernel = {3, 2}, .stride = {1, 1}}},
      {"uneven", {2, 8, 11}, {.kernel = {4, 3}, .stride = {3, 2}, .padding = {2, 1}}},
      {"large_kernel", {2, 9, 10}, {.kernel = {5, 6}, .stride = {1, 2}, .padding = {2, 3}}},
      {"rows_common", {2, 9, 8}, {.kernel = {3, 2}, .stride = {1, 2}}},
      {"columns_common", {2, 8, 9}, {.kernel = {2, 3}, .stride = {2, 1}, .padding = {0, 1}}},
      {"rows_common_with_gaps", {2, 9, 9}, {.kernel = {3, 1}, .stride = {2, 3}}},
      {"whole", {3, 4, 5}, {.kernel = {4, 5}}},
      {"series", {3, 1, 17}, {.kernel = {1, 3}, .stride = {1, 2}, .padding = {0, 1}}},
      {"series_by_one", {5, 1, 10}, {.kernel = {1, 3}, .stride = {1, 1}, .padding = {0, 1}}},
      {"series_inside", {4, 1, 12}, {.kernel = {1, 3}, .stride = {1, 2}}},
      {"row_in_two_windows", {2, 1, 9}, {.kernel = {2, 1}, .stride = {1, 1}, .padding = {1, 0}}},
      {"column_in_three_windows", {2, 4, 1}, {.kernel = {2, 3}, .stride = {2, 1}, .padding = {0, 1}}},
      {"pixel_in_four_windows", {3, 1, 1}, {.kernel = {2, 2}, .stride = {1, 1}, .padding = {1, 1}}},
      {"pixel", {2, 1, 1}, {.kernel = {3, 3}, .padding = {1, 1}}},
  };
}

Function both(const PoolCase& one, InputKind image = InputKind::kSample) {
  return trace(
      [&](Array x) {
        return std::vector<Array>{max_pool2d(x, one.options), avg_pool2d(x, one.options)};
      },
      {{"x", one.image, image}});
}

/// Whole numbers, of which some are equal.
std::vector<HostArray> ties_of(const Function& f, std::int64_t batch) {
  std::vector<HostArray> inputs = draw_inputs(f, batch, -2, 2, 3);
  for (std::int64_t i = 0; i < inputs[0].size(); ++i) inputs[0].set(i, std::floor(inputs[0].at(i)));
  return inputs;
}

/// The bits of one lane, which has a kernel of its own, at each of some numbers of lanes.
void check_bits_of_lanes(const Function& f, const std::vector<HostArray>& inputs, const std::vector<std::size_t>& all) {
  for (const Dtype dtype : {Dtype::kF32, Dtype::kF64}) {
    const std::vector<HostArray> alone = compile(f, {.dtype = dtype, .lanes = 1}).run(inputs).outputs;
    for (const std::size_t lanes : all) {
      const std::vector<HostArray> beside = compile(f, {.dtype = dtype, .lanes = lanes}).run(inputs).outputs;
      for (std::size_t i = 0; i < alone.size(); ++i)
        EXPECT_TRUE(beside[i].same_bits(alone[i])) << "output " << i << ", " << lanes << " lanes";
    }
  }
}

class Pools : public ::testing::TestWithParam<PoolCase> {};

TEST_P(Pools, AgreeWithTheInterpreter) {
  const Function f = both(GetParam());
  for (const Function& of_order : {f, vjp(f), jvp(f), vjp(vjp(f)), vjp(jvp(f))})
    for (const std::int64_t batch : {1, 2, 9, 33}) check_execution(of_order, ties_of(of_order, batch), kPoolUlps);
}

TEST_P(Pools, AgreeForImagesThatAreShared) {
  const Function f = both(GetParam(), InputKind::kShared);
  for (const Function& of_order : {f, vjp(f), jvp(f), jvp(f, {}, InputKind::kSample)})
    for (const std::int64_t batch : {1, 9})
      check_execution(of_order, draw_inputs(of_order, batch, -1, 1, 4), kPoolUlps);
  // Weights of a sample under an image that is shared, and the other way round.
  const auto mixed = [&](InputKind image, InputKind other) {
    return trace(
        [&](Array x, Array v) {
          const Array y = max_pool2d(x, GetParam().options);
          return push_forward(std::span(&y, 1), std::span(&x, 1), std::span(&v, 1))[0];
        },
        {{"x", GetParam().image, image}, {"v", GetParam().image, other}});
  };
  for (const Function& g :
       {mixed(InputKind::kShared, InputKind::kSample), mixed(InputKind::kSample, InputKind::kShared)})
    for (const Function& of_order : {g, vjp(g)})
      check_execution(of_order, draw_inputs(of_order, 9, -1, 1, 4), kPoolUlps);
}

TEST_P(Pools, BitsDoNotDependOnLanes) {
  const Function f = vjp(both(GetParam()));
  std::vector<HostArray> inputs = ties_of(f, 67);
  inputs[0].set(inputs[0].size() / 3, std::numeric_limits<double>::quiet_NaN());
  for (HostArray& input : inputs)  // zeros of both signs are equal, and sums keep theirs
    for (std::int64_t i = 0; i < input.size(); i += 2)
      if (input.at(i) == 0) input.set(i, -0.0);
  check_bits_of_lanes(f, inputs, {0, 2, 3, 4, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 40, 64});
}

TEST_P(Pools, TakeNanWhereTheInterpreterDoes) {
  const Function f = vjp(trace([&](Array x) { return max_pool2d(x, GetParam().options); }, {{"x", GetParam().image}}));
  std::vector<HostArray> inputs = ties_of(f, 16);
  for (std::int64_t i = 0; i < inputs[0].size(); i += 3)
    inputs[0].set(i, i % 2 == 0 ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity());
  const std::vector<HostArray> expected = testing::interpret_batch(f, inputs), found = compile(f).run(inputs).outputs;
  for (std::int64_t i = 0; i < expected[0].size(); ++i)
    ASSERT_TRUE(found[0].at(i) == expected[0].at(i) || (std::isnan(found[0].at(i)) && std::isnan(expected[0].at(i))));
  for (std::int64_t i = 0; i < expected[1].size(); ++i) ASSERT_NEAR(found[1].at(i), expected[1].at(i), kPoolUlps);
}

INSTANTIATE_TEST_SUITE_P(Cases, Pools, ::testing::ValuesIn(pool_cases()),
                         [](const auto& row) { return row.param.name; });

// An image of more than the second-level cache holds, and one beside a NaN in another channel.
TEST(Pool, BitsOfLargeImages) {
  const Function f = vjp(both({"", {2, 130, 129}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}}));
  std::vector<HostArray> inputs = ties_of(f, 16);
  inputs[0].set(5, std::numeric_limits<double>::quiet_NaN());
  check_bits_of_lanes(f, inputs, {8, 16});
}

TEST(Pool, F32AgreesToSinglePrecision) {
  for (const PoolCase& one : pool_cases()) {
    const Function f = vjp(both(one));
    const std::vector<HostArray> inputs = ties_of(f, 19);
    const std::vector<HostArray> expected = testing::interpret_batch(f, inputs);
    const RunResult result = compile(f, {.dtype = Dtype::kF32}).run(inputs);
    for (std::size_t i = 0; i < expected.size(); ++i)
      for (std::int64_t k = 0; k < expected[i].size(); ++k)
        ASSERT_NEAR(result.outputs[i].at(k), expected[i].at(k), 1e-5 * (1 + std::abs(expected[i].at(k)))) << one.name;
  }
}

TEST(Pool, IsOneInstructionEachWay) {
  using enum internal::InstructionKind;
  for (Array (*pool)(Operand, const PoolOptions&) : {max_pool2d, avg_pool2d}) {
    const Function f = trace([&](Array x) { return pool(x, {}); }, {{"x", {2, 4, 4}}});
    const internal::Plan plan = internal::lower(vjp(f), {.lanes = 8, .late_inputs = {1}});
    for (const internal::Phase phase : {internal::Phase::kForward, internal::Phase::kReverse}) {
      ASSERT_EQ(plan.in(phase).size(), 1u);
      EXPECT_EQ(plan.in(phase)[0].kind, kPool);
    }
  }
}

}  // namespace
}  // namespace costate
