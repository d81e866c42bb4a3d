#include "experiments/airfoil-viscous/drag_design.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "experiments/airfoil-viscous/streamlines.h"
#include "experiments/airfoil/flow.h"

namespace costate::experiments {
namespace {

constexpr double kSharpest = 0.3;  // the least |dz/ds| / R that an edge may have

/// Lift and area are kept, and no edge is too sharp. Inputs: coefficients, the guess, wanted lift and area, lambda of
/// these and of the edge at each angle, the penalty. Outputs: the augmented Lagrangian, drag, g of both, the state.
Function drag_lagrangian(const DragDesignOptions& options) {
  return trace(
      [&](Array coefficients, Array guess, Array wanted, Array of_kept, Array of_edges, Array penalty) {
        const MappedGrid shape = laurent_map(options.grid, coefficients);
        const ViscousFlow flow = viscous_flow(shape, 0.0, guess, {.reynolds = options.reynolds});
        const Array kept = stack({flow.lift, laurent_area(coefficients)}) / wanted - 1.0;
        const Array slope = square(shape.x_slope[0]) + square(shape.y_slope[0]);
        const Array edges = kSharpest * kSharpest - slope / square(shape.radius);
        const Array lagrangian =
            augmented_lagrangian(flow.drag, {.g = {kept, edges}, .lambda = {of_kept, of_edges}, .penalty = penalty});
        return std::vector<Array>{lagrangian, flow.drag, kept, edges, flow.state};
      },
      {{"coefficients", {1 + 2 * options.modes}},
       {"guess", {viscous_flow_size(options.grid)}},
       {"wanted", {2}},
       {"lambda of lift and area", {2}},
       {"lambda of edges", {options.grid.angles}},
       {"penalty", {}}});
}

bool is_shape(const HostArray& coefficients) {
  try {
    check_laurent_shape(coefficients);
  } catch (const InvalidArgument&) {
    return false;
  }
  return true;
}

/// A design on its way.
class DragDescent {
 public:
  explicit DragDescent(const DragDesignOptions& options)
      : options_(options), coefficients_(inclined_ellipse(options.modes)) {
    const Function loss = drag_lagrangian(options);
    const std::vector<std::size_t> wanted = {0};
    gradient_ = std::make_unique<Program>(compile(value_and_grad(loss, wanted)));
    const FoundViscousFlow start = find_viscous_flow(options.grid, coefficients_, 0, {.reynolds = options.reynolds});
    guess_ = start.state;
    const double area = area_of(coefficients_);
    wanted_ = HostArray::vector({start.lift, area});
    design_.drag_before = start.drag;
    design_.lift = start.lift;
    design_.area = area;
    design_.stages.push_back({0, start});
  }

  DragDesign run() {
    const auto on_step = [&](int step, const HostArray& at) {
      coefficients_ = at;
      design_.history.push_back(drag_);
      if (step == 2 || step == 6) design_.stages.push_back({step, find_flow()});
    };
    // The constraints are those of the flow at a point, whatever the multipliers.
    const Multipliers none{.lambda = {HostArray(Shape{2}), HostArray(Shape{options_.grid.angles})}, .penalty = 1};
    const ConstrainedProblem problem{
        .num_equations = 2,
        .num_limits = options_.grid.angles,
        .lagrangian = [&](const HostArray& at, const Multipliers& by) { return evaluate(at, by); },
        .constraints =
            [&](const HostArray& at) {
              evaluate(at, none);
              return g_;
            }};
    const ConstrainedMinimum found = minimize_constrained(coefficients_, problem,
                                                          {.rounds = options_.rounds,
                                                           .each = {.steps = options_.steps, .on_step = on_step},
                                                           .violation = 1e-7,
                                                           .penalty_growth = 3});
    finish(found);
    return std::move(design_);
  }

 private:
  static double area_of(const HostArray& coefficients) {
    const Function area = trace([](Array a) { return laurent_area(a); }, {{"coefficients", coefficients.shape()}});
    return compile(area).run({batch_of_one(coefficients)}).outputs[0].at(0);
  }

  /// From the last flow.
  FoundViscousFlow find_flow() const {
    return find_viscous_flow(options_.grid, coefficients_, 0, guess_, {.reynolds = options_.reynolds});
  }

  /// Infinite where there is no shape or no flow. Numbers of the last flow are kept.
  Evaluation evaluate(const HostArray& at, const Multipliers& multipliers) {
    const Evaluation none{.loss = std::numeric_limits<double>::infinity(), .gradients = {HostArray(at.shape())}};
    if (!is_shape(at)) return none;
    ++design_.gradients;
    const RunResult found = gradient_->run(
        {batch_of_one(at), batch_of_one(guess_), batch_of_one(wanted_), batch_of_one(multipliers.lambda.equations),
         batch_of_one(multipliers.lambda.limits), HostArray::vector({multipliers.penalty})});
    if (!found.report.failures.empty()) return none;
    drag_ = found.outputs[1].at(0);
    g_ = {found.outputs[2][0], found.outputs[3][0]};
    guess_ = found.outputs[4][0];
    return {.loss = found.outputs[0].at(0), .gradients = {found.outputs[5][0]}};
  }

  void finish(const ConstrainedMinimum& found) {
    for (const double element : evaluate(coefficients_, found.multipliers).gradients[0].numbers())
      design_.stationarity = std::max(design_.stationarity, std::abs(element));
    const FoundViscousFlow end = find_flow();
    design_.drag_after = end.drag;
    design_.lift_error = std::abs(end.lift / design_.lift - 1);
    design_.area_error = std::abs(area_of(coefficients_) / design_.area - 1);
    for (const double excess : g_.limits.numbers()) design_.edge_excess = std::max(design_.edge_excess, excess);
    design_.stages.push_back({found.steps, end});
  }

  DragDesignOptions options_;
  HostArray coefficients_, guess_, wanted_;
  std::unique_ptr<Program> gradient_;
  Constraints g_;
  DragDesign design_;
  double drag_ = 0;
};

}  // namespace

HostArray inclined_ellipse(std::int64_t modes) {
  constexpr double kFlatness = 0.35, kIncline = -20 * kDegree;  // nose up: the rear points down
  HostArray coefficients(Shape{1 + 2 * modes});
  coefficients.set(0, 1.0);
  coefficients.set(1, kFlatness * std::cos(2 * kIncline));
  coefficients.set(1 + modes, kFlatness * std::sin(2 * kIncline));
  return coefficients;
}

DragDesign lower_drag(const DragDesignOptions& options) { return DragDescent(options).run(); }

Figure drag_shapes_figure(const DragDesign& design) {
  Figure figure{
      .title = "design: less drag, same lift and area", .x_label = "x", .y_label = "y", .aspect = Aspect::kEqual};
  int color = 0;
  for (const DesignStage& stage : design.stages) {
    const bool is_first = color == 0, is_last = &stage == &design.stages.back();
    figure.curves.push_back(
        shape_curve({.name = is_last ? "after" : (is_first ? std::string("before") : text::concat("step ", stage.step)),
                     .mark = is_first || is_last ? Mark::kLine : Mark::kDashed,
                     .color = color},
                    stage.flow));
    ++color;
  }
  return figure;
}

Figure drag_history_figure(const DragDesign& design) {
  return {.title = "design: drag along the way",
          .x_label = "step of L-BFGS",
          .y_label = "drag coefficient",
          .curves = {Curve{.color = 0}.over({.first = 1}, design.history)}};
}

}  // namespace costate::experiments
