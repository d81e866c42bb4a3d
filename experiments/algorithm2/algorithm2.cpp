// Algorithm 2 of Chen et al. 2018: state, adjoint, dL/dtheta and dL/dt0 in one solve backwards in time, held against
// differences, against the discrete adjoint, and against a system on which it must fail.
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <string>

#include "costate/data/data.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/nn/nn.h"
#include "costate/solve/solve.h"
#include "costate/train/train.h"
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
  double loss = 0;
  std::vector<double> values;
  RunReport report;
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

HostArray row(const std::vector<double>& values) {
  return HostArray::vector(values).reshape({1, static_cast<std::int64_t>(values.size())});
}

Gradients gradients(const Problem& problem, const SolveOptions& options) {
  const RunResult result =
      compile(value_and_grad(loss_of(problem, options))).run({row(problem.start), row(problem.ends)});
  Gradients found{.loss = result.outputs[0].at(0), .values = {}, .report = result.report};
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    for (std::int64_t j = 0; j < result.outputs[i].size(); ++j) found.values.push_back(result.outputs[i].at(j));
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

/// The largest difference, relative to the largest true number.
double error_of(const std::vector<double>& found, const std::vector<double>& truth) {
  double largest = 0, scale = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    largest = std::max(largest, std::isfinite(found[i]) ? std::abs(found[i] - truth[i]) : HUGE_VAL);
    scale = std::max(scale, std::abs(truth[i]));
  }
  return largest / scale;
}

/// A net that has learned the pendulum from eight trajectories; driven, so that t0 and t1 count each by itself.
Problem pendulum_net(std::uint64_t seed) {
  const Mlp net({.inputs = 2, .hidden = {16}, .outputs = 2, .seed = seed});
  HostArray states(Shape{8, 41, 2});
  std::int64_t next = 0;
  for (int i = 0; i < 8; ++i) {
    const TimeSeries one = simulate("pendulum", {.until = 4.0, .samples = 41, .start = {0.25 + 0.2 * i, 0.0}});
    for (std::int64_t k = 0; k < 82; ++k) states.set(next++, one.trajectories[0].states.at(k));
  }
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
  Gradients backsolve, discrete;
  double backsolve_error, discrete_error;
};

std::vector<ToleranceRow> study_tolerances(const Problem& problem, bool quick) {
  const std::vector<double> truth = differences(problem);
  std::vector<ToleranceRow> rows;
  for (int exponent = 3; exponent <= (quick ? 8 : 11); ++exponent) {
    const double tolerance = std::pow(10.0, -exponent);
    SolveOptions options{.rtol = tolerance, .atol = tolerance, .adjoint = Adjoint::kBacksolve};
    ToleranceRow one{.tolerance = tolerance,
                     .backsolve = gradients(problem, options),
                     .discrete = {},
                     .backsolve_error = 0,
                     .discrete_error = 0};
    options.adjoint = Adjoint::kDiscrete;
    one.discrete = gradients(problem, options);
    one.backsolve_error = error_of(one.backsolve.values, truth);
    one.discrete_error = error_of(one.discrete.values, truth);
    rows.push_back(std::move(one));
  }
  return rows;
}

struct DampingRow {
  double damping, backsolve_error, discrete_error;
};

std::vector<DampingRow> study_damping() {
  std::vector<DampingRow> rows;
  for (const double damping : {0.0, 1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 16.0, 20.0}) {
    const Problem problem = damped_pendulum(damping);
    const std::vector<double> truth = differences(problem);
    SolveOptions options{.rtol = 1e-6, .atol = 1e-6, .adjoint = Adjoint::kDiscrete};
    const double discrete = error_of(gradients(problem, options).values, truth);
    options.adjoint = Adjoint::kBacksolve;
    rows.push_back({damping, error_of(gradients(problem, options).values, truth), discrete});
  }
  return rows;
}

/// The most memory that a call held beyond what was held before, in bytes; NaN where the system does not tell.
double peak_memory(const std::function<void()>& call) {
  const auto status = [](const std::string& key) {
    std::ifstream file("/proc/self/status");
    std::string word;
    double kilobytes = std::nan("");
    while (file >> word)
      if (word == key) file >> kilobytes;
    return 1024 * kilobytes;
  };
#ifdef __GLIBC__
  malloc_trim(0);  // what earlier calls have freed is not there to be used again
#endif
  std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark starts anew
  const double before = status("VmRSS:");
  call();
  return std::max(0.0, status("VmHWM:") - before);
}

struct MemoryRow {
  int steps;
  double discrete, budgeted, backsolve;
};

