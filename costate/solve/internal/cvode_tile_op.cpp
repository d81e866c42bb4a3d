#include "costate/solve/internal/cvode_tile_op.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "costate/solve/internal/failure_advice.h"

namespace costate::internal {
namespace {

bool are_in_order(const std::vector<double>& times) {
  const bool ascends = times.back() >= times.front();
  for (std::size_t i = 0; i < times.size(); ++i) {
    if (!std::isfinite(times[i])) return false;
    if (i > 0 && (ascends ? times[i] < times[i - 1] : times[i] > times[i - 1])) return false;
  }
  return true;
}

}  // namespace

template <class T>
void CvodeTileOp<T>::run(const TileOpRun<T>& run, T* out) const {
  CvodeSolver& solver = static_cast<State&>(*run.state).solver;
  const std::size_t lanes = context_.lanes, num_operands = context_.operand_shapes.size();
  const auto num_times = static_cast<std::size_t>(context_.operand_shapes[1].size());
  std::vector<double> states(num_times * problem_.state_size);
  for (std::size_t lane = 0; lane < run.num_samples; ++lane) {
    std::vector<std::vector<double>> arguments;
    for (std::size_t i = 2; i < num_operands; ++i) arguments.push_back(lane_of(run, context_, i, lane));
    const std::vector<double> z0 = lane_of(run, context_, 0, lane);
    const std::vector<double> times = known_times_.empty() ? lane_of(run, context_, 1, lane) : known_times_;
    LaneOutcome outcome{.status = Status::kInvalidTimes, .t = times.front()};
    if (are_in_order(times))
      outcome = solver.solve(z0, times, arguments, states.data());
    else
      std::ranges::fill(states, std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < states.size(); ++i) out[i * lanes + lane] = static_cast<T>(states[i]);
    if (run.report == nullptr) continue;
    run.report->nfe_forward += outcome.nfe;
    run.report->accepted += outcome.accepted;
    run.report->rejected += outcome.rejected;
    if (outcome.status != Status::kOk)
      run.report->failures.push_back(failure_of(run.first_sample + static_cast<std::int64_t>(lane), outcome,
                                                times.front(), problem_.options, false));
  }
}

template class CvodeTileOp<float>;
template class CvodeTileOp<double>;

std::vector<double> solve_one_by_cvode(const SolveExtension& extension, std::span<const std::vector<double>> operands) {
  const CvodeProblem problem(extension.field(), extension.options());
  CvodeSolver solver(problem);
  std::vector<double> states(operands[1].size() * problem.state_size);
  solver.solve(operands[0], operands[1], operands.subspan(2), states.data());
  return states;
}

}  // namespace costate::internal
