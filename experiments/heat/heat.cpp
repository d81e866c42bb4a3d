// A field of heat and its diffusion coefficient from forty noisy sensors, by gradients through the method of lines.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "experiments/distance.h"
#include "experiments/experiment.h"
#include "experiments/heat/direct_optimum.h"
#include "experiments/heat/heat_adjoints.h"
#include "experiments/heat/heat_inversion.h"
#include "experiments/heat/heat_model.h"

namespace costate::experiments {
namespace {

constexpr double kDiffusion = 0.003;  // the true one
const std::vector<Blob> kBlobs = {{{0.38, 0.56}, 1.0, 0.080}, {{0.60, 0.42}, -0.7, 0.092}, {{0.55, 0.64}, 0.6, 0.072}};

/// Forty places in a sunflower's pattern (Vogel 1979) around the middle, turned at random, each moved to the nearest
/// of the points 1/32 apart, which all grids but the smallest have.
std::vector<Place> draw_sensors(std::uint64_t seed) {
  constexpr int kSensors = 40;
  constexpr double kRadius = 0.35, kGoldenAngle = 2.399963229728653;
  const double turn = 2 * std::numbers::pi * Random(seed).uniform(1, 0);
  const auto nearest = [](double x) { return std::round(32 * x) / 32; };
  std::vector<Place> places;
  for (int i = 0; i < kSensors; ++i) {
    const double radius = kRadius * std::sqrt((i + 0.5) / kSensors), angle = turn + kGoldenAngle * i;
    places.push_back({nearest(0.5 + radius * std::cos(angle)), nearest(0.5 + radius * std::sin(angle))});
  }
  return places;
}

HostArray with_noise(const HeatProblem& problem, std::vector<double> readings, std::uint64_t seed) {
  const Random random(seed);
  for (std::size_t i = 0; i < readings.size(); ++i) readings[i] += problem.noise * random.normal(2, i);
  return HostArray(Shape{problem.num_times, static_cast<std::int64_t>(problem.sensors.size())}, readings);
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
      estimate_heat(problem, measured, prior_estimate(problem), {.steps = 600}, [](const HeatEstimate&) {});
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

struct DescentStage {
  std::int64_t cells = 0;
  int steps = 0;
};

Descent descend(HeatProblem problem, const Request& request) {
  const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
  const std::vector<DescentStage> stages = request.quick
                                               ? std::vector<DescentStage>{{32, 300}, {64, 50}}
                                               : std::vector<DescentStage>{{32, 500}, {64, 150}, {128, 40}, {256, 15}};
  HeatEstimate estimate = prior_estimate(problem);
  for (const DescentStage& stage : stages) {
    problem.cells = stage.cells;
    estimate = estimate_heat(problem, measured, estimate, {.steps = stage.steps}, [&](const HeatEstimate& at) {
      if (at.objective.size() % 10 == 0)
        request.tell(stage.cells, " cells, step ", at.objective.size(), ": objective ",
                     text::number(at.objective.back(), 6), ", coefficient ", text::number(at.diffusion));
    });
  }
  return {problem, measured, estimate, estimate.field(problem), exact_grid(kBlobs, problem, kDiffusion, 0)};
}

struct Costs {
  std::vector<GradientCost> rows;
  double largest_difference = 0;  // between budgets
};

Costs study_costs(const Descent& descent, const Request& request) {
  Costs costs;
  // From so little that steps are replayed to the default.
  const std::vector<std::size_t> budgets =
      request.quick ? std::vector<std::size_t>{2, 8, 32} : std::vector<std::size_t>{32, 64, 256};
  for (const std::size_t mebibytes : budgets) {
    costs.rows.push_back(
        measure_gradient(descent.problem, descent.field, kDiffusion, descent.measured, mebibytes << 20));
    costs.largest_difference =
        std::max(costs.largest_difference, relative_distance(costs.rows.back().gradient, costs.rows[0].gradient));
  }
  return costs;
}

/// Of a misfit at many readings, after each of which backsolve begins anew from a state of the solve, and at one.
struct BacksolveStudy {
  std::vector<BacksolveRow> many, one;
};

BacksolveStudy study_backsolve(HeatProblem problem, const Request& request) {
  BacksolveStudy study;
  for (const std::int64_t cells : {8, 16, 24, 32, 40, 48, 64}) {
    if (request.quick && cells > 48) break;
    problem.cells = cells;
    for (const std::int64_t times : {10, 1}) {
      problem.num_times = times;
      const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
      (times == 1 ? study.one : study.many)
          .push_back(try_backsolve(problem, exact_grid(kBlobs, problem, kDiffusion, 0), kDiffusion, measured));
    }
  }
  return study;
}

AdjointAgreement study_agreement(HeatProblem problem, const Request& request) {
  problem.cells = request.quick ? 16 : 32;
  const HostArray measured = with_noise(problem, exact_readings(kBlobs, problem, kDiffusion), request.seed);
  // From a start that is wrong, so that no part of the gradient is noise alone.
  std::vector<double> start = exact_grid(kBlobs, problem, kDiffusion, 0);
  for (double& number : start) number *= 0.8;
  return compare_adjoints(problem, start, 1.5 * kDiffusion, measured);
}

/// Of a fine grid the points that one of 64 cells has: a picture shows no more.
std::vector<double> thinned(const HeatProblem& problem, const std::vector<double>& field) {
  const std::int64_t step = std::max<std::int64_t>(1, problem.cells / 64);
  std::vector<double> kept;
  for (std::int64_t row = step - 1; row < problem.side(); row += step)
    for (std::int64_t column = step - 1; column < problem.side(); column += step)
      kept.push_back(field[static_cast<std::size_t>(row * problem.side() + column)]);
  return kept;
}

Figure field_figure(const std::string& title, const HeatProblem& problem, const std::vector<double>& field) {
  const std::vector<double> shown = thinned(problem, field);
  const auto columns = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(shown.size()))));
  const double edge = 0.5 / static_cast<double>(columns + 1);
  Figure figure{
      .title = title, .x_label = "x", .y_label = "y", .aspect = Aspect::kEqual, .x_range = {0, 1}, .y_range = {0, 1}};
  figure.rasters = {
      {.x_low = edge, .x_high = 1 - edge, .y_low = edge, .y_high = 1 - edge, .columns = columns, .values = shown}};
  return figure;
}

