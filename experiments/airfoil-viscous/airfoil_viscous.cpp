// Optimization constrained by the Navier-Stokes equations: steady viscous flow past shapes, Newton's method on all
// unknowns, and less drag by the adjoint that its factors give.
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "experiments/airfoil-viscous/cylinder.h"
#include "experiments/airfoil-viscous/drag_design.h"
#include "experiments/airfoil-viscous/flow_cost.h"
#include "experiments/airfoil-viscous/streamlines.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

constexpr double kReynolds = 40;  // of the airfoil and the design

/// All that is found, in the order of the report.
struct ViscousFindings {
  std::vector<CylinderStudy> cylinders;
  FoundViscousFlow airfoil;
  FlowGradientCheck gradient;
  FlowCost cost;
  DragDesign design;
};

ViscousFindings find_viscous(const Request& request) {
  ViscousFindings found;
  const PolarGrid coarsest{.rings = request.quick ? 24 : 40, .angles = request.quick ? 32 : 48};
  for (const PublishedCylinder& published : published_cylinders()) {
    request.tell("a cylinder at Reynolds number ", published.reynolds);
    found.cylinders.push_back(study_cylinder(published, coarsest));
  }
  request.tell("an airfoil");
  const PolarGrid of_airfoil{.rings = request.quick ? 32 : 80, .angles = request.quick ? 48 : 128};
  found.airfoil = find_viscous_flow(of_airfoil, test_airfoil(), kTestAngle, {.reynolds = kReynolds});
  request.tell("gradients against differences");
  found.gradient = check_flow_gradient({.rings = 24, .angles = 32}, kReynolds);
  request.tell("the cost of a gradient");
  found.cost = flow_cost({.rings = request.quick ? 32 : 120, .angles = request.quick ? 48 : 128}, kReynolds);
  request.tell("less drag at the same lift and area");
  DragDesignOptions design{.reynolds = kReynolds};
  if (request.quick) {
    design.grid = {.rings = 20, .angles = 32};
    design.modes = 2;
    design.steps = 15;
  }
  found.design = lower_drag(design);
  return found;
}

/// `least_order` is what the grids must show: coarse ones show less.
std::vector<Metric> cylinder_metrics(const std::vector<CylinderStudy>& studies, double least_order) {
  std::vector<Metric> metrics;
  for (const CylinderStudy& study : studies) {
    const PublishedCylinder& known = study.published;
    const std::string at = text::concat(", Re ", known.reynolds);
    const CylinderRow& finest = study.rows.back();
    const double near = study.rows[study.rows.size() - 2].drag;
    metrics.insert(
        metrics.end(),
        {told("cylinder: drag" + at, finest.drag, known.drag_source),
         at_most(0.03, text::concat("cylinder: drag's distance from ", known.drag, at),
                 std::abs(finest.drag / known.drag - 1)),
         at_least(known.shortest_wake, "cylinder: length of the wake, diameters" + at, finest.wake, known.wake_source),
         at_most(known.longest_wake, "cylinder: the same from above" + at, finest.wake),
         at_least(least_order, "cylinder: order of the vorticity on it in the spacing" + at, study.vorticity_order()),
         told("cylinder: order of the wake's length" + at, study.wake_order()),
         at_most(0.01, "cylinder: change of the drag at twice the outer radius" + at,
                 std::abs(study.farther.drag / near - 1))});
  }
  return metrics;
}

std::vector<Metric> flow_metrics(const ViscousFindings& found) {
  const FlowCost& cost = found.cost;
  return {told("airfoil: drag", found.airfoil.drag),
          told("airfoil: lift", found.airfoil.lift),
          at_most(1e-6, "gradient against differences", found.gradient.error),
          at_least(1, "gradient right by check_gradient (1: yes)", found.gradient.check.ok ? 1 : 0),
          told("unknowns of the flow whose cost is measured", static_cast<double>(cost.unknowns)),
          at_most(static_cast<double>(cost.flow_factorizations), "factorizations for a flow with its gradient",
                  static_cast<double>(cost.gradient_factorizations)),
          told("seconds of a flow", cost.value, "goal: at most 60"),
          told("adjoint in units of a flow", cost.adjoint(), "goal: at most 0.3")};
}

std::vector<Metric> drag_metrics(const DragDesign& design) {
  return {told("design: drag before", design.drag_before),
          at_most(0.95, "design: drag over that before", design.drag_after / design.drag_before),
          at_most(1e-6, "design: lift off its value by, relative", design.lift_error),
          at_most(1e-6, "design: area off its value by, relative", design.area_error),
          at_most(1e-6, "design: an edge sharper than its limit by", design.edge_excess),
          told("design: largest element of the Lagrangian's gradient", design.stationarity),
          told("design: gradients that it took", static_cast<double>(design.gradients))};
}

Table flow_cost_table(const FlowCost& cost) {
  Table table{.header = {"unknowns", "parameters", "first run beyond another, s", "flow, s", "with gradient, s",
                         "adjoint over flow", "factorizations"},
              .caption = "Processor time. The flow begins from the potential one; the first run makes the program."};
  table.add(cost.unknowns, cost.parameters, cost.compilation, cost.value, cost.gradient, cost.adjoint(),
            cost.gradient_factorizations);
  return table;
}

Table design_table(const DragDesign& design) {
  Table table{.header = {"step", "drag", "lift"}, .caption = "Lift and area are kept, and no edge becomes too sharp."};
  for (const DesignStage& stage : design.stages) table.add(stage.step, stage.flow.drag, stage.flow.lift);
  return table;
}

Sheet viscous_sheet(const ViscousFindings& found) {
  const CylinderStudy& fastest = found.cylinders.back();
  std::vector<Figure> figures = {
      flow_figure(text::concat("streamlines, Re ", fastest.published.reynolds), fastest.flows.back(), 3),
      flow_figure("streamlines past a rounded Joukowski airfoil", found.airfoil, 4),
      cylinder_order_figure(found.cylinders),
      wall_vorticity_figure(found.cylinders),
      drag_shapes_figure(found.design),
      drag_history_figure(found.design)};
  return Sheet(std::move(figures), 2, {.width = 520, .height = 340});
}

}  // namespace

Outcome airfoil_viscous(const Request& request) {
  const ViscousFindings found = find_viscous(request);
  std::vector<Metric> metrics = cylinder_metrics(found.cylinders, request.quick ? 1.0 : 1.8);
  for (const std::vector<Metric>& more : {flow_metrics(found), drag_metrics(found.design)})
    metrics.insert(metrics.end(), more.begin(), more.end());
  return {.title = "Viscous flow by its adjoint",
          .figure = viscous_sheet(found),
          .caption =
              "Above: streamlines past a cylinder, with its two eddies, and past an airfoil. Middle: from grid to "
              "grid the vorticity on the cylinder changes by the square of the spacing; the vorticity on the cylinder "
              "changes its sign where the flow "
              "separates. Below: less drag at the same lift and area.",
          .sections = {{"The cylinder", {cylinder_table(found.cylinders)}},
                       {"Gradients", {Listing{found.gradient.check.text()}, flow_cost_table(found.cost)}},
                       {"Design", {design_table(found.design)}}},
          .metrics = std::move(metrics)};
}

}  // namespace costate::experiments
