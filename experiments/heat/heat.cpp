// A field of heat and its diffusion coefficient from forty noisy sensors, by gradients through the method of lines.
#include <algorithm>
#include <cmath>
#include <functional>

#include "experiments/experiment.h"
#include "experiments/heat/direct_optimum.h"
#include "experiments/heat/heat_adjoints.h"
#include "experiments/heat/heat_inversion.h"
#include "experiments/heat/heat_model.h"

namespace costate::experiments {
namespace {

constexpr double kDiffusion = 0.002;  // the true one
const std::vector<Blob> kBlobs = {{{0.38, 0.56}, 1.0, 0.07}, {{0.60, 0.42}, -0.7, 0.08}, {{0.55, 0.64}, 0.6, 0.06}};

/// Forty of the places 1/16 apart that are at most 0.4 from the middle, all different.
std::vector<Place> draw_sensors(std::uint64_t seed) {
  std::vector<Place> places;
  for (int i = 1; i < 16; ++i)
    for (int j = 1; j < 16; ++j)
      if (const Place place{i / 16.0, j / 16.0}; std::hypot(place.x - 0.5, place.y - 0.5) <= 0.4)
        places.push_back(place);
  const Random random(seed);
  constexpr std::size_t kSensors = 40;
  for (std::size_t i = 0; i < kSensors; ++i) std::swap(places[i], places[i + random.below(1, i, places.size() - i)]);
  places.resize(kSensors);
  return places;
}

HostArray with_noise(const HeatProblem& problem, std::vector<double> readings, std::uint64_t seed) {
  const Random random(seed);
  for (std::size_t i = 0; i < readings.size(); ++i) readings[i] += problem.noise * random.normal(2, i);
  return HostArray(Shape{problem.num_times, static_cast<std::int64_t>(problem.sensors.size())}, readings);
}

double relative_distance(const std::vector<double>& found, const std::vector<double>& truth) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    difference += (found[i] - truth[i]) * (found[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(difference / size);
}

/// On a small grid, the descent against the optimum by matrices. The readings are made by the matrix exponential.
struct SmallGrid {
  double field = 0, diffusion = 0;  // relative distances from the direct optimum
  double objective = 0;             // how much higher the descent ended, relative
};

SmallGrid study_small_grid(HeatProblem problem, const Request& request) {
  problem.cells = 16;
  const HostArray measured = with_noise(
      problem, exponential_readings(problem, exact_grid(kBlobs, problem, kDiffusion, 0), kDiffusion), request.seed);
  const DirectOptimum direct = direct_optimum(problem, measured);
  const HeatEstimate found =
      estimate_heat(problem, measured, prior_estimate(problem), {.steps = 300}, [](const HeatEstimate&) {});
  return {.field = relative_distance(found.field(problem), direct.field),
          .diffusion = std::abs(found.diffusion / direct.diffusion - 1),
          .objective = found.objective.back() / direct.objective - 1};
}

/// The descent on finer and finer grids, each from where the last ended.
struct Descent {
  HeatProblem problem;  // with the finest grid
  HostArray measured;
  HeatEstimate estimate;
  std::vector<double> field, truth;
};

Descent descend(HeatProblem problem, const Request& request) {
  const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
  HeatEstimate estimate = prior_estimate(problem);
  for (const std::int64_t cells :
       request.quick ? std::vector<std::int64_t>{64} : std::vector<std::int64_t>{64, 128, 256}) {
    problem.cells = cells;
    estimate =
        estimate_heat(problem, measured, estimate, {.steps = cells == 64 ? 150 : 30}, [&](const HeatEstimate& at) {
          if (at.objective.size() % 10 == 0)
            request.tell(cells, " cells, step ", at.objective.size(), ": objective ",
                         text::number(at.objective.back(), 6), ", coefficient ", text::number(at.diffusion));
        });
  }
  return {problem, measured, estimate, estimate.field(problem), exact_grid(kBlobs, problem, kDiffusion, 0)};
}

struct Costs {
  std::vector<GradientCost> rows;
  double largest_difference = 0;  // between budgets
};

Costs study_costs(const Descent& descent) {
  Costs costs;
  for (const std::size_t mebibytes : {4, 16, 64}) {
    costs.rows.push_back(
        measure_gradient(descent.problem, descent.field, kDiffusion, descent.measured, mebibytes << 20));
    costs.largest_difference =
        std::max(costs.largest_difference, relative_distance(costs.rows.back().gradient, costs.rows[0].gradient));
  }
  return costs;
}

std::vector<BacksolveRow> study_backsolve(HeatProblem problem, const Request& request) {
  std::vector<BacksolveRow> rows;
  for (const std::int64_t cells : {8, 12, 16, 24, 32, 48}) {
    if (request.quick && cells > 32) break;
    problem.cells = cells;
    const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
    rows.push_back(try_backsolve(problem, exact_grid(kBlobs, problem, kDiffusion, 0), kDiffusion, measured));
  }
  return rows;
}

AdjointAgreement study_agreement(HeatProblem problem, const Request& request) {
  problem.cells = request.quick ? 16 : 32;
  const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
  // From a start that is wrong, so that no part of the gradient is noise alone.
  std::vector<double> start = exact_grid(kBlobs, problem, kDiffusion, 0);
  for (double& number : start) number *= 0.8;
  return compare_adjoints(problem, start, 1.5 * kDiffusion, measured);
}

Figure field_figure(const std::string& title, const HeatProblem& problem, const std::vector<double>& field,
                    bool shows_sensors) {
  const double edge = 0.5 / static_cast<double>(problem.cells);
  Figure figure{
      .title = title, .x_label = "x", .y_label = "y", .aspect = Aspect::kEqual, .x_range = {0, 1}, .y_range = {0, 1}};
  figure.rasters = {{.x_low = edge,
                     .x_high = 1 - edge,
                     .y_low = edge,
                     .y_high = 1 - edge,
                     .columns = static_cast<std::size_t>(problem.side()),
                     .values = field}};
  if (shows_sensors) {
    Curve sensors{.mark = Mark::kPoints, .color = 1};
    for (const Place& place : problem.sensors) sensors.x.push_back(place.x), sensors.y.push_back(place.y);
    figure.curves.push_back(sensors);
  }
  return figure;
}

Sheet draw(const Descent& descent, const std::vector<BacksolveRow>& backsolve, const Costs& costs) {
  const HeatProblem& problem = descent.problem;
  const std::vector<double>& coefficients = descent.estimate.coefficient;
  Figure coefficient{.title = "the coefficient along the descent",
                     .x_label = "step",
                     .y_label = "diffusion coefficient",
                     .curves = {Curve{.name = "estimate"}.over({}, coefficients),
                                Curve{.name = "truth", .mark = Mark::kDashed, .color = 1}.over(
                                    {}, std::vector<double>(coefficients.size(), kDiffusion))}};
  std::vector<double> sizes, errors, growth;
  for (const BacksolveRow& row : backsolve) {
    sizes.push_back(static_cast<double>(row.cells));
    errors.push_back(std::min(std::max(row.error, 1e-16), 1e16));
    growth.push_back(std::min(1e-8 * row.growth, 1e16));
  }
  Curve failing{.name = "error of backsolve", .x = sizes, .y = errors, .color = 1};
  Curve bound{.name = "tolerance times growth backwards", .x = sizes, .y = growth, .mark = Mark::kDashed, .color = 6};
  Figure failure{.title = "backsolve over the grid",
                 .x_label = "cells along a side",
                 .y_label = "relative error (1e16: none came)",
                 .curves = {failing, bound},
                 .y_scale = Scale::kLog};
  Curve work{.name = "evaluations over a solve's"};
  for (const GradientCost& row : costs.rows) {
    work.x.push_back(static_cast<double>(row.budget >> 20));
    work.y.push_back(row.evaluations);
  }
  Figure cost{.title = "a gradient over its memory budget",
              .x_label = "budget (MiB)",
              .y_label = "evaluations, in solves",
              .curves = {work},
              .x_scale = Scale::kLog,
              .y_range = {0, 6}};
  return Sheet(
      {field_figure("the field at the start, and the sensors", problem, descent.truth, true),
       field_figure("recovered", problem, descent.field, false),
       field_figure("the field at the end", problem, exact_grid(kBlobs, problem, kDiffusion, problem.end), true),
       coefficient, failure, cost},
      3);
}

std::vector<Section> tables(const std::vector<BacksolveRow>& backsolve, const Costs& costs) {
  Table failure{.header = {"cells along a side", "growth backwards in an interval", "error of backsolve"},
                .caption =
                    "Solved backwards, heat amplifies what is short by exp(kappa k^2 t); the finer the grid, "
                    "the shorter. From some grid on nothing is left of the gradient."};
  for (const BacksolveRow& row : backsolve) failure.add(row.cells, row.growth, row.error);
  Table cost{.header = {"budget (MiB)", "evaluations, in solves", "memory beyond a solve's (MiB)", "time, in solves",
                        "time of a gradient (s)"},
             .caption = "One gradient by the whole field and the coefficient, by the discrete adjoint."};
  for (const GradientCost& row : costs.rows)
    cost.add(row.budget >> 20, row.evaluations, row.memory / (1 << 20), row.seconds / row.forward_seconds, row.seconds);
  return {{"Backsolve", {failure}},
          {"What a gradient costs", {cost}},
          {"The problem",
           {Paragraph{"u_t + c . grad u = kappa laplace(u) on the unit square, u = 0 on its edge, c a rotation by one "
                      "radian in the time of the solve; differences of fourth order. The start has three blobs, of "
                      "which the solution is known in closed form, so that the readings come from no grid: 40 "
                      "sensors, 10 times, noise of 0.005. The prior of the start is Gaussian, with independent "
                      "weights of the sines of the square, of deviations ~ 1/(1 + l^2 k^2)^2, l = 0.1, and a "
                      "deviation of 0.5 in the middle; that of log(kappa) has deviation 1 around log(0.003). What is "
                      "estimated is the most probable start and kappa together."}}}};
}

}  // namespace

Outcome heat(const Request& request) {
  HeatProblem problem;
  problem.sensors = draw_sensors(request.seed);
  request.tell("a small grid, against the optimum by matrices");
  const SmallGrid small = study_small_grid(problem, request);
  request.tell("gradients against each other");
  const AdjointAgreement agreement = study_agreement(problem, request);
  const std::vector<BacksolveRow> backsolve = study_backsolve(problem, request);
  const Descent descent = descend(problem, request);
  request.tell("what a gradient costs");
  const Costs costs = study_costs(descent);
  const GradientCost& least = costs.rows.front();

  double excess = 0;
  for (const GradientCost& row : costs.rows) excess = std::max(excess, row.memory - static_cast<double>(row.budget));
  return {.title = "Heat from few sensors",
          .figure = draw(descent, backsolve, costs),
          .caption =
              "Forty sensors read a field that turns and spreads. One gradient by all of its start and by the "
              "coefficient takes a few solves, whatever their number, within a budget of memory. Backsolve, "
              "which solves heat backwards, fails from coarse grids on.",
          .sections = tables(backsolve, costs),
          .metrics = {at_most(0.05, "field of the small grid: distance from the direct optimum", small.field),
                      at_most(0.02, "coefficient of the small grid: distance from the direct optimum", small.diffusion),
                      told("objective of the small grid above the direct optimum's", small.objective),
                      at_most(0.02, "error of the coefficient", std::abs(descent.estimate.diffusion / kDiffusion - 1)),
                      told("coefficient", descent.estimate.diffusion, "0.002"),
                      told("distance of the field from the truth", relative_distance(descent.field, descent.truth)),
                      told("cells along a side", static_cast<double>(descent.problem.cells)),
                      told("gradients in all", static_cast<double>(descent.estimate.gradients)),
                      at_most(1e-8, "adjoint equation against the discrete adjoint", agreement.adjoint_equation),
                      at_most(1e-8, "forward mode against the discrete adjoint", agreement.forward_mode),
                      at_most(0, "a hundredth of the memory against all of it", agreement.smaller_budget),
                      at_least(0.1, "error of backsolve on the finest grid that it was tried on: it fails",
                               std::min(backsolve.back().error, 1e16)),
                      at_most(6, "evaluations of a gradient with a budget of 4 MiB, in solves", least.evaluations),
                      at_most(0, "gradients with different budgets: largest difference", costs.largest_difference),
                      told("memory of a gradient beyond a solve's and its budget, most (MiB)", excess / (1 << 20)),
                      told("time of a gradient, in solves", least.seconds / least.forward_seconds)}};
}

}  // namespace costate::experiments
