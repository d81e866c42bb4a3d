#include "experiments/airfoil/inverse.h"

#include <algorithm>
#include <cmath>

namespace costate::experiments {
namespace {

constexpr double kHiddenAngle = 4 * kDegree;

/// Outputs: the mean square difference of the pressures, the points, all pressures and the lift.
Function misfit(const AirfoilShape& shape, const std::vector<double>& wanted) {
  std::vector<std::int64_t> compared;
  std::vector<double> there;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (shape.positions()[i] > kComparedChord) continue;
    compared.push_back(static_cast<std::int64_t>(i));
    there.push_back(wanted[i]);
  }
  return trace(
      [&](Array coefficients) {
        const Array points = shape.points(coefficients);
        const PanelFlow flow = panel_flow(points, kHiddenAngle);
        const auto count = static_cast<std::int64_t>(compared.size());
        const Array difference = gather(flow.pressure, compared, {count}) - constant(HostArray::vector(there));
        return std::vector<Array>{mean(square(difference)), points, flow.pressure, flow.lift};
      },
      {{"coefficients", {shape.num_coefficients()}}});
}

}  // namespace

Recovery recover(const RecoverOptions& options) {
  const AirfoilShape shape({.panels = options.panels, .modes = options.modes});
  const KarmanTrefftz airfoil({.center_x = -0.08, .center_y = 0.06, .trailing_edge_angle = 10 * kDegree});
  const std::vector<double> places = airfoil.cosine_places(options.panels);
  Recovery recovery{
      .hidden = {airfoil.points(places), airfoil.pressure(places, kHiddenAngle), airfoil.lift(kHiddenAngle)},
      .stages = {},
      .coefficients = shape.num_coefficients()};
  const Function loss = misfit(shape, recovery.hidden.pressure);
  const Program value = compile(loss), gradient = compile(value_and_grad(loss));

  HostArray coefficients(Shape{shape.num_coefficients()});
  for (std::int64_t i = 0; i < coefficients.size(); ++i) coefficients.set(i, i < options.modes ? 0.12 : -0.12);
  const auto keep = [&](int step, const HostArray& at) {
    const std::vector<HostArray> found = value.run({batch_of_one(at)}).outputs;
    recovery.stages.push_back({step, {found[1][0], found[2].numbers(), found[3].at(0)}});
    recovery.pressure_error = std::sqrt(found[0].at(0));
  };
  const auto slope = [&](const HostArray& at) -> Evaluation {
    const std::vector<HostArray> found = gradient.run({batch_of_one(at)}).outputs;
    return {.loss = found[0].at(0), .gradients = {found[4][0]}};
  };
  keep(0, coefficients);
  const int steps =
      minimize(coefficients, slope, {.steps = options.steps, .on_step = [&](int step, const HostArray& at) {
                                       if (step == 3 || step == 10) keep(step, at);
                                     }});
  keep(steps, coefficients);
  const HostArray& found = recovery.stages.back().flow.points;
  for (std::int64_t i = 0; i < found.shape()[0]; ++i)
    recovery.shape_error = std::max(recovery.shape_error, std::abs(found(i, 1) - recovery.hidden.points(i, 1)));
  return recovery;
}

}  // namespace costate::experiments
