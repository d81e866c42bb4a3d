#include "experiments/airfoil/flow.h"

namespace costate::experiments {

HostArray batch_of_one(const HostArray& values) { return values.reshape(values.shape().with_first(1)); }

FlowPast flow_past(const HostArray& points, double angle) {
  check_outline(points);
  const Function flow = trace(
      [&](Array outline, Array alpha) {
        const PanelFlow found = panel_flow(outline, alpha);
        return std::vector<Array>{found.pressure, found.lift};
      },
      {{"points", points.shape()}, {"angle", {}}});
  const RunResult found = compile(flow).run({batch_of_one(points), HostArray::vector({angle})});
  return {points, found.outputs[0].numbers(), found.outputs[1].at(0)};
}

Curve pressure_curve(Curve style, const FlowPast& flow) {
  style.x = flow.points.column(0);
  for (const double pressure : flow.pressure) style.y.push_back(-pressure);
  return style;
}

Curve outline_curve(const Curve& style, const FlowPast& flow) { return style.through(flow.points); }

int minimize(HostArray& x, const std::function<Slope(const HostArray& x)>& slope, const MinimizeOptions& options) {
  const Parameter moving("x", x);
  Optimizer optimizer({.kind = OptimizerKind::kLbfgs, .history = 30}, {moving});
  // A step begins with the evaluation that the one before ended with.
  HostArray known_at;
  Slope known;
  const auto evaluate = [&]() -> Evaluation {
    if (!known_at.same_bits(moving.value())) {
      known_at = moving.value();
      known = slope(known_at);
    }
    return {.loss = known.loss, .gradients = {known.gradient}};
  };
  int step = 0;
  bool was_stuck = false;
  while (step < options.steps) {
    const bool is_stuck = optimizer.step(evaluate, 0.01).was_skipped;
    if (is_stuck && was_stuck) break;  // from a fresh start, too
    was_stuck = is_stuck;
    ++step;
    if (options.on_step) options.on_step(step, moving.value());
  }
  x = moving.value();
  return step;
}

}  // namespace costate::experiments
