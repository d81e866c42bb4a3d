#include "experiments/airfoil/design.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace costate::experiments {
namespace {

constexpr double kDesignAngle = 3 * kDegree;
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
  const PanelFlow flow = panel_flow(points, kDesignAngle);
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

/// Inputs: coefficients, lambda of the limits, the penalty. Outputs: the augmented Lagrangian, g, points, pressure,
/// lift.
Function design_lagrangian(const AirfoilShape& shape, const HostArray& start, const HostArray& least) {
  return trace(
      [&](Array coefficients, Array lambda, Array penalty) {
        const Judged judged = judge(shape, coefficients);
        const Array g = constant(least) - judged.kept;
        const Array objective = 0.5 * kNearness * sum(square(coefficients - constant(start))) - judged.lift;
        const Array lagrangian =
            augmented_lagrangian(objective, {.g = {.limits = g}, .lambda = {.limits = lambda}, .penalty = penalty});
        return std::vector<Array>{lagrangian, g, judged.points, judged.pressure, judged.lift};
      },
      {{"coefficients", start.shape()}, {"lambda", least.shape()}, {"penalty", {}}});
}

bool is_outline(const HostArray& points) {
  try {
    check_outline(points);
  } catch (const InvalidArgument&) {
    return false;
  }
  return true;
}

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
  const AirfoilShape shape({.panels = options.panels, .modes = options.modes});
  const HostArray start = start_of(options.modes);
  const Function kept = trace([&](Array a) { return judge(shape, a).kept; }, {{"a", start.shape()}});
  const HostArray least = least_of(compile(kept).run({batch_of_one(start)}).outputs[0][0]);
  const Function loss = design_lagrangian(shape, start, least);
  const std::vector<std::size_t> wanted = {0};
  const Program value = compile(loss), gradient = compile(value_and_grad(loss, wanted));

  Design design;
  const auto inputs = [&](const HostArray& at, const Multipliers& multipliers) -> std::vector<HostArray> {
    return {batch_of_one(at), batch_of_one(multipliers.lambda.limits), HostArray::vector({multipliers.penalty})};
  };
  const Multipliers none{.lambda = {.limits = HostArray(least.shape())}, .penalty = 1};  // of which g knows nothing
  const auto look = [&](int step, const HostArray& at) {
    const std::vector<HostArray> found = value.run(inputs(at, none)).outputs;
    design.stages.push_back({step, {found[2][0], found[3].numbers(), found[4].at(0)}});
    return found[1][0];
  };
  const ConstrainedProblem problem{
      .num_limits = least.size(),
      .lagrangian =
          [&](const HostArray& at, const Multipliers& multipliers) {
            ++design.gradients;
            const std::vector<HostArray> found = gradient.run(inputs(at, multipliers)).outputs;
            const bool is_good = is_outline(found[2][0]);
            return Evaluation{.loss = is_good ? found[0].at(0) : std::numeric_limits<double>::infinity(),
                              .gradients = {found[5][0]}};
          },
      .constraints =
          [&](const HostArray& at) { return Constraints{.limits = value.run(inputs(at, none)).outputs[1][0]}; }};
  HostArray coefficients = start;
  const HostArray before = look(0, coefficients);
  const auto on_step = [&](int step, const HostArray& at) {
    if (step == 1 || step == 3) look(step, at);
  };
  const ConstrainedMinimum found = minimize_constrained(
      coefficients, problem, {.rounds = options.rounds, .each = {.steps = options.steps, .on_step = on_step}});
  look(found.steps, coefficients);
  for (const double element : problem.lagrangian(coefficients, found.multipliers).gradients[0].numbers())
    design.stationarity = std::max(design.stationarity, std::abs(element));
  design.rounds = found.rounds;
  design.limits = limits_of(before, found.constraints.limits, found.multipliers.lambda.limits);
  return design;
}

}  // namespace costate::experiments