std::vector<MemoryRow> study_memory(const Problem& problem, bool quick) {
  constexpr std::int64_t kBatch = 32;
  HostArray starts(Shape{kBatch, 2}), ends(Shape{kBatch, 2});
  for (std::int64_t i = 0; i < kBatch; ++i) {
    starts.set(2 * i, 1.0);
    ends.set(2 * i + 1, 4.0);
  }
  std::vector<MemoryRow> rows;
  for (int steps = 1000; steps <= (quick ? 16'000 : 64'000); steps *= 4) {
    const auto measure = [&](const SolveOptions& options) {
      const Program program = compile(value_and_grad(loss_of(problem, options)));
      return peak_memory([&] { program.run({starts, ends}); });
    };
    SolveOptions options{.method = Method::kRk4, .steps_per_interval = steps};
    const double discrete = measure(options);
    options.memory_budget = std::size_t{1} << 20;
    const double budgeted = measure(options);
    options.adjoint = Adjoint::kBacksolve;
    rows.push_back({steps, discrete, budgeted, measure(options)});
  }
  return rows;
}

Figure error_figure(const std::vector<ToleranceRow>& rows) {
  Curve backsolve{.name = "Algorithm 2", .mark = Mark::kLine, .color = 1};
  Curve discrete{.name = "discrete", .mark = Mark::kDashed, .color = 0};
  Curve tolerance{.name = "tolerance", .color = 6};
  for (const ToleranceRow& row : rows) {
    for (Curve* curve : {&backsolve, &discrete, &tolerance}) curve->x.push_back(row.tolerance);
    backsolve.y.push_back(row.backsolve_error);
    discrete.y.push_back(row.discrete_error);
    tolerance.y.push_back(row.tolerance);
  }
  return {.title = "pendulum net: error of the gradient",
          .x_label = "tolerance of the solver",
          .y_label = "largest relative error",
          .curves = {tolerance, backsolve, discrete},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .width = 480};
}

Figure cost_figure(const std::vector<ToleranceRow>& rows) {
  Curve forward{.name = "forward", .color = 6}, backsolve{.name = "Algorithm 2", .color = 1},
      discrete{.name = "discrete", .mark = Mark::kDashed, .color = 0};
  for (const ToleranceRow& row : rows) {
    for (Curve* curve : {&forward, &backsolve, &discrete}) curve->x.push_back(row.tolerance);
    forward.y.push_back(static_cast<double>(row.discrete.report.nfe_forward));
    backsolve.y.push_back(static_cast<double>(row.backsolve.report.nfe_backward));
    discrete.y.push_back(static_cast<double>(row.discrete.report.nfe_backward));
  }
  return {.title = "evaluations of the field, forward and backward",
          .x_label = "tolerance of the solver",
          .y_label = "evaluations (NFE)",
          .curves = {forward, backsolve, discrete},
          .x_scale = Scale::kLog,
          .y_scale = Scale::kLog,
          .width = 480};
}

Figure damping_figure(const std::vector<DampingRow>& rows) {
  Curve backsolve{.name = "Algorithm 2", .color = 1}, discrete{.name = "discrete", .color = 0};
  for (const DampingRow& row : rows) {
    for (Curve* curve : {&backsolve, &discrete}) curve->x.push_back(row.damping);
    backsolve.y.push_back(row.backsolve_error);
    discrete.y.push_back(row.discrete_error);
  }
  return {.title = "damped pendulum at tolerance 1e-6",
          .x_label = "damping (1/s)",
          .y_label = "largest relative error",
          .curves = {backsolve, discrete},
          .y_scale = Scale::kLog,
          .width = 480};
}

Figure memory_figure(const std::vector<MemoryRow>& rows) {
  Curve discrete{.name = "discrete", .color = 0}, budgeted{.name = "with budget", .mark = Mark::kDashed, .color = 2},
      backsolve{.name = "Algorithm 2", .color = 1};
  for (const MemoryRow& row : rows) {
    for (Curve* curve : {&discrete, &budgeted, &backsolve}) curve->x.push_back(row.steps);
    discrete.y.push_back(row.discrete / 1048576);
    budgeted.y.push_back(row.budgeted / 1048576);
    backsolve.y.push_back(row.backsolve / 1048576);
  }
  return {.title = "peak memory of a gradient (budget: 1 MiB)",
          .x_label = "rk4 steps",
          .y_label = "memory (MiB)",
          .curves = {discrete, budgeted, backsolve},
          .x_scale = Scale::kLog,
          .width = 480};
}

