#include "experiments/airfoil-viscous/flow_cost.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <vector>

#include "experiments/airfoil-viscous/drag_design.h"
#include "experiments/airfoil/flow.h"

namespace costate::experiments {
namespace {

/// Drag with a part of the lift. Inputs: coefficients, the angle, the guess.
Function force_function(const PolarGrid& grid, const Shape& coefficients, double reynolds) {
  return trace(
      [&](Array numbers, Array angle, Array guess) {
        const ViscousFlow flow = viscous_flow(laurent_map(grid, numbers), angle, guess, {.reynolds = reynolds});
        return flow.drag + 0.5 * flow.lift;
      },
      {{"coefficients", coefficients}, {"angle", {}}, {"guess", {viscous_flow_size(grid)}}});
}

double seconds_of(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

HostArray potential_guess(const PolarGrid& grid, const HostArray& coefficients, double angle) {
  const Function guess = trace([&](Array numbers) { return viscous_flow_guess(laurent_map(grid, numbers), angle); },
                               {{"coefficients", coefficients.shape()}});
  return compile(guess).run({batch_of_one(coefficients)}).outputs[0];
}

}  // namespace

HostArray test_airfoil() {
  return karman_trefftz_coefficients({.center_x = -0.12, .center_y = 0.1, .trailing_edge_angle = 0, .margin = 0.12});
}

FlowGradientCheck check_flow_gradient(const PolarGrid& grid, double reynolds) {
  constexpr double kStep = 1e-4;  // differences of fourth order: their error is some 1e-9, rounding's about as much
  const HostArray ellipse = inclined_ellipse(4);
  const HostArray start = find_viscous_flow(grid, ellipse, kTestAngle, {.reynolds = reynolds}).state;
  const std::vector<HostArray> at = {batch_of_one(ellipse), HostArray::vector({kTestAngle}), batch_of_one(start)};
  const std::vector<std::size_t> wrt = {0, 1};
  const Function force = force_function(grid, ellipse.shape(), reynolds);
  const std::vector<HostArray> slopes = compile(value_and_grad(force, wrt)).run(at).outputs;
  const Program value = compile(force);
  FlowGradientCheck found{.check = check_gradient(force, at, {.wrt = wrt})};
  for (const std::size_t input : wrt)
    for (std::int64_t i = 0; i < at[input].size(); ++i) {
      const auto moved = [&](double steps) {
        std::vector<HostArray> inputs = at;
        inputs[input].set(i, at[input].at(i) + steps * kStep);
        return value.run(inputs).outputs[0].at(0);
      };
      const double difference = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * kStep);
      const double error = std::abs(slopes[1 + input].at(i) - difference) / (1 + std::abs(difference));
      found.error = std::max(found.error, error);
    }
  return found;
}

FlowCost flow_cost(const PolarGrid& grid, double reynolds) {
  const HostArray airfoil = test_airfoil();
  const Function force = force_function(grid, airfoil.shape(), reynolds);
  const std::vector<std::size_t> wrt = {0, 1};
  const Program value = compile(force), gradient = compile(value_and_grad(force, wrt));
  const std::vector<HostArray> at = {batch_of_one(airfoil), HostArray::vector({kTestAngle}),
                                     potential_guess(grid, airfoil, kTestAngle)};
  FlowCost cost{.unknowns = viscous_flow_size(grid), .parameters = airfoil.size() + 1};
  const double first = seconds_of([&] { cost.flow_factorizations = value.run(at).report.factorizations; });
  gradient.run(at);
  cost.value = seconds_of([&] { value.run(at); });
  cost.gradient = seconds_of([&] { cost.gradient_factorizations = gradient.run(at).report.factorizations; });
  cost.compilation = first - cost.value;
  return cost;
}

}  // namespace costate::experiments
