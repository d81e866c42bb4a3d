// All adjoints side by side: error, time and memory of a gradient of a neural ODE, a stiff system and Lorenz's on a
// short horizon. Prints a Markdown table.
//
// The error is relative, of the whole gradient, against the discrete adjoint at 1e-11; that quadrature at 1e-11 agrees
// is checked before anything is timed. Times are of forward and gradient together on one thread, the least of rounds in
// which all adjoints take turns. Memory is what the peak of a process of its own rises by in its first run.
//
//     taskset -c 0 adjoints_bench [SECONDS]     of each problem, five by default
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "costate/base/error.h"
#include "costate/base/threads.h"
#include "costate/diff/diff.h"
#include "costate/exec/program.h"
#include "costate/solve/solve.h"
#include "tests/support/stiff_problems.h"

namespace costate {
namespace {

constexpr Adjoint kAdjoints[] = {Adjoint::kDiscrete, Adjoint::kInterpolating, Adjoint::kQuadrature, Adjoint::kBacksolve,
                                 Adjoint::kForward};
constexpr double kTight = 1e-11;

/// Numbers without a pattern, between -1 and 1.
HostArray numbers(const Shape& shape, double scale, int salt) {
  HostArray array(shape);
  for (std::int64_t i = 0; i < array.size(); ++i)
    array.set(i, scale * std::sin(1.7 * static_cast<double>(i * i) + 0.3 * static_cast<double>(i) + salt));
  return array;
}

struct Problem {
  std::string name;
  SolveOptions options;
  std::function<Function(const SolveOptions&)> loss;
  std::vector<HostArray> inputs;
  std::vector<Parameter> parameters;
  std::string left_out = {};  // an adjoint, and why
};

Problem neural_ode() {
  const std::vector<Parameter> weights = {{"w1", numbers({16, 2}, 0.8, 1)},
                                          {"b1", numbers({16}, 0.3, 2)},
                                          {"w2", numbers({2, 16}, 0.5, 3)},
                                          {"b2", numbers({2}, 0.1, 4)}};
  const auto loss = [=](const SolveOptions& options) {
    const VectorField field = vector_field(
        {2}, [=](Array, Array z) { return matmul(weights[2], tanh(matmul(weights[0], z) + weights[1])) + weights[3]; });
    return trace(
        [&](Array z0, Array seen) {
          return sum(square(solve(field, z0, constant(HostArray::linspace(0, 2, 10)), options) - seen));
        },
        {{"z0", {2}}, {"seen", {10, 2}}});
  };
  return {"neural ODE (2-16-2 tanh, 82 weights, 64 samples, 10 times)",
          {.method = Method::kDopri5, .rtol = 1e-6, .atol = 1e-8},
          loss,
          {numbers({64, 2}, 1, 5), numbers({64, 10, 2}, 1, 6)},
          weights};
}

/// 20 species of air pollution: the Bari test set (Mazzia and Magherini 2008). The parameters are factors of the rates.
Problem pollu() {
  const Parameter factors("factors", HostArray(Shape{25}, std::vector<double>(25, 1.0)));
  const auto loss = [=](const SolveOptions& options) {
    const VectorField field =
        vector_field({20}, [=](Array, Array y) { return stiff_set::pollu_slope(y, Array(factors)); });
    return trace(
        [&](Array z0) {
          return sum(square(solve(field, z0, constant(HostArray::vector({0, 60})), options)[1]));
        },
        {{"z0", {20}}});
  };
  constexpr std::int64_t kBatch = 16;
  HostArray start = stiff_set::starts(stiff_set::pollu(), kBatch);
  for (std::int64_t i = 0; i < start.size(); ++i)
    start.set(i, start.at(i) * (0.8 + 0.025 * static_cast<double>(i / 20)));
  return {"POLLU (20 species, 25 factors of rates, 16 samples)",
          {.method = Method::kRodas5p, .rtol = 1e-6, .atol = 1e-10},
          loss,
          {start},
          {factors},
          "forward: dense systems of 520 unknowns"};
}

Problem lorenz() {
  const Parameter rates("rates", HostArray::vector({10, 28, 8.0 / 3}));
  const auto loss = [=](const SolveOptions& options) {
    const VectorField field = vector_field({3}, [=](Array, Array y) {
      const Array r(rates);
      return stack({r[0] * (y[1] - y[0]), y[0] * (r[1] - y[2]) - y[1], y[0] * y[1] - r[2] * y[2]});
    });
    return trace(
        [&](Array z0) {
          return sum(square(solve(field, z0, constant(HostArray::vector({0, 1, 2})), options)));
        },
        {{"z0", {3}}});
  };
  HostArray start = numbers({256, 3}, 2, 7);
  for (std::int64_t b = 0; b < 256; ++b) start.set(3 * b + 2, 20 + start.at(3 * b + 2));
  return {"Lorenz to t = 2 (3 rates, 256 samples, 3 times)",
          {.method = Method::kDopri5, .rtol = 1e-6, .atol = 1e-8},
          loss,
          {start},
          {rates}};
}

/// A program of the gradient, with other options than the problem's.
Program gradient_of(const Problem& problem, Adjoint adjoint, bool is_tight) {
  SolveOptions options = problem.options;
  options.adjoint = adjoint;
  if (is_tight) {
    options.rtol = kTight;
    options.atol = kTight * problem.options.atol / problem.options.rtol;
  }
  return compile(value_and_grad(problem.loss(options), problem.parameters));
}

std::vector<double> run(const Program& program, const Problem& problem) {
  const RunResult result = program.run(problem.inputs);
  if (!result.report.failures.empty()) throw std::runtime_error("a sample failed: " + result.report.failures[0].reason);
  std::vector<double> gradient;
  for (std::size_t i = 1; i < result.outputs.size(); ++i)
    for (std::int64_t k = 0; k < result.outputs[i].size(); ++k) gradient.push_back(result.outputs[i].at(k));
  return gradient;
}

double distance(const std::vector<double>& x, const std::vector<double>& truth) {
  double off = 0, size = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    off += (x[i] - truth[i]) * (x[i] - truth[i]);
    size += truth[i] * truth[i];
  }
  return std::sqrt(off / size);
}

long status_kb(const std::string& key) {
  std::ifstream lines("/proc/self/status");
  for (std::string word; lines >> word;)
    if (long value = 0; word == key + ":" && lines >> value) return value;
  return 0;
}

/// MB by which the memory of a process of its own rises in its first run.
double risen_mb(const Problem& problem, Adjoint adjoint) {
  int ends[2];
  if (pipe(ends) != 0) return std::nan("");
  if (const pid_t child = fork(); child != 0) {
    long kb = 0;
    if (read(ends[0], &kb, sizeof kb) != sizeof kb) kb = -1;
    waitpid(child, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
    return static_cast<double>(kb) / 1024;
  }
  const Program program = gradient_of(problem, adjoint, false);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak is what is there now
  const long before = status_kb("VmRSS");
  run(program, problem);
  const long risen = status_kb("VmHWM") - before;
  std::_Exit(write(ends[1], &risen, sizeof risen) == sizeof risen ? 0 : 1);
}

struct Row {
  Adjoint adjoint;
  std::string refused;
  std::optional<Program> program = {};
  double error = 0, seconds = std::numeric_limits<double>::infinity(), mb = 0;
};

std::vector<Row> rows_of(const Problem& problem, double seconds) {
  std::vector<Row> rows;
  for (const Adjoint adjoint : kAdjoints) {
    Row& row = rows.emplace_back(Row{.adjoint = adjoint, .refused = ""});
    if (problem.left_out.starts_with(name(adjoint) + ":")) {
      row.refused = "left out" + problem.left_out.substr(name(adjoint).size());
      continue;
    }
    try {
      row.program = gradient_of(problem, adjoint, false);
      row.mb = risen_mb(problem, adjoint);
    } catch (const InvalidArgument&) {
      row.refused = "refused";
    }
  }
  const std::vector<double> truth = run(gradient_of(problem, Adjoint::kDiscrete, true), problem);
  const double apart = distance(run(gradient_of(problem, Adjoint::kQuadrature, true), problem), truth);
  if (!(apart < 1e-8)) throw std::runtime_error("two adjoints disagree where both are tight: " + std::to_string(apart));
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  for (Row& row : rows)
    if (row.program) row.error = distance(run(*row.program, problem), truth);
  for (const auto begin = Clock::now(); since(begin) < seconds;)
    for (Row& row : rows) {
      if (!row.program) continue;
      const auto start = Clock::now();
      run(*row.program, problem);
      row.seconds = std::min(row.seconds, since(start));
    }
  return rows;
}

void print(const Problem& problem, const std::vector<Row>& rows) {
  std::string name = problem.name + ", " + std::string(costate::name(problem.options.method));
  for (const Row& row : rows) {
    std::printf("| %s | `%s` |", name.c_str(), costate::name(row.adjoint).c_str());
    if (row.program)
      std::printf(" %.1e | %.3g | %.1f |\n", row.error, 1e3 * row.seconds, row.mb);
    else
      std::printf(" %s | | |\n", row.refused.c_str());
    name.clear();
  }
  std::fflush(stdout);
}

}  // namespace
}  // namespace costate

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 5;
  costate::set_num_threads(1);
  std::printf("| problem | adjoint | error | ms | MB |\n|---|---|---|---|---|\n");
  for (const auto& problem : {costate::neural_ode(), costate::pollu(), costate::lorenz()})
    costate::print(problem, costate::rows_of(problem, seconds));
}
