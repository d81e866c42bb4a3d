// The dense output of a solve as an object.
#include "costate/solve/dense_solution.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/expect_error.h"

namespace costate {
namespace {

VectorField decay() {
  return vector_field({2}, {{"rate", {}}}, [](Array, Array z, Array rate) { return -(rate * z); });
}

struct Decays {
  static constexpr std::int64_t kSize = 9;
  HostArray z0{Shape{kSize, 2}}, rates{Shape{kSize}};
  Decays() {
    for (std::int64_t i = 0; i < kSize; ++i) {
      z0.set(2 * i, 1);
      z0.set(2 * i + 1, static_cast<double>(i));
      rates.set(i, 0.3 * static_cast<double>(i + 1));
    }
  }
};

TEST(DenseSolution, GivesTheOutputsOfASolveAndTheirSlopes) {
  const Decays batch;
  const std::vector<HostArray> arguments = {batch.rates};
  for (const Method method : one_step_methods()) {
    if (!tableau(method).has_error_estimate()) continue;
    for (const bool descends : {false, true}) {
      const double end = descends ? -1.5 : 1.5;
      const HostArray times = HostArray::vector({0, 0.1 * end, 0.55 * end, end});
      for (const Dtype dtype : {Dtype::kF64, Dtype::kF32}) {
        const SolveOptions options{.method = method, .rtol = 1e-5, .atol = 1e-7, .dtype = dtype};
        const Solution expected = solve(decay(), batch.z0, times, options, arguments);
        const DenseResult dense = solve_dense(decay(), batch.z0, times, options, arguments);
        EXPECT_TRUE(dense.solution.states.same_bits(expected.states)) << name(method);
        EXPECT_EQ(dense.solution.accepted, expected.accepted);
        // The same polynomials, summed in another order.
        const double tolerance = dtype == Dtype::kF32 ? 2e-5 : 1e-10;
        const HostArray states = dense.dense.states(times), slopes = dense.dense.slopes(times);
        for (std::int64_t i = 0; i < states.size(); ++i) {
          EXPECT_NEAR(states.at(i), expected.states.at(i), tolerance * (1 + std::abs(expected.states.at(i))))
              << name(method);
          const double rate = batch.rates.at(i / 8);
          EXPECT_NEAR(slopes.at(i), -rate * states.at(i), 3e-2 * (1 + std::abs(rate * states.at(i)))) << name(method);
        }
      }
    }
  }
}

TEST(DenseSolution, HasTimesOfItsSamplesOwn) {
  const Decays batch;
  const std::vector<HostArray> arguments = {batch.rates};
  HostArray times(Shape{Decays::kSize, 2}), asked(Shape{Decays::kSize, 3});
  for (std::int64_t i = 0; i < Decays::kSize; ++i) {
    times.set(2 * i, static_cast<double>(i));
    times.set(2 * i + 1, static_cast<double>(i) + 2);
    for (std::int64_t k = 0; k < 3; ++k)
      asked.set(3 * i + k, static_cast<double>(i) + 1.9 - 0.7 * static_cast<double>(k));
  }
  const DenseResult dense = solve_dense(decay(), batch.z0, times, {.rtol = 1e-9, .atol = 1e-11}, arguments);
  const HostArray states = dense.dense.states(asked);
  for (std::int64_t i = 0; i < Decays::kSize; ++i) {
    for (std::int64_t k = 0; k < 3; ++k)
      EXPECT_NEAR(states.at((3 * i + k) * 2), std::exp(-batch.rates.at(i) * (1.9 - 0.7 * static_cast<double>(k))),
                  1e-8);
    const std::vector<double> steps = dense.dense.step_times(i);
    EXPECT_EQ(steps.front(), static_cast<double>(i));
    EXPECT_EQ(steps.back(), static_cast<double>(i) + 2);
    EXPECT_EQ(static_cast<std::int64_t>(steps.size()) - 1, dense.solution.accepted[static_cast<std::size_t>(i)]);
  }
}

TEST(DenseSolution, EndsWhereASampleEndsAndJumpsAtItsEvents) {
  const VectorField field = vector_field({1}, [](Array, Array) { return constant(HostArray::vector({1})); });
  const std::vector<SolveEvent> events = {
      solve_event(
          field, [](Array, Array z) { return z[0] - 1.0; }, [](Array, Array z) { return z + 3.0; }),
      solve_event(field, [](Array, Array z) { return z[0] - 5.0; }, {.stop_after = 1})};
  const HostArray z0(Shape{2, 1}, std::vector<double>{0, -10});
  const DenseResult dense = solve_dense(field, z0, HostArray::vector({0, 4}), {}, {}, events);
  const double jump = dense.solution.events.times[0];
  const HostArray states = dense.dense.states(HostArray::vector({0, 0.5, jump, 1.5, 3}));
  const double expected[] = {0, 0.5, 1, 4.5, 0, -10, -9.5, -9, -8.5, -7};
  for (std::int64_t i = 0; i < 10; ++i)
    if (i == 4) {
      EXPECT_TRUE(std::isnan(states.at(i)));
    } else {
      EXPECT_NEAR(states.at(i), expected[i], 1e-12) << i;
    }
}

TEST(DenseSolution, GoesIntoArraysAndBack) {
  const Decays batch;
  const std::vector<HostArray> arguments = {batch.rates};
  const HostArray times = HostArray::vector({0, 0.3, 1});
  const DenseSolution dense = solve_dense(decay(), batch.z0, times, {}, arguments).dense;
  const DenseSolution again = DenseSolution::from_arrays(dense.arrays());
  EXPECT_TRUE(again.states(times).same_bits(dense.states(times)));
  std::map<std::string, HostArray> arrays = dense.arrays();
  arrays.erase("sizes");
  EXPECT_ERROR(DenseSolution::from_arrays(arrays), InvalidArgument, "an array 'sizes'");
  DenseSolution::Steps steps = dense.steps();
  steps.first.back() += 1;
  EXPECT_ERROR(DenseSolution(std::move(steps)), InvalidArgument, "first must ascend");
  steps = dense.steps();
  steps.sizes.pop_back();
  EXPECT_ERROR(DenseSolution(std::move(steps)), ShapeError, "must have a row a step");
}

TEST(DenseSolution, AnEmptyBatchAndNoTimeAtAll) {
  const std::vector<HostArray> none = {HostArray(Shape{0})};
  EXPECT_EQ(solve_dense(decay(), HostArray(Shape{0, 2}), HostArray::vector({0, 1}), {}, none)
                .dense.states(HostArray::vector({0.5}))
                .size(),
            0);
  const VectorField field = vector_field({1}, [](Array, Array z) { return z; });
  const DenseSolution still =
      solve_dense(field, HostArray(Shape{1, 1}, std::vector<double>{3}), HostArray::vector({1, 1})).dense;
  EXPECT_EQ(still.states(HostArray::vector({1})).at(0), 3);
  EXPECT_EQ(still.step_times(0), std::vector<double>{1});
}

TEST(DenseSolution, CallersMistakes) {
  const VectorField field = vector_field({1}, [](Array, Array z) { return z; });
  const HostArray z0(Shape{1, 1}, std::vector<double>{3}), times = HostArray::vector({0, 1});
  EXPECT_ERROR(solve_dense(field, z0, times, {.method = Method::kRk4}), NotSupported, "a dense output takes steps");
  const DenseSolution dense = solve_dense(field, z0, times).dense;
  EXPECT_ERROR(dense.states(HostArray::vector({1.5})), InvalidArgument, "must be between 0 and 1; got 1.5");
  EXPECT_ERROR(dense.states(HostArray::vector({std::nextafter(1, 2)})), InvalidArgument,
               "must be between 0 and 1; got 1.0000000000000002");
  EXPECT_ERROR(dense.states(HostArray(Shape{2, 1})), ShapeError, "times must have shape");
  EXPECT_ERROR(dense.step_times(1), InvalidArgument, "the sample must be below 1");
}

}  // namespace
}  // namespace costate
