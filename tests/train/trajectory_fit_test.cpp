// Fields with structure and the fit of any field to windows, on systems whose answer is known.
#include "costate/train/trajectory_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "costate/exec/program.h"
#include "costate/models/mechanical_fields.h"
#include "tests/support/expect_error.h"

namespace costate {
namespace {

/// theta = a cos t, omega = -a sin t at 0, 0.1, … for two amplitudes.
HostArray circles(std::int64_t samples) {
  HostArray states(Shape{2, samples, 2});
  for (std::int64_t k = 0; k < 2; ++k)
    for (std::int64_t i = 0; i < samples; ++i) {
      const double t = 0.1 * static_cast<double>(i), amplitude = 1.0 + static_cast<double>(k);
      states.set((k * samples + i) * 2, amplitude * std::cos(t));
      states.set((k * samples + i) * 2 + 1, -amplitude * std::sin(t));
    }
  return states;
}

std::vector<double> slope_at(const VectorField& field, std::vector<double> z) {
  const auto size = static_cast<std::int64_t>(z.size());
  const HostArray slope =
      compile(field.function()).run({HostArray(Shape{1}), HostArray(Shape{1, size}, std::move(z))}).outputs[0];
  return {slope.data<double>().begin(), slope.data<double>().end()};
}

TEST(HamiltonianField, OfThePendulumIsThePendulum) {
  const VectorField field = hamiltonian_field(1, [](Array q, Array p) { return 0.5 * p[0] * p[0] - cos(q[0]); });
  const std::vector<double> slope = slope_at(field, {0.7, -0.4});
  EXPECT_NEAR(slope[0], -0.4, 1e-15);
  EXPECT_NEAR(slope[1], -std::sin(0.7), 1e-15);
}

TEST(SecondOrderField, LearnsNoVelocity) {
  const VectorField field = second_order_field(2, [](Array q, Array v) { return -1.0 * q - 0.5 * v; });
  EXPECT_EQ(slope_at(field, {1, 2, 3, 4}), (std::vector<double>{3, 4, -2.5, -4}));
}

TEST(CutWindows, MeetAtTheirEnds) {
  const TrajectoryWindows windows = cut_windows(circles(11), 0.1, {.length = 6});
  EXPECT_EQ(windows.states.shape(), (Shape{4, 6, 2}));
  EXPECT_EQ(windows.states.at(5 * 2), windows.states.at(6 * 2));  // the last of the first, the first of the second
  EXPECT_DOUBLE_EQ(windows.times.at(5), 0.5);
  EXPECT_ERROR(cut_windows(circles(11), 0.1, {.length = 12}), InvalidArgument, "2 to 11 samples");
  for (const double spacing : {0.0, -0.1, std::numeric_limits<double>::infinity()})
    EXPECT_ERROR(cut_windows(circles(11), spacing, {.length = 6}), InvalidArgument,
                 "spacing, the time from one sample");
  EXPECT_ERROR(cut_windows(HostArray(Shape{3, 2}), 0.1, {}), ShapeError, "[trajectory, time, state]");
}

TEST(FitTrajectories, FindsTheMatrixOfALinearField) {
  const Parameter matrix("matrix", HostArray(Shape{2, 2}, std::vector<double>{0.1, 0.5, -0.3, 0.2}));
  const VectorField field = vector_field({2}, [&](Array, Array z) { return matmul(matrix, z); });
  fit_trajectories(field, {matrix}, cut_windows(circles(41), 0.1, {.length = 11}),
                   {.solve = {.rtol = 1e-9, .atol = 1e-9},
                    .train = {.epochs = 60, .optimizer = {.kind = OptimizerKind::kLbfgs}, .schedule = {.base = 1}}});
  const std::vector<double> truth = {0, 1, -1, 0};
  for (std::int64_t i = 0; i < 4; ++i) EXPECT_NEAR(matrix.value().at(i), truth[static_cast<std::size_t>(i)], 1e-6);
}

TEST(FitTrajectories, TakesArgumentsAndTimesOfEachWindow) {
  // z' = gain u: the gain is told from windows with different inputs and times.
  const Parameter gain("gain", HostArray::vector({0.2}));
  const VectorField field = vector_field({1}, {{"u", {1}}}, [&](Array, Array, Array u) { return Array(gain) * u; });
  const TrajectoryWindows windows{.times = HostArray(Shape{2, 2}, std::vector<double>{0, 1, 0, 2}),
                                  .states = HostArray(Shape{2, 2, 1}, std::vector<double>{0, 1.5, 1, 10}),
                                  .arguments = {HostArray(Shape{2, 1}, std::vector<double>{1, 3})}};
  fit_trajectories(field, {gain}, windows,
                   {.train = {.epochs = 40, .optimizer = {.kind = OptimizerKind::kLbfgs}, .schedule = {.base = 1}}});
  EXPECT_NEAR(gain.value().at(0), 1.5, 1e-6);
  EXPECT_ERROR(fit_trajectories(field, {gain}, {.times = windows.times, .states = windows.states}, {}), InvalidArgument,
               "takes 1 arguments; got 0");
}

}  // namespace
}  // namespace costate