Figure with_sensors(Figure figure, const HeatProblem& problem) {
  Curve sensors{.mark = Mark::kPoints, .color = 1};
  for (const Place& place : problem.sensors) {
    sensors.x.push_back(place.x);
    sensors.y.push_back(place.y);
  }
  figure.curves.push_back(sensors);
  return figure;
}

Figure coefficient_figure(const std::vector<double>& coefficients) {
  const std::vector<double> truth(coefficients.size(), kDiffusion);
  return {.title = "the coefficient along the descent",
          .x_label = "step",
          .y_label = "diffusion coefficient",
          .curves = {Curve{.name = "estimate"}.over({}, coefficients),
                     Curve{.name = "truth", .mark = Mark::kDashed, .color = 1}.over({}, truth)}};
}

Figure backsolve_figure(const BacksolveStudy& study) {
  const auto error = [](const BacksolveRow& row) { return std::clamp(row.error, 1e-16, 1e16); };
  const Curve many{.name = "begun anew at each of 10 readings", .color = 0}, one{.name = "one reading", .color = 1};
  return {.title = "Algorithm 2 at tolerance 1e-8: dL/dkappa",
          .x_label = "cells along a side",
          .y_label = "relative error (1e16: none came)",
          .curves = {many.through(study.many, &BacksolveRow::cells, error),
                     one.through(study.one, &BacksolveRow::cells, error)},
          .y_scale = Scale::kLog};
}

Figure cost_figure(const Costs& costs) {
  const auto budget = [](const GradientCost& row) { return row.budget >> 20; };
  return {.title = "a gradient over its memory budget",
          .x_label = "budget (MiB)",
          .y_label = "evaluations, in solves",
          .curves = {Curve{}.through(costs.rows, budget, &GradientCost::evaluations)},
          .x_scale = Scale::kLog,
          .y_range = {0, 6}};
}

Sheet draw(const Descent& descent, const BacksolveStudy& backsolve, const Costs& costs) {
  const HeatProblem& problem = descent.problem;
  const std::vector<double> end = exact_grid(kBlobs, problem, kDiffusion, problem.end);
  return Sheet({with_sensors(field_figure("the field at the start, and the sensors", problem, descent.truth), problem),
                field_figure("recovered", problem, descent.field),
                with_sensors(field_figure("the field at the end", problem, end), problem),
                coefficient_figure(descent.estimate.coefficient), backsolve_figure(backsolve), cost_figure(costs)},
               3);
}