Section tables(const std::vector<ToleranceRow>& tolerances, const std::vector<DampingRow>& damping,
               const std::vector<MemoryRow>& memory) {
  Table first{.header = {"tolerance", "error, Algorithm 2", "error, discrete", "NFE forward",
                         "NFE backward, Algorithm 2", "NFE backward, discrete"},
              .rows = {},
              .caption = "dL/dz0, dL/dt0, dL/dt1 and dL/dtheta of a 2-16-2 net, all from one reverse solve."};
  for (const ToleranceRow& row : tolerances)
    first.rows.push_back({text::number(row.tolerance), text::number(row.backsolve_error),
                          text::number(row.discrete_error),
                          text::number(static_cast<double>(row.discrete.report.nfe_forward)),
                          text::number(static_cast<double>(row.backsolve.report.nfe_backward)),
                          text::number(static_cast<double>(row.discrete.report.nfe_backward))});
  Table second{.header = {"damping", "error, Algorithm 2", "error, discrete"},
               .rows = {},
               .caption =
                   "A damped pendulum forgets where it came from: solved backwards, its errors grow like "
                   "exp(damping · 2)."};
  for (const DampingRow& row : damping)
    second.rows.push_back(
        {text::number(row.damping), text::number(row.backsolve_error), text::number(row.discrete_error)});
  Table third{.header = {"steps", "discrete, MiB", "discrete with a budget of 1 MiB", "Algorithm 2, MiB"}, .rows = {}};
  for (const MemoryRow& row : memory)
    third.rows.push_back({text::number(row.steps), text::number(row.discrete / 1048576),
                          text::number(row.budgeted / 1048576), text::number(row.backsolve / 1048576)});
  return {"Numbers", {first, second, third}};
}

}  // namespace

Outcome algorithm2(const Request& request) {
  const Problem net = pendulum_net(request.seed);
  request.say("gradients against tolerance");
  const std::vector<ToleranceRow> tolerances = study_tolerances(net, request.quick);
  request.say("gradients against damping");
  const std::vector<DampingRow> damping = study_damping();
  request.say("memory against steps");
  const std::vector<MemoryRow> memory = study_memory(net, request.quick);

  double excess = 0, discrete_excess = 0;  // the worst errors in units of the tolerance; excess from 1e-4 on
  for (const ToleranceRow& row : tolerances) {
    if (&row != &tolerances.front()) excess = std::max(excess, row.backsolve_error / row.tolerance);
    discrete_excess = std::max(discrete_excess, row.discrete_error / row.tolerance);
  }
  return {
      .title = "Algorithm 2",
      .figure =
          Sheet({error_figure(tolerances), cost_figure(tolerances), damping_figure(damping), memory_figure(memory)}, 2),
      .caption =
          "One reverse solve gives dL/dz0, dL/dtheta, dL/dt0 and dL/dt1 to the solver's tolerance. It solves "
          "the state backwards, which a strongly damped system does not allow; the discrete adjoint goes "
          "back along the states that were there.",
      .sections = {tables(tolerances, damping, memory)},
      .metrics = {{.name = "error of Algorithm 2 over the tolerance, worst from 1e-4 on",
                   .value = excess,
                   .bound = Bound::kAtMost,
                   .limit = 10},
                  // A way back of four or five attempts, in which each one's error shows.
                  {.name = "error of Algorithm 2 over the tolerance at 1e-3",
                   .value = tolerances.front().backsolve_error / tolerances.front().tolerance,
                   .bound = Bound::kAtMost,
                   .limit = 20},
                  {.name = "error of the discrete adjoint over the tolerance, worst", .value = discrete_excess},
                  {.name = "error of Algorithm 2 at the tightest tolerance",
                   .value = tolerances.back().backsolve_error,
                   .bound = Bound::kAtMost,
                   .limit = request.quick ? 1e-7 : 1e-10},
                  {.name = "error of Algorithm 2 at damping 20: it fails",
                   .value = damping.back().backsolve_error,
                   .bound = Bound::kAtLeast,
                   .limit = 0.1},
                  {.name = "error of the discrete adjoint at damping 20",
                   .value = damping.back().discrete_error,
                   .bound = Bound::kAtMost,
                   .limit = 1e-4},
                  {.name = "memory of Algorithm 2 at the most steps (MiB)",
                   .value = memory.back().backsolve / 1048576,
                   .bound = Bound::kAtMost,
                   .limit = 3},
                  {.name = "memory of the discrete adjoint with a budget of 1 MiB (MiB)",
                   .value = memory.back().budgeted / 1048576,
                   .bound = Bound::kAtMost,
                   .limit = 3},
                  {.name = "memory of the discrete adjoint without (MiB)", .value = memory.back().discrete / 1048576}}};
}

}  // namespace costate::experiments
