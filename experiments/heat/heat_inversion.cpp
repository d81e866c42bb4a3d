#include "experiments/heat/heat_inversion.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace costate::experiments {
namespace {

/// Steps stay stable up to so many times the prior's median. Beyond, a trial gives no finite number, and the search
/// takes a shorter one.
constexpr double kLargestDiffusion = 1.5;

Function objective_of(const HeatProblem& problem, const Parameter& weights, const Parameter& log_diffusion) {
  return trace(
      [&](Array measured) {
        const Array logarithm = Array(log_diffusion)[0];
        const Array states = heat_states(problem, prior_field(problem, weights), logarithm,
                                         stable_steps(problem, kLargestDiffusion * problem.prior_diffusion));
        const Array surprise = (logarithm - std::log(problem.prior_diffusion)) / problem.prior_spread;
        return heat_misfit(problem, states, measured) + 0.5 * sum(square(Array(weights))) + 0.5 * square(surprise);
      },
      {{"measured", {problem.num_times, static_cast<std::int64_t>(problem.sensors.size())}}});
}

/// Weights of one grid as those of another: terms that a coarser one lacks begin at 0.
HostArray on_other_grid(const HostArray& weights, std::int64_t side) {
  HostArray moved(Shape{side, side});
  const std::int64_t common = std::min(side, weights.shape()[0]);
  for (std::int64_t j = 0; j < common; ++j)
    for (std::int64_t k = 0; k < common; ++k) moved.set({j, k}, weights.at(j * weights.shape()[1] + k));
  return moved;
}

}  // namespace

HeatEstimate prior_estimate(const HeatProblem& problem) {
  return {.weights = HostArray(Shape{problem.side(), problem.side()}), .diffusion = problem.prior_diffusion};
}

std::vector<double> HeatEstimate::field(const HeatProblem& problem) const {
  const Function of_weights = trace([&](Array w) { return prior_field(problem, w); }, {{"w", weights.shape()}});
  return compile(of_weights).run({weights.reshape(weights.shape().with_first(1))}).outputs[0].numbers();
}

HeatEstimate estimate_heat(const HeatProblem& problem, const HostArray& measured, const HeatEstimate& start,
                           const InversionOptions& options,
                           const std::function<void(const HeatEstimate&)>& after_step) {
  check_problem(problem);
  check_diffusion(start.diffusion);
  const Parameter weights("weights", on_other_grid(start.weights, problem.side()));
  const Parameter log_diffusion("log_diffusion", HostArray::vector({std::log(start.diffusion)}));
  const Parameter wanted[] = {weights, log_diffusion};
  const Program program = compile(value_and_grad(objective_of(problem, weights, log_diffusion), wanted));
  const HostArray batch = measured.reshape(measured.shape().with_first(1));
  HeatEstimate estimate = start;
  const auto evaluate = [&] {
    ++estimate.gradients;
    return mean_over_batch(program.run({batch}));
  };
  Optimizer optimizer({.kind = OptimizerKind::kLbfgs, .history = 50}, {weights, log_diffusion});
  // A step evaluates where it stands first, which is where the last trial of the step before was.
  std::optional<Evaluation> last;
  bool begins = false;
  const auto evaluate_once = [&] {
    if (!begins || !last) last = evaluate();
    begins = false;
    return *last;
  };
  for (int step = 0; step < options.steps; ++step) {
    begins = true;
    const StepResult result = optimizer.step(evaluate_once, 1.0);
    estimate.weights = HostArray(weights.shape(), weights.value().numbers());
    estimate.diffusion = std::exp(log_diffusion.value().at(0));
    estimate.objective.push_back(last->loss);
    estimate.coefficient.push_back(estimate.diffusion);
    after_step(estimate);
    if (result.was_skipped || result.gradient_norm < options.gradient) break;
  }
  return estimate;
}

}  // namespace costate::experiments