std::vector<Section> tables(const BacksolveStudy& backsolve, const Costs& costs) {
  Table failure{
      .header = {"cells along a side", "error, 10 readings", "error, one reading",
                 "growth backwards from reading to reading", "from the only one"},
      .caption =
          "Solved backwards, heat amplifies what varies over a length l by exp(kappa t/l^2); the "
          "finer the grid, the shorter the least l. From some grid on nothing is left of the "
          "derivative by kappa, which needs the state. Beginning anew from the states at the readings puts this off."};
  for (std::size_t i = 0; i < backsolve.one.size(); ++i)
    failure.add(backsolve.one[i].cells, backsolve.many[i].error, backsolve.one[i].error, backsolve.many[i].growth,
                backsolve.one[i].growth);
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
                      "deviation of 0.5 in the middle; that of log(kappa) has deviation 1 around log(0.0045). What is "
                      "estimated is the most probable start and kappa together."}}}};
}

/// All that is found, in the order in which it is told.
struct Findings {
  SmallGrid small;
  AdjointAgreement agreement;
  BacksolveStudy backsolve;
  Descent descent;
  Costs costs;
};

Findings find(const HeatProblem& problem, const Request& request) {
  Findings found;
  request.tell("a small grid, against the optimum by matrices");
  found.small = study_small_grid(problem, request);
  request.tell("gradients against each other");
  found.agreement = study_agreement(problem, request);
  found.backsolve = study_backsolve(problem, request);
  found.descent = descend(problem, request);
  request.tell("what a gradient costs");
  found.costs = study_costs(found.descent, request);
  return found;
}

std::vector<Metric> metrics_of(const Findings& found) {
  const auto& [small, agreement, backsolve, descent, costs] = found;
  const GradientCost& least = costs.rows.front();
  const double state = static_cast<double>(descent.problem.size()) * sizeof(double);
  double excess = 0;
  for (const GradientCost& row : costs.rows) excess = std::max(excess, row.memory - static_cast<double>(row.budget));
  return {at_most(0.05, "field of the small grid: distance from the direct optimum", small.field),
          at_most(0.02, "coefficient of the small grid: distance from the direct optimum", small.diffusion),
          told("objective of the small grid above the direct optimum's", small.objective),
          at_most(0.02, "error of the coefficient", std::abs(descent.estimate.diffusion / kDiffusion - 1)),
          told("coefficient", descent.estimate.diffusion, "0.003 is true"),
          told("distance of the field from the truth", relative_distance(descent.field, descent.truth)),
          told("cells along a side", static_cast<double>(descent.problem.cells)),
          told("gradients in all", static_cast<double>(descent.estimate.gradients)),
          at_most(1e-8, "adjoint equation against the discrete adjoint", agreement.adjoint_equation),
          at_most(1e-8, "forward mode against the discrete adjoint", agreement.forward_mode),
          at_most(0, "a hundredth of the memory against all of it", agreement.smaller_budget),
          at_least(0.1, "error of dL/dkappa by Algorithm 2 with one reading, on the finest grid that it was tried on",
                   std::min(backsolve.one.back().error, 1e16)),
          at_most(6, "evaluations of a gradient with the least budget, in solves", least.evaluations),
          at_most(0, "gradients with different budgets: largest difference", costs.largest_difference),
          at_most(400, "memory of a gradient beyond a solve's and its budget, in states of the field", excess / state),
          told("time of a gradient, in solves", least.seconds / least.forward_seconds)};
}

}  // namespace

Outcome heat(const Request& request) {
  HeatProblem problem;
  problem.sensors = draw_sensors(request.seed);
  const Findings found = find(problem, request);
  return {.title = "Heat from few sensors",
          .figure = draw(found.descent, found.backsolve, found.costs),
          .caption =
              "Forty sensors read a field that turns and spreads. One gradient by all of its start and by the "
              "coefficient takes a few solves, whatever their number, within a budget of memory. Backsolve, "
              "which solves heat backwards, fails from coarse grids on.",
          .sections = tables(found.backsolve, found.costs),
          .metrics = metrics_of(found)};
}

}  // namespace costate::experiments
