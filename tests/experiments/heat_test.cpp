// The heat experiment's equation, readings and prior against closed forms, and what it refuses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "experiments/heat/heat_inversion.h"
#include "experiments/heat/heat_model.h"
#include "tests/support/expect_error.h"

namespace costate::experiments {
namespace {

const std::vector<Blob> kBlobs = {{{0.45, 0.55}, 1.0, 0.07}, {{0.55, 0.45}, -0.5, 0.08}};
constexpr double kDiffusion = 0.002;

HeatProblem problem_of(std::int64_t cells) {
  HeatProblem problem{.cells = cells};
  problem.sensors = {{0.5, 0.5}, {0.4375, 0.625}};
  return problem;
}

/// The largest distance of the differences from du/dt of the closed form.
double error_of_rate(std::int64_t cells) {
  const HeatProblem problem = problem_of(cells);
  const Function rate =
      trace([&](Array u) { return heat_rate(problem, u, constant(kDiffusion)); }, {{"u", {problem.size()}}});
  const std::vector<double> now = exact_grid(kBlobs, problem, kDiffusion, 0.3);
  const HostArray found = compile(rate).run({HostArray(Shape{1, problem.size()}, now)}).outputs[0];
  constexpr double kStep = 1e-4;
  const std::vector<double> later = exact_grid(kBlobs, problem, kDiffusion, 0.3 + kStep),
                            earlier = exact_grid(kBlobs, problem, kDiffusion, 0.3 - kStep);
  double largest = 0;
  for (std::size_t i = 0; i < now.size(); ++i)
    largest =
        std::max(largest, std::abs(found.at(static_cast<std::int64_t>(i)) - (later[i] - earlier[i]) / (2 * kStep)));
  return largest;
}

TEST(Heat, DifferencesHaveTheFourthOrder) {
  const double coarse = error_of_rate(48), fine = error_of_rate(96);
  EXPECT_GT(std::log2(coarse / fine), 3.7);
  EXPECT_LT(fine, 2e-3);  // of rates of about 1
}

TEST(Heat, SolvesAsTheClosedFormDoes) {
  const HeatProblem problem = problem_of(64);
  const Function readings = trace(
      [&](Array start, Array logarithm) {
        return heat_readings(problem, heat_states(problem, start, logarithm, stable_steps(problem, 2 * kDiffusion)));
      },
      {{"start", {problem.size()}}, {"logarithm", {}}});
  const HostArray start(Shape{1, problem.size()}, exact_grid(kBlobs, problem, kDiffusion, 0));
  const HostArray found = compile(readings).run({start, HostArray::vector({std::log(kDiffusion)})}).outputs[0];
  const std::vector<double> truth = exact_readings(kBlobs, problem, kDiffusion);
  ASSERT_EQ(found.size(), static_cast<std::int64_t>(truth.size()));
  for (std::size_t i = 0; i < truth.size(); ++i)
    EXPECT_NEAR(found.at(static_cast<std::int64_t>(i)), truth[i], 1e-3);  // h^4 and the tails at the edge
}

TEST(Heat, ReadingsAreLinearBetweenPoints) {
  HeatProblem problem = problem_of(8);
  problem.num_times = 1;
  problem.sensors = {{0.31, 0.77}, {0.05, 0.5}};
  HostArray states(Shape{1, 2, problem.size()});
  for (std::int64_t row = 0; row < problem.side(); ++row)
    for (std::int64_t column = 0; column < problem.side(); ++column)
      states.set({0, 1, row * problem.side() + column},
                 3.0 * static_cast<double>(column + 1) / 8 - 2.0 * static_cast<double>(row + 1) / 8);
  const Function readings = trace([&](Array u) { return heat_readings(problem, u); }, {{"u", {2, problem.size()}}});
  const HostArray found = compile(readings).run({states}).outputs[0];
  EXPECT_NEAR(found.at(0), 3 * 0.31 - 2 * 0.77, 1e-14);
  EXPECT_NEAR(found.at(1), 0.05 * 8 * (3.0 / 8 - 1.0), 1e-14);  // towards 0 on the edge
}

TEST(Heat, ThePriorIsTheSameOnAllGrids) {
  const auto field_on = [](std::int64_t cells) {
    const HeatProblem problem = problem_of(cells);
    HostArray weights(Shape{problem.side(), problem.side()});
    for (std::int64_t j = 0; j < 5; ++j)
      for (std::int64_t k = 0; k < 5; ++k) weights.set({j, k}, std::sin(1.0 + static_cast<double>(5 * j + k)));
    return HeatEstimate{.weights = weights}.field(problem);
  };
  const std::vector<double> coarse = field_on(8), fine = field_on(16);
  for (std::size_t row = 0; row < 7; ++row)
    for (std::size_t column = 0; column < 7; ++column)
      EXPECT_NEAR(coarse[row * 7 + column], fine[(2 * row + 1) * 15 + 2 * column + 1], 1e-14);
}

TEST(Heat, RefusesWhatIsNoProblem) {
  EXPECT_ERROR(check_diffusion(0), InvalidArgument, "diffusion coefficient must be positive; got 0");
  EXPECT_ERROR(stable_steps(problem_of(8), -1), InvalidArgument, "diffusion coefficient must be positive");
  HeatProblem outside = problem_of(8);
  outside.sensors.push_back({1.5, 0.5});
  EXPECT_ERROR(estimate_heat(outside, HostArray(Shape{10, 3}), prior_estimate(outside), {}, [](const auto&) {}),
               InvalidArgument, "sensor 2 must be inside of the unit square; it is at (1.5, 0.5)");
  HeatProblem blind = problem_of(8);
  blind.sensors.clear();
  EXPECT_ERROR(check_problem(blind), InvalidArgument, "at least one sensor");
  HeatProblem coarse = problem_of(3);
  EXPECT_ERROR(check_problem(coarse), InvalidArgument, "at least 4 cells");
  HeatProblem loud = problem_of(8);
  loud.noise = 0;
  EXPECT_ERROR(check_problem(loud), InvalidArgument, "must be positive");
  HeatProblem brief = problem_of(8);
  brief.end = 0;
  EXPECT_ERROR(check_problem(brief), InvalidArgument, "positive end");
}

}  // namespace
}  // namespace costate::experiments
