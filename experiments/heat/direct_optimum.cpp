#include "experiments/heat/direct_optimum.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

namespace costate::experiments {
namespace {

/// The matrix [m, n] of a linear map of [n] to [m] numbers: a column for each unit vector, all in one batch.
HostArray matrix_of(std::int64_t n, const std::function<Array(Array)>& linear) {
  const HostArray columns =
      compile(trace([&](Array u) { return linear(u); }, {{"u", {n}}})).run({identity_matrix(n)}).outputs[0];
  const std::int64_t m = columns.size() / n;
  HostArray matrix(Shape{m, n});
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) matrix.set({i, j}, columns.at(j * m + i));
  return matrix;
}

/// Readings [times * sensors, size] of the fields that are 1 at one point each, by powers of e^(dt A).
Array reading_matrix(const HeatProblem& problem, double diffusion) {
  const std::int64_t n = problem.size();
  const HostArray rate = matrix_of(n, [&](Array u) { return heat_rate(problem, u, constant(diffusion)); });
  HeatProblem one = problem;  // with one time, readings are a map of the state there
  one.num_times = 1;
  const HostArray reading = matrix_of(n, [&](Array u) {
    return heat_readings(one, concat({zeros({1, n}), reshape(u, {1, n})}));
  });
  const double dt = problem.end / static_cast<double>(problem.num_times);
  const Array step = expm_multiply(constant(rate), constant(identity_matrix(n)), dt);
  Array rows = constant(reading);  // [sensors, size]
  std::vector<Array> all;
  for (std::int64_t time = 0; time < problem.num_times; ++time) {
    rows = matmul(rows, step);
    all.push_back(rows);
  }
  return concat(all);
}

struct BestField {
  std::vector<double> field;
  double objective = 0;
};

BestField best_field(const HeatProblem& problem, const HostArray& measured, double diffusion) {
  const std::int64_t n = problem.size();
  const HostArray prior = matrix_of(n, [&](Array weights) {
    return prior_field(problem, reshape(weights, {problem.side(), problem.side()}));
  });
  const Function solved = trace(
      [&](Array data) {
        const Array of_weights = constant(prior);
        const Array system = matmul(reading_matrix(problem, diffusion), of_weights) / problem.noise;
        const Array scaled = reshape(data, {data.shape().size()}) / problem.noise;
        const Array weights = linear_solve(matmul(transpose(system), system) + constant(identity_matrix(n)),
                                           matmul(transpose(system), scaled));
        const Array objective = 0.5 * sum(square(matmul(system, weights) - scaled)) + 0.5 * sum(square(weights));
        return std::vector<Array>{matmul(of_weights, weights), objective};
      },
      {{"data", measured.shape()}});
  const RunResult found = compile(solved).run({measured.reshape(measured.shape().with_first(1))});
  const double surprise = std::log(diffusion / problem.prior_diffusion) / problem.prior_spread;
  return {found.outputs[0].numbers(), found.outputs[1].at(0) + 0.5 * surprise * surprise};
}

}  // namespace

std::vector<double> exponential_readings(const HeatProblem& problem, const std::vector<double>& start,
                                         double diffusion) {
  const Function readings =
      trace([&](Array u) { return matmul(reading_matrix(problem, diffusion), u); }, {{"u", {problem.size()}}});
  return compile(readings).run({HostArray(Shape{1, problem.size()}, start)}).outputs[0].numbers();
}

DirectOptimum direct_optimum(const HeatProblem& problem, const HostArray& measured) {
  check_problem(problem);
  // Parabolas through three logarithms, each around the bottom of the last.
  double middle = std::log(problem.prior_diffusion), width = 0.5;
  const auto objective = [&](double logarithm) { return best_field(problem, measured, std::exp(logarithm)).objective; };
  for (int round = 0; round < 5; ++round, width *= 0.3) {
    const double left = objective(middle - width), here = objective(middle), right = objective(middle + width);
    const double curvature = left - 2 * here + right;
    const double move = curvature > 0 ? 0.5 * (left - right) / curvature : (left < right ? -1.0 : 1.0);
    middle += width * std::clamp(move, -1.5, 1.5);
  }
  const BestField best = best_field(problem, measured, std::exp(middle));
  return {best.field, std::exp(middle), best.objective};
}

}  // namespace costate::experiments
