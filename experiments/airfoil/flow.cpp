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

}  // namespace costate::experiments
