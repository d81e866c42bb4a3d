// Algorithm 2 of Chen et al. 2018: state, adjoint, dL/dtheta and dL/dt0 in one solve backwards in time, held against
// differences, against the discrete adjoint, and against a system on which it must fail.
#include <algorithm>
#include <cmath>
#include <functional>

#include "experiments/distance.h"
#include "experiments/experiment.h"

namespace costate::experiments {
namespace {

constexpr double kExact = 1e-13;  // tolerance of the solutions whose differences are the truth

/// A field with its parameters, a start and the times t0, t1 of its end.
struct Problem {
  VectorField field;
  std::vector<Parameter> parameters;
  std::vector<double> start;
  std::vector<double> ends;
};

/// dL/dz0, dL/dt0, dL/dt1 and dL/dtheta, one after the other, for L = sum of cos(1 + i) z_i(t1), and what it cost.
struct Gradients {
  std::vector<double> values = {};
  RunReport report = {};
};

Function loss_of(const Problem& problem, const SolveOptions& options) {
  const auto size = static_cast<std::int64_t>(problem.start.size());
  return trace(
      [&](Array z0, Array ends) {
        std::vector<double> weights;
        for (std::int64_t i = 0; i < size; ++i) weights.push_back(std::cos(1.0 + static_cast<double>(i)));
        return sum(solve(problem.field, z0, ends, options)[1] * constant(HostArray::vector(weights)));
      },
      {{"z0", {size}}, {"ends", {2}}});
}

/// A batch of one sample.
HostArray row(const std::vector<double>& values) {
  return HostArray(Shape{1, static_cast<std::int64_t>(values.size())}, values);
}

Gradients gradients(const Problem& problem, const SolveOptions& options) {
  const RunResult result =
      compile(value_and_grad(loss_of(problem, options))).run({row(problem.start), row(problem.ends)});
  Gradients found{.report = result.report};
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    for (const double number : result.outputs[i].numbers()) found.values.push_back(number);
  return found;
}

/// The same by sixth-order central differences of an accurate solution.
std::vector<double> differences(Problem problem) {
  const Program loss = compile(loss_of(problem, {.method = Method::kDopri8, .rtol = kExact, .atol = kExact}));
  std::vector<double> found;
  const auto difference = [&](const std::function<void(double)>& move) {
    constexpr double kStep = 2e-3;
    const auto at = [&](double step) {
      move(step);
      const double value = loss.run({row(problem.start), row(problem.ends)}).outputs[0].at(0);
      move(-step);
      return value;
    };
    found.push_back(
        (45 * (at(kStep) - at(-kStep)) - 9 * (at(2 * kStep) - at(-2 * kStep)) + at(3 * kStep) - at(-3 * kStep)) /
        (60 * kStep));
  };
  for (std::vector<double>* numbers : {&problem.start, &problem.ends})
    for (double& x : *numbers) difference([&](double step) { x += step; });
  for (Parameter& parameter : problem.parameters)
    for (std::int64_t i = 0; i < parameter.value().size(); ++i)
      difference([&](double step) {
        HostArray values = parameter.value();
        values.set(i, values.at(i) + step);
        parameter.set_value(values);
      });
  return found;
}

/// A net that has learned the pendulum from eight trajectories; driven, so that t0 and t1 count each by itself.
Problem pendulum_net(std::uint64_t seed) {
  const Mlp net({.inputs = 2, .hidden = {16}, .outputs = 2, .seed = seed});
  std::vector<std::vector<double>> starts;
  for (int i = 0; i < 8; ++i) starts.push_back({0.25 + 0.2 * i, 0.0});
  const HostArray states = simulate_from(starts, "pendulum", {.until = 4.0, .samples = 41});
  fit_trajectories(vector_field({2}, [&](Array, Array z) { return net(z); }), net.parameters(),
                   cut_windows(states, 0.1, {.length = 11}),
                   {.train = {.epochs = 50, .batch = 8, .seed = seed, .schedule = {.base = 1e-2}, .polish = 100}});
  return {.field = vector_field({2},
                                [&](Array t, Array z) {
                                  return net(z) + 0.1 * stack({0.0 * t, sin(t)});
                                }),
          .parameters = net.parameters(),
          .start = {1.0, 0.0},
          .ends = {0.0, 4.0}};
}

/// A pendulum with friction: forgets its start at the rate of `damping`, so that the way back loses it.
Problem damped_pendulum(double damping) {
  const Parameter friction("friction", HostArray::vector({damping}));
  return {.field = vector_field({2},
                                [&](Array, Array z) {
                                  return stack({z[1], -1.0 * sin(z[0]) - Array(friction)[0] * z[1]});
                                }),
          .parameters = {friction},
          .start = {1.0, 0.5},
          .ends = {0.0, 2.0}};
}

struct ToleranceRow {
  double tolerance;
  Gradients backsolve = {}, discrete = {};
  double backsolve_error = 0, discrete_error = 0;
};

std::vector<ToleranceRow> study_tolerances(const Problem& problem, bool quick) {
  const std::vector<double> truth = differences(problem);
  std::vector<ToleranceRow> rows;
  for (int exponent = 3; exponent <= (quick ? 8 : 11); ++exponent) {
    ToleranceRow row{.tolerance = std::pow(10.0, -exponent)};
    SolveOptions options{.rtol = row.tolerance, .atol = row.tolerance, .adjoint = Adjoint::kBacksolve};
    row.backsolve = gradients(problem, options);
    options.adjoint = Adjoint::kDiscrete;
    row.discrete = gradients(problem, options);
    row.backsolve_error = largest_relative_difference(row.backsolve.values, truth);
    row.discrete_error = largest_relative_difference(row.discrete.values, truth);
    rows.push_back(std::move(row));
  }
  return rows;
}

struct DampingRow {
  double damping, backsolve_error = 0, discrete_error = 0;
};

std::vector<DampingRow> study_damping() {
  std::vector<DampingRow> rows;
  for (const double damping : {0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 20.0}) {
    const Problem problem = damped_pendulum(damping);
    const std::vector<double> truth = differences(problem);
    const auto error_by = [&](Adjoint adjoint) {
      return largest_relative_difference(gradients(problem, {.rtol = 1e-6, .atol = 1e-6, .adjoint = adjoint}).values,
                                         truth);
    };
    rows.push_back({damping, error_by(Adjoint::kBacksolve), error_by(Adjoint::kDiscrete)});
  }
  return rows;
}

/// What gradients take in MiB.
struct MemoryRow {
  int steps;
  double discrete = 0, budgeted = 0, backsolve = 0;
};

std::vector<MemoryRow> study_memory(const Problem& problem, bool quick) {
  constexpr std::int64_t kBatch = 32;
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  HostArray starts(Shape{kBatch, 2}), ends(Shape{kBatch, 2});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    starts.set({i, 0}, 1.0);
    ends.set({i, 1}, 4.0);
  }
  std::vector<MemoryRow> rows;
  for (int steps = 1000; steps <= (quick ? 16'000 : 64'000); steps *= 4) {
    const auto measure = [&](const SolveOptions& options) {
      const Program program = compile(value_and_grad(loss_of(problem, options)));
      return peak_memory([&] { program.run({starts, ends}); }) / kMiB;
    };
    SolveOptions options{.method = Method::kRk4, .steps_per_interval = steps};
    MemoryRow row{.steps = steps, .discrete = measure(options)};
    options.memory_budget = kMiB;
    row.budgeted = measure(options);
    options.adjoint = Adjoint::kBacksolve;
    row.backsolve = measure(options);
    rows.push_back(row);
  }
  return rows;
}

const Curve kBacksolve{.name = "Algorithm 2", .color = 1}, kDiscrete{.name = "discrete", .color = 0},
    kDashedDiscrete{.name = "discrete", .mark = Mark::kDashed, .color = 0};

Figure error_figure(const std::vector<ToleranceRow>& rows) {
  const auto tolerance = &ToleranceRow::tolerance;
  return {.title = "pendulum net: error of the gradient",
          .x_label = "tolerance of the solver",
          .y_label = "largest relative error",
          .curves = {Curve{.name = "tolerance", .color = 6}.through(rows, tolerance, tolerance),
                     kBacksolve.through(rows, tolerance, &ToleranceRow::backsolve_error),
                     kDashedDiscrete.through(rows, tolerance, &ToleranceRow::discrete_error)},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog};
}

Figure cost_figure(const std::vector<ToleranceRow>& rows) {
  const auto tolerance = &ToleranceRow::tolerance;
  const auto forward = [](const ToleranceRow& row) { return row.discrete.report.nfe_forward; };
  const auto backsolve = [](const ToleranceRow& row) { return row.backsolve.report.nfe_backward; };
  const auto discrete = [](const ToleranceRow& row) { return row.discrete.report.nfe_backward; };
  return {
      .title = "evaluations of the field, forward and backward",
      .x_label = "tolerance of the solver",
      .y_label = "evaluations (NFE)",
      .curves = {Curve{.name = "forward", .color = 6}.through(rows, tolerance, forward),
                 kBacksolve.through(rows, tolerance, backsolve), kDashedDiscrete.through(rows, tolerance, discrete)},
      .x_scale = Scale::kLog,
      .y_scale = Scale::kLog};
}

Figure damping_figure(const std::vector<DampingRow>& rows) {
  return {.title = "damped pendulum at tolerance 1e-6",
          .x_label = "damping (1/s)",
          .y_label = "largest relative error",
          .curves = {kBacksolve.through(rows, &DampingRow::damping, &DampingRow::backsolve_error),
                     kDiscrete.through(rows, &DampingRow::damping, &DampingRow::discrete_error)},
          .y_scale = Scale::kLog};
}

Figure memory_figure(const std::vector<MemoryRow>& rows) {
  const Curve budgeted{.name = "with budget", .mark = Mark::kDashed, .color = 2};
  return {.title = "peak memory of a gradient (budget: 1 MiB)",
          .x_label = "rk4 steps",
          .y_label = "memory (MiB)",
          .curves = {kDiscrete.through(rows, &MemoryRow::steps, &MemoryRow::discrete),
                     budgeted.through(rows, &MemoryRow::steps, &MemoryRow::budgeted),
                     kBacksolve.through(rows, &MemoryRow::steps, &MemoryRow::backsolve)},
          .x_scale = Scale::kLog};
}

Section tables(const std::vector<ToleranceRow>& tolerances, const std::vector<DampingRow>& damping,
               const std::vector<MemoryRow>& memory) {
  Table first{.header = {"tolerance", "error, Algorithm 2", "error, discrete", "NFE forward",
                         "NFE backward, Algorithm 2", "NFE backward, discrete"},
              .caption = "dL/dz0, dL/dt0, dL/dt1 and dL/dtheta of a 2-16-2 net, all from one reverse solve."};
  for (const ToleranceRow& row : tolerances)
    first.add(row.tolerance, row.backsolve_error, row.discrete_error, row.discrete.report.nfe_forward,
              row.backsolve.report.nfe_backward, row.discrete.report.nfe_backward);
  Table second{.header = {"damping", "error, Algorithm 2", "error, discrete"},
               .caption =
                   "A damped pendulum forgets where it came from: solved backwards, its errors grow like "
                   "exp(damping · 2)."};
  for (const DampingRow& row : damping) second.add(row.damping, row.backsolve_error, row.discrete_error);
  Table third{.header = {"steps", "discrete, MiB", "discrete with a budget of 1 MiB", "Algorithm 2, MiB"}};
  for (const MemoryRow& row : memory) third.add(row.steps, row.discrete, row.budgeted, row.backsolve);
  return {"Numbers", {first, second, third}};
}

}  // namespace

