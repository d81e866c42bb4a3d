#include "experiments/airfoil/design.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate::experiments {
namespace {

constexpr double kAngle = 3 * kDegree;
constexpr double kNearness = 3;            // w
constexpr double kAreaGrowth = 1.03;       // which the design must have
constexpr double kMomentAllowance = 0.02;  // by which the nose may be turned further down
const std::vector<double> kStations = {0.1, 0.3, 0.7};

/// What a design is judged by, as Arrays.
struct Judged {
  Array points, pressure, lift;
  Array kept;  // what may not fall: minus the thicknesses, the area and the moment
};

Judged judge(const AirfoilShape& shape, const Array& coefficients) {
  const Array points = shape.points(coefficients);
  const PanelFlow flow = panel_flow(points, kAngle);
  return {points, flow.pressure, flow.lift,
          concat({-shape.thickness(coefficients, kStations), reshape(outline_area(points), {1}),
                  reshape(flow.moment, {1})})};
}

/// The least that each of `kept` may be, from its values at the start.
HostArray least_of(HostArray kept) {
  const std::int64_t area = kept.size() - 2, moment = kept.size() - 1;
  kept.set(area, kept.at(area) * kAreaGrowth);
  kept.set(moment, kept.at(moment) - kMomentAllowance);
  return kept;
}

HostArray start_of(std::int64_t modes) {
  HostArray start(Shape{2 * modes});
  for (std::int64_t i = 0; i < modes; ++i) {
    start.set(i, 0.18);
    start.set(modes + i, -0.12);
  }
  return start;
}

/// The objective with what a violation of the limits costs (Nocedal and Wright 2006, sec. 17.4):
///     f + sum_k (max(0, lambda_k + rho g_k)^2 - lambda_k^2) / (2 rho).
/// Inputs: coefficients, lambda, rho. Outputs: that, g, points, pressure, lift.
Function augmented_lagrangian(const AirfoilShape& shape, const HostArray& start, const HostArray& least) {
  return trace(
      [&](Array coefficients, Array lambda, Array rho) {
        const Judged judged = judge(shape, coefficients);
        const Array g = constant(least) - judged.kept;
        const Array objective = 0.5 * kNearness * sum(square(coefficients - constant(start))) - judged.lift;
        const Array cost = sum(square(relu(lambda + rho * g)) - square(lambda)) / (2.0 * rho);
        return std::vector<Array>{objective + cost, g, judged.points, judged.pressure, judged.lift};
      },
      {{"coefficients", start.shape()}, {"lambda", least.shape()}, {"rho", {}}});
}

bool is_outline(const HostArray& points) {
  try {
    check_outline(points);
  } catch (const InvalidArgument&) {
    return false;
  }
  return true;
}

/// The state of the augmented Lagrangian.
struct Lagrangian {
  HostArray lambda;
  double rho = 10;
  double violation = std::numeric_limits<double>::infinity();

  std::vector<HostArray> inputs(const HostArray& coefficients) const {
    return {batch_of_one(coefficients), batch_of_one(lambda), HostArray::vector({rho})};
  }

  /// After a round that ended at g: new multipliers, and a larger rho where the limits came no nearer. How far lambda
  /// and the limits are from what they must be is `violation`.
  void update(const HostArray& g) {
    double worst = 0;
    for (std::int64_t k = 0; k < g.size(); ++k) {
      worst = std::max(worst, std::abs(std::max(g.at(k), -lambda.at(k) / rho)));
      lambda.set(k, std::max(0.0, lambda.at(k) + rho * g.at(k)));
    }
    if (worst > 0.25 * violation) rho *= 5;
    violation = worst;
  }
};

/// Each of the limits, from g before and after.
std::vector<Limit> limits_of(const HostArray& before, const HostArray& after, const HostArray& lambda) {
  std::vector<Limit> limits;
  for (std::int64_t k = 0; k < after.size(); ++k) {
    const auto station = static_cast<std::size_t>(k);
    const std::string name = station < kStations.size() ? text::concat("thickness at ", kStations[station])
                                                        : (station == kStations.size() ? "area" : "moment");
    limits.push_back({name, before.at(k), after.at(k), lambda.at(k)});
  }
  return limits;
}

}  // namespace

double Design::violation() const {
  double largest = 0;
  for (const Limit& limit : limits) largest = std::max(largest, limit.end);
  return largest;
}

Design raise_lift(const DesignOptions& options) {
  constexpr double kEnough = 1e-8;  // of the limits' violation
  const AirfoilShape shape({.panels = options.panels, .modes = options.modes});
  const HostArray start = start_of(options.modes);
  const Function kept = trace([&](Array a) { return judge(shape, a).kept; }, {{"a", start.shape()}});
  const HostArray least = least_of(compile(kept).run({batch_of_one(start)}).outputs[0][0]);
  const Function loss = augmented_lagrangian(shape, start, least);
  const std::vector<std::size_t> wanted = {0};
  const Program value = compile(loss), gradient = compile(value_and_grad(loss, wanted));

  Design design;
  HostArray coefficients = start;
  Lagrangian lagrangian{.lambda = HostArray(least.shape())};
  const auto look = [&](int step, const HostArray& at) {
    const std::vector<HostArray> found = value.run(lagrangian.inputs(at)).outputs;
    design.stages.push_back({step, {found[2][0], found[3].numbers(), found[4].at(0)}});
    return found[1][0];
  };
  const auto slope = [&](const HostArray& at) -> Slope {
    ++design.gradients;
    const std::vector<HostArray> found = gradient.run(lagrangian.inputs(at)).outputs;
    const bool is_good = is_outline(found[2][0]);
    return {is_good ? found[0].at(0) : std::numeric_limits<double>::infinity(), found[5][0]};
  };
  const HostArray before = look(0, coefficients);
  int steps = 0;
  HostArray g;
  const auto on_step = [&](int step, const HostArray& at) {
    if (design.rounds == 0 && (step == 1 || step == 3)) look(step, at);
  };
  while (design.rounds < options.rounds && lagrangian.violation > kEnough) {
    steps += minimize(coefficients, slope, {.steps = options.steps, .on_step = on_step});
    ++design.rounds;
    g = value.run(lagrangian.inputs(coefficients)).outputs[1][0];
    lagrangian.update(g);
  }
  look(steps, coefficients);
  for (const double element : slope(coefficients).gradient.numbers())
    design.stationarity = std::max(design.stationarity, std::abs(element));
  design.limits = limits_of(before, g, lagrangian.lambda);
  return design;
}

}  // namespace costate::experiments
