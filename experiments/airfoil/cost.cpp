#include "experiments/airfoil/cost.h"

#include <algorithm>
#include <ctime>
#include <functional>
#include <limits>

#include "experiments/airfoil/flow.h"

namespace costate::experiments {
namespace {

/// The least processor time of several calls, in milliseconds. One sample takes one thread; what else runs on the
/// machine is seen less than in the time that passes.
double processor_time(const std::function<void()>& work) {
  constexpr int kCalls = 15;
  double least = std::numeric_limits<double>::infinity();
  for (int call = 0; call < kCalls; ++call) {
    const std::clock_t start = std::clock();
    work();
    least = std::min(least, 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  return least;
}

}  // namespace

PanelCost panel_cost(std::int64_t panels, std::int64_t parameters) {
  const AirfoilShape shape({.panels = panels, .modes = parameters / 2});
  HostArray coefficients(Shape{1, parameters});
  for (std::int64_t i = 0; i < parameters; ++i) coefficients.set(i, i < parameters / 2 ? 0.18 : -0.12);
  const Function lift =
      trace([&](Array a) { return panel_flow(shape.points(a), 3 * kDegree).lift; }, {{"coefficients", {parameters}}});
  const Program value = compile(lift), reverse = compile(value_and_grad(lift)), tangent = compile(jvp(lift));
  PanelCost cost{.parameters = parameters, .factorizations = reverse.run({coefficients}).report.factorizations};
  cost.value = processor_time([&] { value.run({coefficients}); });
  cost.gradient = processor_time([&] { reverse.run({coefficients}); });
  cost.forward = static_cast<double>(parameters) * processor_time([&] { tangent.run({coefficients, coefficients}); });
  return cost;
}

Figure panel_cost_figure(const std::vector<PanelCost>& rows) {
  const auto in_solves = [&](Curve style, double PanelCost::*time) {
    return style.through(rows, &PanelCost::parameters, [=](const PanelCost& row) { return row.*time / row.value; });
  };
  return {.title = "gradient of the lift",
          .x_label = "number of parameters",
          .y_label = "time (units of assembly and solve)",
          .curves = {in_solves({.name = "the flow", .mark = Mark::kDashed, .color = 6}, &PanelCost::value),
                     in_solves({.name = "adjoint", .color = 0}, &PanelCost::gradient),
                     in_solves({.name = "forward", .color = 1}, &PanelCost::forward)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

}  // namespace costate::experiments
