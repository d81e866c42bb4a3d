// Optimization constrained by a partial differential equation: potential flow past an airfoil by vortex panels,
// A(theta) x = b(theta), and everything that its adjoint is good for.
#include <algorithm>
#include <cmath>

#include "experiments/airfoil/cost.h"
#include "experiments/airfoil/design.h"
#include "experiments/airfoil/inverse.h"
#include "experiments/airfoil/truth.h"
#include "experiments/airfoil/validation.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

/// The gradients of one loss, found in different ways.
struct GradientErrors {
  double complex_step = 0;  // the largest difference from it, of 1 + the gradient
  GradientCheck check;      // beside tangents and differences
};

GradientErrors check_gradients(std::int64_t panels) {
  const AirfoilShape shape({.panels = panels, .modes = 12});
  std::vector<double> at;
  for (std::int64_t i = 0; i < 24; ++i) at.push_back((i < 12 ? 0.2 : -0.12) + 0.02 * std::sin(static_cast<double>(i)));
  const HostArray coefficients(Shape{1, 24}, at), angle = HostArray::vector({3 * kDegree});
  at.push_back(3 * kDegree);
  const Function loss = test_loss(shape);
  const std::vector<HostArray> found = compile(value_and_grad(loss)).run({coefficients, angle}).outputs;
  std::vector<double> gradient = found[1].numbers();
  gradient.push_back(found[2].at(0));
  const std::vector<double> truth = complex_step_gradient(shape, at);
  GradientErrors errors{.check = check_gradient(loss, std::vector<HostArray>{coefficients, angle})};
  for (std::size_t k = 0; k < truth.size(); ++k)
    errors.complex_step = std::max(errors.complex_step, std::abs(gradient[k] - truth[k]) / (1 + std::abs(truth[k])));
  return errors;
}

/// So few points that they can be told apart.
FlowPast every_eighth(const FlowPast& flow) {
  FlowPast some{.points = flow.points.slice(0, flow.points.shape()[0], 8), .pressure = {}, .lift = flow.lift};
  for (std::size_t i = 0; i < flow.pressure.size(); i += 8) some.pressure.push_back(flow.pressure[i]);
  return some;
}

/// Shapes of some stages, and beside them their pressures.
std::vector<Figure> stage_figures(const std::string& title, const std::vector<Stage>& stages, const FlowPast* wanted) {
  Figure shapes{.title = title, .x_label = "x", .y_label = "y"};
  Figure pressures{.title = title + ": pressure", .x_label = "x", .y_label = "-Cp"};
  if (wanted != nullptr) {
    const Curve style{.name = "hidden", .mark = Mark::kPoints, .color = 6};
    const FlowPast some = every_eighth(*wanted);
    shapes.curves.push_back(outline_curve(style, some));
    pressures.curves.push_back(pressure_curve(style, some));
  }
  int color = 0;
  for (const Stage& stage : stages) {
    const bool is_last = &stage == &stages.back();
    const Curve style{
        .name = is_last ? "after" : (color == 0 ? std::string("before") : text::concat("step ", stage.step)),
        .mark = is_last || color == 0 ? Mark::kLine : Mark::kDashed,
        .color = color};
    ++color;
    shapes.curves.push_back(outline_curve(style, stage.flow));
    pressures.curves.push_back(pressure_curve(style, stage.flow));
  }
  return {shapes, pressures};
}

Table limit_table(const Design& design) {
  Table table{.header = {"limit", "before", "after", "multiplier"},
              .caption = "Before and after: by how much the limit is exceeded; negative: not reached."};
  for (const Limit& limit : design.limits) table.add(limit.name, limit.start, limit.end, limit.multiplier);
  return table;
}

std::vector<Metric> validation_metrics(const std::vector<Convergence>& all) {
  std::vector<Metric> metrics;
  for (const Convergence& one : all) {
    const double order = one.order(&ErrorRow::pressure);
    const std::string name = "order of Cp in panels, trailing edge " + one.name;
    metrics.push_back(one.edge_degrees >= 5 ? at_least(1.8, name, order) : told(name, order));
  }
  for (const Convergence& one : all)
    for (const ErrorRow& row : one.rows)
      if (row.panels == 400) {
        const std::string name = "relative error of cl at 400 panels, trailing edge " + one.name;
        metrics.push_back(one.edge_degrees >= 5 ? at_most(1e-3, name, row.lift) : told(name, row.lift));
      }
  return metrics;
}

