#include "costate/train/constrained.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "costate/base/error.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/graph/trace.h"

namespace costate {
namespace {

void check_shapes(const char* name, const Array& g, const Array& lambda) {
  if (g.is_empty()) return;
  if (g.shape().rank() != 1)
    throw ShapeError("[augmented_lagrangian] ", name, " must be a vector; got ", g.shape(), ". Use reshape or stack.");
  if (lambda.is_empty() || lambda.shape() != g.shape())
    throw ShapeError("[augmented_lagrangian] lambda of the ", name, " must have their shape ", g.shape(), "; got ",
                     lambda.is_empty() ? Shape{0} : lambda.shape(), ".");
}

void check_options(const ConstrainedOptions& options) {
  if (options.rounds < 0)
    throw InvalidArgument("[minimize_constrained] rounds must be 0 or more; got ", options.rounds, ".");
  if (!(options.penalty > 0) || !std::isfinite(options.penalty))
    throw InvalidArgument("[minimize_constrained] penalty must be positive; got ", options.penalty, ".");
  if (!(options.penalty_growth >= 1) || !std::isfinite(options.penalty_growth))
    throw InvalidArgument("[minimize_constrained] penalty_growth must be at least 1; got ", options.penalty_growth,
                          ".");
}

/// The multipliers after a round that ended at g, and how much of a violation there was.
double update(Multipliers& multipliers, const Constraints& g) {
  double violation = 0;
  const double rho = multipliers.penalty;
  HostArray &of_equations = multipliers.lambda.equations, &of_limits = multipliers.lambda.limits;
  for (std::int64_t k = 0; k < g.equations.size(); ++k) {
    violation = std::max(violation, std::abs(g.equations.at(k)));
    of_equations.set(k, of_equations.at(k) + rho * g.equations.at(k));
  }
  for (std::int64_t k = 0; k < g.limits.size(); ++k) {
    violation = std::max(violation, std::abs(std::max(g.limits.at(k), -of_limits.at(k) / rho)));
    of_limits.set(k, std::max(0.0, of_limits.at(k) + rho * g.limits.at(k)));
  }
  return violation;
}

HostArray as_batch(const HostArray& numbers) { return numbers.reshape(numbers.shape().with_first(1)); }

/// The inputs of a traced Lagrangian: x, the penalty, and lambda of what there is.
std::vector<HostArray> lagrangian_inputs(const HostArray& x, const Multipliers& multipliers) {
  std::vector<HostArray> inputs = {as_batch(x), HostArray::vector({multipliers.penalty})};
  for (const HostArray* lambda : {&multipliers.lambda.equations, &multipliers.lambda.limits})
    if (lambda->size() > 0) inputs.push_back(as_batch(*lambda));
  return inputs;
}

/// Two lists of constraints of which either may be empty, from a list of those that are not.
template <class Numbers, class Pair>
void take_constraints(std::span<const Numbers> given, const ConstrainedProblem& counts, Pair& pair) {
  std::size_t next = 0;
  if (counts.num_equations > 0) pair.equations = given[next++];
  if (counts.num_limits > 0) pair.limits = given[next];
}

}  // namespace

Array augmented_lagrangian(const Array& objective, const AugmentedTerms& terms) {
  const auto& [g, lambda, rho] = terms;
  check_shapes("equations", g.equations, lambda.equations);
  check_shapes("limits", g.limits, lambda.limits);
  Array cost;
  if (!g.equations.is_empty()) cost = sum(lambda.equations * g.equations) + 0.5 * rho * sum(square(g.equations));
  if (!g.limits.is_empty()) {
    const Array of_limits = sum(square(relu(lambda.limits + rho * g.limits)) - square(lambda.limits)) / (2.0 * rho);
    cost = cost.is_empty() ? of_limits : cost + of_limits;
  }
  return cost.is_empty() ? objective : objective + cost;
}

ConstrainedProblem constrained_problem(const std::function<ConstrainedLoss(Array x)>& loss, const Shape& shape) {
  ConstrainedProblem problem;
  const auto count = [](const Array& numbers) { return numbers.is_empty() ? 0 : numbers.shape().size(); };
  const Function values = trace(
      [&](Array x) {
        const ConstrainedLoss found = loss(x);
        problem.num_equations = count(found.g.equations);
        problem.num_limits = count(found.g.limits);
        std::vector<Array> outputs = {found.objective};
        if (problem.num_equations > 0) outputs.push_back(found.g.equations);
        if (problem.num_limits > 0) outputs.push_back(found.g.limits);
        return outputs;
      },
      {{"x", shape}});
  std::vector<ArgumentSpec> arguments = {{"x", shape}, {"penalty", {}}};
  if (problem.num_equations > 0) arguments.push_back({"lambda of equations", {problem.num_equations}});
  if (problem.num_limits > 0) arguments.push_back({"lambda of limits", {problem.num_limits}});
  const Function lagrangian = trace_list(arguments, [&](std::span<const Array> inputs) {
    const ConstrainedLoss found = loss(inputs[0]);
    AugmentedTerms terms{.g = found.g, .penalty = inputs[1]};
    take_constraints(inputs.subspan(2), problem, terms.lambda);
    return std::vector<Array>{augmented_lagrangian(found.objective, terms)};
  });
  const std::vector<std::size_t> wanted = {0};
  problem.lagrangian = [gradient = compile(value_and_grad(lagrangian, wanted))](const HostArray& x,
                                                                                const Multipliers& multipliers) {
    RunResult found = gradient.run(lagrangian_inputs(x, multipliers));
    return Evaluation{
        .loss = found.outputs[0].at(0), .gradients = {found.outputs[1][0]}, .report = std::move(found.report)};
  };
  problem.constraints = [counts = problem, program = compile(values)](const HostArray& x) {
    std::vector<HostArray> found;
    for (const HostArray& output : program.run({as_batch(x)}).outputs) found.push_back(output[0]);
    Constraints constraints;
    take_constraints(std::span<const HostArray>(found).subspan(1), counts, constraints);
    return constraints;
  };
  return problem;
}

ConstrainedMinimum minimize_constrained(HostArray& x, const ConstrainedProblem& problem,
                                        const ConstrainedOptions& options) {
  check_options(options);
  ConstrainedMinimum found{.multipliers = {.lambda = {.equations = HostArray(Shape{problem.num_equations}),
                                                      .limits = HostArray(Shape{problem.num_limits})},
                                           .penalty = options.penalty},
                           .violation = std::numeric_limits<double>::infinity()};
  MinimizeOptions round = options.each;
  if (options.each.on_step)
    round.on_step = [&](int step, const HostArray& at) { options.each.on_step(found.steps + step, at); };
  const auto lagrangian = [&](const HostArray& at) { return problem.lagrangian(at, found.multipliers); };
  while (found.rounds < options.rounds && found.violation > options.violation) {
    found.steps += minimize(x, lagrangian, round);
    ++found.rounds;
    found.constraints = problem.constraints(x);
    const double violation = update(found.multipliers, found.constraints);
    if (violation > 0.25 * found.violation) found.multipliers.penalty *= options.penalty_growth;
    found.violation = violation;
  }
  return found;
}

}  // namespace costate
