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

/// Equations g = 0 and limits g <= 0 by the augmented Lagrangian (Nocedal and Wright 2006, sec. 17.3 and 17.4):
///     drag + sum_k lambda_k g_k + rho / 2 g_k^2                           for lift and area,
///     + sum_k (max(0, lambda_k + rho g_k)^2 - lambda_k^2) / (2 rho)       for the edges.
struct DragLimits {
  HostArray wanted;  // lift and area
  HostArray lambda;  // of them, and of the edge at each angle
  double rho = 10;
  double violation = std::numeric_limits<double>::infinity();

  /// After a round that ended at g.
  void update(const HostArray& g) {
    double worst = 0;
    for (std::int64_t k = 0; k < g.size(); ++k) {
      const bool is_equation = k < 2;
      worst = std::max(worst, std::abs(is_equation ? g.at(k) : std::max(g.at(k), -lambda.at(k) / rho)));
      const double next = lambda.at(k) + rho * g.at(k);
      lambda.set(k, is_equation ? next : std::max(0.0, next));
    }
    if (worst > 0.25 * violation) rho *= 3;
    violation = worst;
  }
};

/// Inputs: coefficients, the guess, wanted lift and area, lambda, rho. Outputs: the Lagrangian, drag, g, the state.
Function drag_lagrangian(const DragDesignOptions& options) {
  return trace(
      [&](Array coefficients, Array guess, Array wanted, Array lambda, Array rho) {
        const MappedGrid shape = laurent_map(options.grid, coefficients);
        const ViscousFlow flow = viscous_flow(shape, 0.0, guess, {.reynolds = options.reynolds});
        const Array kept = stack({flow.lift, laurent_area(coefficients)}) / wanted - 1.0;
        const Array slope = square(shape.x_slope[0]) + square(shape.y_slope[0]);
        const Array edges = kSharpest * kSharpest - slope / square(shape.radius);
        const Array of_kept = lambda.slice(0, 2), of_edges = lambda.slice(2, 2 + options.grid.angles);
        const Array cost = sum(of_kept * kept) + 0.5 * rho * sum(square(kept)) +
                           sum(square(relu(of_edges + rho * edges)) - square(of_edges)) / (2.0 * rho);
        return std::vector<Array>{flow.drag + cost, flow.drag, concat({kept, edges}), flow.state};
      },
      {{"coefficients", {1 + 2 * options.modes}},
       {"guess", {viscous_flow_size(options.grid)}},
       {"wanted", {2}},
       {"lambda", {2 + options.grid.angles}},
       {"rho", {}}});
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
    limits_.wanted = HostArray::vector({start.lift, area});
    limits_.lambda = HostArray(Shape{2 + options.grid.angles});
    design_.drag_before = start.drag;
    design_.lift = start.lift;
    design_.area = area;
    design_.stages.push_back({0, start});
  }

  DragDesign run() {
    constexpr double kEnough = 1e-7;
    int steps = 0;
    const auto on_step = [&](int step, const HostArray& at) {
      coefficients_ = at;
      design_.history.push_back(drag_);
      if (steps == 0 && (step == 2 || step == 6)) design_.stages.push_back({step, find_flow()});
    };
    for (int round = 0; round < options_.rounds && limits_.violation > kEnough; ++round) {
      steps += minimize(coefficients_, [&](const HostArray& at) { return slope(at); },
                        {.steps = options_.steps, .on_step = on_step});
      slope(coefficients_);
      limits_.update(g_);
    }
    finish(steps);
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
  Slope slope(const HostArray& at) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    if (!is_shape(at)) return {kNone, HostArray(at.shape())};
    ++design_.gradients;
    const RunResult found = gradient_->run({batch_of_one(at), batch_of_one(guess_), batch_of_one(limits_.wanted),
                                            batch_of_one(limits_.lambda), HostArray::vector({limits_.rho})});
    if (!found.report.failures.empty()) return {kNone, HostArray(at.shape())};
    drag_ = found.outputs[1].at(0);
    g_ = found.outputs[2][0];
    guess_ = found.outputs[3][0];
    return {found.outputs[0].at(0), found.outputs[4][0]};
  }

  void finish(int steps) {
    for (const double element : slope(coefficients_).gradient.numbers())
      design_.stationarity = std::max(design_.stationarity, std::abs(element));
    const FoundViscousFlow end = find_flow();
    design_.drag_after = end.drag;
    design_.lift_error = std::abs(end.lift / design_.lift - 1);
    design_.area_error = std::abs(area_of(coefficients_) / design_.area - 1);
    for (std::int64_t k = 2; k < g_.size(); ++k) design_.edge_excess = std::max(design_.edge_excess, g_.at(k));
    design_.stages.push_back({steps, end});
  }

  DragDesignOptions options_;
  HostArray coefficients_, guess_, g_;
  std::unique_ptr<Program> gradient_;
  DragLimits limits_;
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