std::vector<Metric> cost_metrics(const std::vector<PanelCost>& costs) {
  std::int64_t factorizations = 0;
  double most = 0;
  for (const PanelCost& row : costs) {
    factorizations = std::max(factorizations, row.factorizations);
    most = std::max(most, row.reverse());
  }
  return {at_most(1, "factorizations for a flow with its gradient", static_cast<double>(factorizations)),
          told("reverse sweep in units of assembly and solve, worst over 6 to 500 parameters", most, "goal: at most 2"),
          told("forward sensitivities over adjoint at 500 parameters", costs.back().forward / costs.back().gradient)};
}

Table cost_table(const std::vector<PanelCost>& costs) {
  Table table{
      .header = {"parameters", "flow, ms", "with gradient, ms", "forward sensitivities, ms", "reverse over flow"},
      .caption = "Processor time, the least of several calls. Forward sensitivities: the time of one, p times."};
  for (const PanelCost& row : costs) table.add(row.parameters, row.value, row.gradient, row.forward, row.reverse());
  return table;
}

std::vector<Metric> design_metrics(const Design& design) {
  const FlowPast &before = design.stages.front().flow, &after = design.stages.back().flow;
  const auto worst_of = [&](const std::string& name) {
    double worst = 0;
    for (const Limit& limit : design.limits)
      if (limit.name.starts_with(name)) worst = std::max(worst, limit.end);
    return worst;
  };
  return {told("design: lift before", before.lift),
          at_least(1.2, "design: lift over that before", after.lift / before.lift),
          at_most(1e-6, "design: thickness above its limit by", worst_of("thickness")),
          at_most(1e-6, "design: area below its limit by", worst_of("area")),
          at_most(1e-6, "design: moment below its limit by", worst_of("moment")),
          told("design: largest element of the Lagrangian's gradient", design.stationarity),
          told("design: gradients that it took", static_cast<double>(design.gradients))};
}

/// All that is found, in the order of the report.
struct Findings {
  std::vector<Convergence> convergence;
  GradientErrors gradients = {};
  std::vector<PanelCost> costs;
  Recovery recovery;
  Design design;
};

Findings find(const Request& request) {
  Findings found;
  request.tell("panels against the conformal map");
  std::vector<std::int64_t> panels = {100, 200, 400};
  if (!request.quick) panels.insert(panels.end(), {700, 1000});
  found.convergence = converge(panels);
  request.tell("gradients against complex steps");
  found.gradients = check_gradients(request.quick ? 60 : 120);
  request.tell("cost against the number of parameters");
  for (const std::int64_t parameters : {6, 20, 50, 100, 200, 500})
    if (!request.quick || parameters == 6 || parameters == 500)
      found.costs.push_back(panel_cost(request.quick ? 100 : 400, parameters));
  request.tell("a hidden airfoil from its pressure");
  found.recovery = recover({.panels = request.quick ? 160 : 400});
  request.tell("more lift within limits");
  found.design = raise_lift({.panels = request.quick ? 80 : 200});
  return found;
}

Sheet sheet_of(const Findings& found) {
  std::vector<Figure> figures = stage_figures("inverse design", found.recovery.stages, &found.recovery.hidden);
  for (Figure& figure : stage_figures("design", found.design.stages, nullptr)) figures.push_back(std::move(figure));
  figures.push_back(convergence_figure(found.convergence));
  figures.push_back(panel_cost_figure(found.costs));
  return Sheet(std::move(figures), 2, {.width = 520, .height = 340});
}

std::vector<Metric> metrics_of(const Findings& found) {
  std::vector<Metric> metrics = validation_metrics(found.convergence);
  const auto add = [&](const std::vector<Metric>& more) { metrics.insert(metrics.end(), more.begin(), more.end()); };
  add({at_most(1e-9, "gradient by the adjoint against complex steps", found.gradients.complex_step),
       at_least(1, "gradient right by check_gradient (1: yes)", found.gradients.check.ok ? 1 : 0)});
  add(cost_metrics(found.costs));
  add({at_most(1e-3, "hidden airfoil: largest error of the shape, in chords", found.recovery.shape_error),
       told("hidden airfoil: error of the pressure, root mean square", found.recovery.pressure_error)});
  add(design_metrics(found.design));
  return metrics;
}

}  // namespace

Outcome airfoil(const Request& request) {
  const Findings found = find(request);
  return {.title = "An airfoil by its adjoint",
          .figure = sheet_of(found),
          .caption =
              "Above: a hidden airfoil found from its pressure. Middle: more lift at 3 degrees; thickness, area and "
              "moment keep their limits. Below: the panels' error falls with the square of their number; a gradient "
              "costs about the same, whatever the number of parameters.",
          .sections = {{"Panels against the conformal map", {convergence_table(found.convergence)}},
                       {"Gradients", {Listing{found.gradients.check.text()}, cost_table(found.costs)}},
                       {"Design", {limit_table(found.design)}}},
          .metrics = metrics_of(found)};
}

}  // namespace costate::experiments
