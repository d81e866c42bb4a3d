// Solves in f32 of fields that read a time with more digits than f32 has.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "costate/operations/interpolate.h"
#include "costate/solve/internal/reference_solve.h"
#include "costate/solve/solve.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

constexpr double kEpoch = 1.7e9, kRate = 2 * std::numbers::pi / 60;
const SolveOptions kF32{.dtype = Dtype::kF32};

std::vector<double> ten_minutes() {
  std::vector<double> times;
  for (int i = 0; i <= 10; ++i) times.push_back(kEpoch + 60 * i + 7 * (i % 3));
  return times;
}

Solution solve_f32(const VectorField& field, const std::vector<double>& times, const SolveOptions& options = kF32) {
  return solve(field, HostArray(Shape{3, field.state_size()}, Dtype::kF32), HostArray::vector(times), options);
}

TEST(TimePart, APhaseSinceTheEpochIsExact) {
  const VectorField field =
      vector_field({1}, [](Array t, Array) { return reshape(kRate * cos(kRate * (t - kEpoch)), {1}); });
  const std::vector<double> times = ten_minutes();
  for (const SolveOptions& options :
       {kF32, SolveOptions{.steps_per_interval = 20, .dtype = Dtype::kF32},
        SolveOptions{.method = Method::kRk4, .steps_per_interval = 40, .dtype = Dtype::kF32}}) {
    const Solution solution = solve_f32(field, times, options);
    solution.check();
    for (std::size_t i = 0; i < times.size(); ++i)
      EXPECT_NEAR(solution.states.at(static_cast<std::int64_t>(11 + i)), std::sin(kRate * (times[i] - kEpoch)), 1e-5);
  }
}

TEST(TimePart, WhatIsReadBesideTheStateIsRounded) {
  // The phase is computed of t alone; the state, an argument and a Parameter join it in f32.
  const Parameter rate("rate", HostArray(Shape{}, std::vector<double>{kRate}));
  const VectorField field = vector_field({2}, [&](Array t, Array z) {
    const Array held =
        interpolate(constant(HostArray::vector({kEpoch, kEpoch + 100, kEpoch + 101, kEpoch + 600})),
                    constant(HostArray(Shape{4, 1}, std::vector<double>{0, 1, 0, 0})), t, Interpolation::kHold);
    return concat({reshape(rate * cos(rate * (t - kEpoch)) + 0.0 * z[0], {1}), held});
  });
  const std::vector<double> times = ten_minutes();
  const Solution solution = solve_f32(field, times);
  solution.check();
  for (std::size_t i = 0; i < times.size(); ++i)
    EXPECT_NEAR(solution.states.at(static_cast<std::int64_t>(22 + 2 * i)), std::sin(kRate * (times[i] - kEpoch)), 2e-5);
  EXPECT_NEAR(solution.states.at(22 + 21), 1, 1e-5);
}

TEST(TimePart, TimesThatF32CannotTellApartAreRefused) {
  const VectorField reads_time = vector_field({1}, [](Array t, Array z) { return z * t; });
  EXPECT_ERROR(solve_f32(reads_time, ten_minutes()), InvalidArgument,
               "Subtract times[0] from times and shift the field");
  EXPECT_ERROR(solve_f32(reads_time, {5000, 5000.1}), InvalidArgument, "two are 5000 and 5000.1");
  solve_f32(reads_time, {0.5, 0.6, 50}).check();
  solve_f32(vector_field({1}, [](Array, Array z) { return -z; }), ten_minutes()).check();
  // In f64 all is well.
  solve(reads_time, HostArray(Shape{1, 1}), HostArray::vector(ten_minutes())).check();
}

TEST(FirstStep, MovesTheTime) {
  const VectorField field = vector_field({1}, [](Array t, Array z) { return z * 0.0 + cos(1e-6 * (t - 1e15)); });
  const std::vector<double> times = {1e15, 1e15 + 1e6};
  for (const double first : {0.0, 1e-3}) {
    const Solution solution = solve(field, HostArray(Shape{1, 1}), HostArray::vector(times), {.first_step = first});
    solution.check();
    EXPECT_NEAR(solution.states.at(1), 1e6 * std::sin(1.0), 2);
    const auto rhs = [](double t, std::span<const double>, std::span<double> slope) {
      slope[0] = std::cos(1e-6 * (t - 1e15));
    };
    const double start[] = {0.0};
    EXPECT_EQ(internal::reference_solve(rhs, start, times, {.atol = 1e-8, .first_step = first}).accepted,
              solution.accepted[0]);
  }
}

}  // namespace
}  // namespace costate