Outcome algorithm2(const Request& request) {
  const Problem net = pendulum_net(request.seed);
  request.tell("gradients against tolerance");
  const std::vector<ToleranceRow> tolerances = study_tolerances(net, request.quick);
  request.tell("gradients against damping");
  const std::vector<DampingRow> damping = study_damping();
  request.tell("memory against steps");
  const std::vector<MemoryRow> memory = study_memory(net, request.quick);

  double excess = 0, discrete_excess = 0;  // the worst errors in units of the tolerance; excess from 1e-4 on
  for (const ToleranceRow& row : tolerances) {
    if (&row != &tolerances.front()) excess = std::max(excess, row.backsolve_error / row.tolerance);
    discrete_excess = std::max(discrete_excess, row.discrete_error / row.tolerance);
  }
  const ToleranceRow &loosest = tolerances.front(), &tightest = tolerances.back();
  return {.title = "Algorithm 2",
          .figure = Sheet(
              {error_figure(tolerances), cost_figure(tolerances), damping_figure(damping), memory_figure(memory)}, 2),
          .caption =
              "One reverse solve gives dL/dz0, dL/dtheta, dL/dt0 and dL/dt1 to the solver's tolerance. It solves "
              "the state backwards, which a strongly damped system does not allow; the discrete adjoint goes "
              "back along the states that were there.",
          .sections = {tables(tolerances, damping, memory)},
          .metrics = {at_most(10, "error of Algorithm 2 over the tolerance, worst from 1e-4 on", excess),
                      // A way back of four or five attempts, in which each one's error shows.
                      at_most(20, "error of Algorithm 2 over the tolerance at 1e-3",
                              loosest.backsolve_error / loosest.tolerance),
                      told("error of the discrete adjoint over the tolerance, worst", discrete_excess),
                      at_most(request.quick ? 1e-7 : 1e-10, "error of Algorithm 2 at the tightest tolerance",
                              tightest.backsolve_error),
                      at_least(0.1, "error of Algorithm 2 at damping 20: it fails", damping.back().backsolve_error),
                      at_most(1e-4, "error of the discrete adjoint at damping 20", damping.back().discrete_error),
                      at_most(3, "memory of Algorithm 2 at the most steps (MiB)", memory.back().backsolve),
                      at_most(3, "memory of the discrete adjoint with a budget of 1 MiB (MiB)", memory.back().budgeted),
                      told("memory of the discrete adjoint without (MiB)", memory.back().discrete)}};
}

}  // namespace costate::experiments
