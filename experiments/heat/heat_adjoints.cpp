#include "experiments/heat/heat_adjoints.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>

#include "experiments/distance.h"

namespace costate::experiments {
namespace {

const SolveOptions kTight{.method = Method::kDopri8, .rtol = 1e-12, .atol = 1e-12};

HostArray row(const std::vector<double>& values) {
  return HostArray(Shape{1, static_cast<std::int64_t>(values.size())}, values);
}

/// The misfit of a start [size] and a logarithm [1].
Function misfit_of(const HeatProblem& problem, const HostArray& measured, const SolveOptions& options) {
  return trace(
      [&](Array start, Array logarithm) {
        return heat_misfit(problem, heat_states(problem, start, logarithm[0], options), constant(measured));
      },
      {{"start", {problem.size()}}, {"logarithm", {1}}});
}

std::vector<double> field_and_coefficient(const RunResult& result) {
  std::vector<double> all = result.outputs[1].numbers();
  all.push_back(result.outputs[2].at(0));
  return all;
}

std::vector<double> gradient_by(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                                const HostArray& measured, const SolveOptions& options) {
  return field_and_coefficient(
      compile(value_and_grad(misfit_of(problem, measured, options))).run({row(start), row({std::log(diffusion)})}));
}

/// The adjoint equation as a problem of its own: with the time s that is left, da/ds = A^T a, and at each reading a
/// jumps by the misfit's derivative there. The rate is linear, so that no state is needed.
std::vector<double> solve_adjoint_equation(const HeatProblem& problem, const std::vector<double>& start,
                                           double diffusion, const HostArray& measured) {
  const VectorField field = vector_field({problem.size()}, [&](Array, Array a) {
    const Array u = 0.0 * a, rate = heat_rate(problem, u, constant(diffusion));
    return pull_back(std::span(&rate, 1), std::span(&a, 1), std::span(&u, 1))[0];
  });
  const Function adjoint = trace(
      [&](Array from) {
        const Array states = heat_states(problem, from, constant(std::log(diffusion)), kTight);
        const Array jumps = gradient(heat_misfit(problem, states, constant(measured)), std::span(&states, 1))[0];
        const Array times = constant(HostArray::vector({0, problem.end / static_cast<double>(problem.num_times)}));
        Array a = jumps[problem.num_times];
        for (std::int64_t i = problem.num_times - 1; i >= 0; --i) a = solve(field, a, times, kTight)[1] + jumps[i];
        return a;
      },
      {{"from", {problem.size()}}});
  return compile(adjoint).run({row(start)}).outputs[0].numbers();
}

double forward_mode_error(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                          const HostArray& measured, const std::vector<double>& gradient) {
  const Program tangent = compile(jvp(misfit_of(problem, measured, kTight)));
  double worst = 0;
  for (std::uint64_t direction = 0; direction < 3; ++direction) {
    const Random random(direction);
    std::vector<double> along(start.size());
    double expected = 0;
    for (std::size_t i = 0; i < along.size(); ++i) {
      along[i] = random.normal(0, i);
      expected += along[i] * gradient[i];
    }
    const double turn = direction == 0 ? 0.0 : 1.0;  // first by the field alone
    expected += turn * gradient.back();
    const double found =
        tangent.run({row(start), row({std::log(diffusion)}), row(along), row({turn})}).outputs[1].at(0);
    worst = std::max(worst, std::abs(found - expected) / std::abs(expected));
  }
  return worst;
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

AdjointAgreement compare_adjoints(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                                  const HostArray& measured) {
  SolveOptions options = kTight;
  const std::vector<double> discrete = gradient_by(problem, start, diffusion, measured, options);
  options.memory_budget /= 100;
  return {.smaller_budget =
              largest_relative_difference(gradient_by(problem, start, diffusion, measured, options), discrete),
          .adjoint_equation =
              largest_relative_difference(solve_adjoint_equation(problem, start, diffusion, measured), discrete),
          .forward_mode = forward_mode_error(problem, start, diffusion, measured, discrete)};
}

BacksolveRow try_backsolve(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                           const HostArray& measured) {
  SolveOptions options{.rtol = 1e-8, .atol = 1e-8};
  const std::vector<double> discrete = gradient_by(problem, start, diffusion, measured, options);
  options.adjoint = Adjoint::kBacksolve;
  options.max_steps = 2000;
  const double cells = static_cast<double>(problem.cells);
  const std::vector<double> found = gradient_by(problem, start, diffusion, measured, options);
  const double by_coefficient = std::abs(found.back() / discrete.back() - 1);
  const double exponent = 32.0 / 3 * diffusion * cells * cells * problem.end / static_cast<double>(problem.num_times);
  return {.cells = problem.cells,
          .growth = std::exp(exponent),
          .error = std::isfinite(by_coefficient) ? by_coefficient : HUGE_VAL};
}

GradientCost measure_gradient(const HeatProblem& problem, const std::vector<double>& start, double diffusion,
                              const HostArray& measured, std::size_t budget) {
  SolveOptions options = stable_steps(problem, diffusion);
  options.memory_budget = budget;
  const Function misfit = misfit_of(problem, measured, options);
  const std::vector<HostArray> inputs = {row(start), row({std::log(diffusion)})};
  GradientCost cost{.budget = budget};
  RunResult forward, both;
  const double forward_memory = peak_memory([&] {
    const Program program = compile(misfit);
    program.run(inputs);
    cost.forward_seconds = seconds_of([&] { forward = program.run(inputs); });
  });
  const double memory = peak_memory([&] {
    const Program program = compile(value_and_grad(misfit));
    program.run(inputs);
    cost.seconds = seconds_of([&] { both = program.run(inputs); });
  });
  cost.memory = memory - forward_memory;
  cost.evaluations = static_cast<double>(both.report.nfe_forward + both.report.nfe_backward) /
                     static_cast<double>(forward.report.nfe_forward);
  cost.gradient = field_and_coefficient(both);
  return cost;
}

}  // namespace costate::experiments
