#include "costate/data/simulate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "costate/base/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/problems.h"

namespace costate {
namespace {

/// Two orders agree to 2e-14 of the state in each of at most 100 steps.
constexpr double kReferenceTol = 2e-12;
/// A start near the top amplifies an error by dT/d(angle) times omega, about 2 / (pi - angle) times 4 per period: 100
/// over the two periods from 3 rad.
constexpr double kNearTheTopTol = 2e-11;
/// What CVODE reaches at rtol 1e-13 on these problems (3e-12 against 30-digit arithmetic).
constexpr double kCvodeTol = 1e-11;

double at(const Trajectory& trajectory, std::size_t row, std::size_t i) {
  return trajectory.states.at(static_cast<std::int64_t>(row) * trajectory.states.shape()[1] +
                              static_cast<std::int64_t>(i));
}

void expect_solves(const std::string& system, const test::Problem& problem, const SimulateOptions& options,
                   double tolerance) {
  const Trajectory path = simulate(system, options).trajectories.at(0);
  for (std::size_t row = 0; row < path.times.size(); ++row) {
    const std::vector<double> truth = problem.solution(path.times[row]);
    for (std::size_t i = 0; i < truth.size(); ++i)
      EXPECT_NEAR(at(path, row, i), truth[i], tolerance) << system << " at t = " << path.times[row];
  }
}

TEST(Simulate, PendulumFollowsJacobisEllipticFunctions) {
  for (const double angle : {0.1, 1.0, 3.0}) {
    const test::Problem problem = test::pendulum(angle, 20);
    const double tolerance = angle == 3 ? kNearTheTopTol : kReferenceTol;
    for (const bool irregular : {false, true})
      expect_solves("pendulum", problem, {.until = 20, .samples = 41, .start = {angle, 0}, .irregular = irregular},
                    tolerance);
  }
}

TEST(Simulate, PendulumReturnsAfterItsPeriod) {
  // Periods for g/l = 1 from the complete elliptic integral, printed to 10 digits; theta is flat there, so a period
  // wrong in its last digit moves it by far less than the tolerance, and omega by 1e-10.
  const std::vector<std::pair<double, double>> periods{
      {1.0, 6.6999756644}, {std::numbers::pi / 2, 7.4162987092}, {170 * std::numbers::pi / 180, 15.3269679991}};
  for (const auto& [angle, period] : periods) {
    const Trajectory path = simulate("pendulum", {.until = period, .samples = 2, .start = {angle, 0}}).trajectories[0];
    EXPECT_NEAR(at(path, 1, 0), angle, kReferenceTol);
    EXPECT_NEAR(at(path, 1, 1), 0, 1e-10);
  }
}

TEST(Simulate, LinearSystemsFollowTheirClosedForms) {
  const Trajectory linear =
      simulate("linear-pendulum", {.start = {1.5, 0}, .parameters = {{"g/l", 4}}}).trajectories[0];
  const Trajectory damped = simulate("damped-oscillator", {.start = {1, 0}}).trajectories[0];
  const double frequency = std::sqrt(1 - 0.1 * 0.1);
  for (std::size_t row = 0; row < linear.times.size(); ++row) {
    EXPECT_NEAR(at(linear, row, 0), 1.5 * std::cos(2 * linear.times[row]), kReferenceTol);
    EXPECT_NEAR(at(linear, row, 1), -3 * std::sin(2 * linear.times[row]), kReferenceTol);
    const double t = damped.times[row];
    const double truth = std::exp(-0.1 * t) * (std::cos(frequency * t) + 0.1 / frequency * std::sin(frequency * t));
    EXPECT_NEAR(at(damped, row, 0), truth, kReferenceTol);
  }
}

TEST(Simulate, NonlinearSystemsAgreeWithCvode) {
  expect_solves("lotka-volterra", test::lotka_volterra(), {.samples = 6, .start = {1, 1}}, kCvodeTol);
  expect_solves("van-der-pol", test::van_der_pol(), {.until = 10, .samples = 6, .start = {2, 0}}, kCvodeTol);
}

TEST(Simulate, TheSpiralLosesRadiusAsItsEquationSays) {
  // d(x^4 + y^4)/dt = 4 (x^3 x' + y^3 y') = -4 a (x^6 + y^6), whatever b; with b = 0 each coordinate solves
  // x' = -a x^3: x = x0 / sqrt(1 + 2 a x0^2 t).
  const Trajectory path =
      simulate("spiral", {.samples = 11, .start = {2, 0.5}, .parameters = {{"b", 0}}}).trajectories[0];
  for (std::size_t row = 0; row < path.times.size(); ++row) {
    EXPECT_NEAR(at(path, row, 0), 2 / std::sqrt(1 + 0.2 * 4 * path.times[row]), kReferenceTol);
    EXPECT_NEAR(at(path, row, 1), 0.5 / std::sqrt(1 + 0.2 * 0.25 * path.times[row]), kReferenceTol);
  }
  // The row vector (8, 0) times A = [[-0.1, 2], [-2, -0.1]] is (-0.8, 16).
  std::vector<double> dz(2);
  const std::vector<double> z{2, 0};
  const std::vector<double> parameters{0.1, 2};
  find_system("spiral").slope({0, z, {}, 0, parameters}, dz);
  EXPECT_DOUBLE_EQ(dz[0], -0.8);
  EXPECT_DOUBLE_EQ(dz[1], 16);
}

TEST(Simulate, TheDrivenOscillatorObeysItsInputColumn) {
  const TimeSeries series = simulate("driven-oscillator", {.until = 4, .samples = 4001});
  EXPECT_EQ(series.input_names, std::vector<std::string>{"u"});
  const Trajectory& path = series.trajectories[0];
  const double dt = 1e-3;
  for (std::size_t row = 1; row + 1 < path.times.size(); row += 100) {
    // Central difference of v: its error is dt^2 / 6 times the third derivative of v, here below 10.
    const double slope = (at(path, row + 1, 1) - at(path, row - 1, 1)) / (2 * dt);
    const double input = path.inputs.at(static_cast<std::int64_t>(row));
    EXPECT_NEAR(slope, -at(path, row, 0) - 0.2 * at(path, row, 1) + input, 2e-6);
  }
}

TEST(Simulate, MackeyGlassStartsAsTheMethodOfStepsSays) {
  // On [0, tau] the delayed state is the start s: x' = g - gamma x with g = beta s / (1 + s^n).
  const double start = 1.2;
  const Trajectory path = simulate("mackey-glass", {.until = 17, .samples = 18, .start = {start}}).trajectories[0];
  const double rest = 0.2 * start / (1 + std::pow(start, 10)) / 0.1;
  for (std::size_t row = 0; row < path.times.size(); ++row)
    EXPECT_NEAR(at(path, row, 0), rest + (start - rest) * std::exp(-0.1 * path.times[row]), 1e-12);
}

TEST(Simulate, ALinearDelayEquationFollowsItsSecondStep) {
  // beta = -1, gamma = 0, n = 0: x' = -x(t - tau) / 2. From x = 1: 1 - t/2, then at t = tau + s
  // 1 - tau/2 - s/2 + s^2/8 for s in [0, tau].
  const Trajectory path =
      simulate(
          "mackey-glass",
          {.until = 4, .samples = 9, .start = {1}, .parameters = {{"beta", -1}, {"gamma", 0}, {"n", 0}, {"tau", 2}}})
          .trajectories[0];
  for (std::size_t row = 0; row < path.times.size(); ++row) {
    const double t = path.times[row];
    const double truth = t <= 2 ? 1 - t / 2 : 1 - t / 2 + (t - 2) * (t - 2) / 8;
    EXPECT_NEAR(at(path, row, 0), truth, 1e-12) << t;
  }
}

TEST(Simulate, EverySystemRunsWithItsDefaults) {
  for (const System& system : systems()) {
    const TimeSeries series = simulate(system.name);
    ASSERT_EQ(series.trajectories.size(), 1u) << system.name;
    const Trajectory& path = series.trajectories[0];
    EXPECT_EQ(path.id, "");
    EXPECT_EQ(path.times.size(), static_cast<std::size_t>(system.num_samples));
    EXPECT_EQ(path.times.front(), 0);
    EXPECT_EQ(path.times.back(), system.until);
    EXPECT_EQ(path.states.shape(), (Shape{system.num_samples, static_cast<std::int64_t>(system.states.size())}));
    EXPECT_EQ(path.inputs.shape(), (Shape{system.num_samples, system.drive_frequencies.empty() ? 0 : 1}));
    for (std::int64_t i = 0; i < path.states.size(); ++i) EXPECT_TRUE(std::isfinite(path.states.at(i)));
    for (std::size_t i = 0; i < system.states.size(); ++i) {
      EXPECT_GE(at(path, 0, i), system.states[i].start_low) << system.name;
      EXPECT_LE(at(path, 0, i), system.states[i].start_high) << system.name;
    }
  }
}

TEST(Simulate, ATrajectoryDependsOnSeedAndIndexAlone) {
  const SimulateOptions few{.trajectories = 2, .noise = 0.1, .seed = 7, .samples = 5};
  SimulateOptions many = few;
  many.trajectories = 5;
  const TimeSeries left = simulate("pendulum", few);
  const TimeSeries right = simulate("pendulum", many);
  EXPECT_TRUE(left.trajectories[1].states.same_bits(right.trajectories[1].states));
  EXPECT_FALSE(left.trajectories[0].states.same_bits(left.trajectories[1].states));
  EXPECT_EQ(right.trajectories[4].id, "4");
  many.seed = 8;
  EXPECT_FALSE(simulate("pendulum", many).trajectories[1].states.same_bits(right.trajectories[1].states));
}

TEST(Simulate, NoiseHasTheStatedDeviation) {
  const SimulateOptions clean{.seed = 3, .samples = 4000, .start = {1, 0}};
  SimulateOptions noisy = clean;
  noisy.noise = 0.5;
  const Trajectory exact = simulate("linear-pendulum", clean).trajectories[0];
  const Trajectory measured = simulate("linear-pendulum", noisy).trajectories[0];
  double sum = 0, square_sum = 0;
  for (std::int64_t i = 0; i < 8000; ++i) {
    const double noise = measured.states.at(i) - exact.states.at(i);
    sum += noise;
    square_sum += noise * noise;
  }
  // 8000 draws: the mean strays by 0.5 / sqrt(8000) = 0.0056, the variance by 0.25 sqrt(2 / 8000) = 0.004; 5 of these.
  EXPECT_NEAR(sum / 8000, 0, 0.028);
  EXPECT_NEAR(square_sum / 8000, 0.25, 0.02);
}

TEST(Simulate, IrregularTimesIncreaseWithinTheSpan) {
  const Trajectory path = simulate("pendulum", {.samples = 500, .irregular = true}).trajectories[0];
  EXPECT_EQ(path.times.front(), 0);
  for (std::size_t i = 1; i < path.times.size(); ++i) EXPECT_GT(path.times[i], path.times[i - 1]);
  EXPECT_LE(path.times.back(), 10);
}

TEST(Simulate, RefusesBadOptions) {
  const auto run = [](const SimulateOptions& options) { simulate("pendulum", options); };
  EXPECT_ERROR(simulate("pendulm"), InvalidArgument, "unknown system 'pendulm'; did you mean 'pendulum'?");
  EXPECT_ERROR(run({.trajectories = 0}), InvalidArgument, "trajectories must be 1");
  EXPECT_ERROR(run({.noise = -1}), InvalidArgument, "noise must be 0 or");
  EXPECT_ERROR(run({.until = 0}), InvalidArgument, "until must be positive");
  EXPECT_ERROR(run({.samples = 1}), InvalidArgument, "samples must be 2 or more");
  EXPECT_ERROR(run({.until = 1e300}), InvalidArgument, "until must be at most");
  EXPECT_ERROR(run({.trajectories = 1'000'000, .samples = 1'000'000}), InvalidArgument, "at most 100000000");
  EXPECT_ERROR(run({.start = {1}}), InvalidArgument, "start must be 2 finite numbers");
  EXPECT_ERROR(run({.start = {1, NAN}}), InvalidArgument, "start must be 2 finite numbers");
  EXPECT_ERROR(run({.parameters = {{"l", 1}}}), InvalidArgument, "unknown parameter 'l'");
  EXPECT_ERROR(run({.parameters = {{"g/l", NAN}}}), InvalidArgument, "'g/l' must be finite");
  EXPECT_ERROR(simulate("mackey-glass", {.parameters = {{"tau", 0}}}), InvalidArgument,
               "the delay must be finite and at least");
}

TEST(SimulateFrom, StacksOneTrajectoryAStart) {
  const SimulateOptions options{.noise = 0.1, .seed = 5, .until = 2.0, .samples = 11};
  const HostArray states = simulate_from({{0.5, 0}, {1, 0.2}}, "pendulum", options);
  EXPECT_EQ(states.shape(), (Shape{2, 11, 2}));
  SimulateOptions first = options;
  first.start = {0.5, 0};
  EXPECT_EQ(states.row(0), simulate("pendulum", first).trajectories[0].states.numbers());
  const HostArray exact = simulate_from({{0.5, 0}, {1, 0.2}}, "pendulum", {.until = 2.0, .samples = 11});
  EXPECT_EQ(exact(1, 0, 1), 0.2);
  EXPECT_NE(states(0, 0, 0) - exact(0, 0, 0), states(1, 0, 0) - exact(1, 0, 0));  // noise of its own
  EXPECT_ERROR(simulate_from({}, "pendulum"), InvalidArgument, "at least one start");
  EXPECT_ERROR(simulate_from({{1, 0}}, "pendulum", {.irregular = true}), InvalidArgument, "irregular alone");
  EXPECT_ERROR(simulate_from({{1}}, "pendulum"), InvalidArgument, "start must be 2 finite numbers");
}

TEST(Simulate, SaysWhenTheSolutionBlowsUp) {
  // x' = +0.1 x^3 from 2: a pole at t = 1 / (2 a x0^2) = 1.25.
  EXPECT_ERROR(simulate("spiral", {.start = {2, 0}, .parameters = {{"a", -0.1}, {"b", 0}}}), SolveFailed,
               "grows without bound");
  EXPECT_ERROR(simulate("mackey-glass", {.until = 4000, .start = {1}, .parameters = {{"gamma", -1}}}), SolveFailed,
               "grows without bound");
}

}  // namespace
}  // namespace costate
