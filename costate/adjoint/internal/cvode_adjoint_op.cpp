#include "costate/adjoint/internal/cvode_adjoint_op.h"

#include <algorithm>
#include <cmath>

#include "costate/solve/internal/cvode_tile_op.h"

namespace costate::internal {
namespace {

/// A solve that failed has NaN states, the last one among them, and counts nothing.
void drop_if_failed(const std::vector<double>& states, std::vector<double>& cotangent) {
  if (!std::isfinite(states.back())) std::ranges::fill(cotangent, 0.0);
}

}  // namespace

template <class T>
CvodeAdjointOp<T>::CvodeAdjointOp(const SolveAdjoint& adjoint, const TileOpContext& context)
    : context_(context),
      known_times_(adjoint.solve().known_times()),
      problem_(adjoint.solve().field(), adjoint.solve().options(), adjoint.wanted()) {
  const auto& inputs = problem_.field.function().inputs();
  for (const std::size_t i : problem_.wanted) {
    const Input& input = inputs[1 + problem_.field.parts().size() + i];
    wanted_.push_back(
        {.size = static_cast<std::size_t>(input.shape.size()), .is_shared = input.kind == InputKind::kShared});
  }
}

template <class T>
void CvodeAdjointOp<T>::run(const TileOpRun<T>& run, T* out) const {
  auto& state = static_cast<State&>(*run.state);
  const std::size_t lanes = context_.lanes;
  auto& sums = state.gradients.arguments;
  sums.resize(wanted_.size());
  for (std::size_t i = 0; i < wanted_.size(); ++i) sums[i].assign(wanted_[i].is_shared ? wanted_[i].size : 0, T{0});
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const bool is_there = lane < run.num_samples;
    const CvodeGradients found = is_there ? gradients_of(run, lane, state.adjoint) : CvodeGradients{};
    if (run.report != nullptr) run.report->nfe_backward += found.nfe;
    T* next = out + lane;
    const auto write = [&](const std::vector<double>& numbers, std::size_t size) {
      for (std::size_t i = 0; i < size; ++i, next += lanes) *next = is_there ? static_cast<T>(numbers[i]) : T{0};
    };
    write(found.z0, problem_.state_size);
    const auto num_times = static_cast<std::size_t>(context_.operand_shapes[3].size());
    write(std::vector<double>(num_times), num_times);
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      if (!wanted_[i].is_shared) write(is_there ? found.arguments[i] : std::vector<double>{}, wanted_[i].size);
      for (std::size_t k = 0; wanted_[i].is_shared && is_there && k < sums[i].size(); ++k)
        sums[i][k] += static_cast<T>(found.arguments[i][k]);
    }
  }
}

template <class T>
CvodeGradients CvodeAdjointOp<T>::gradients_of(const TileOpRun<T>& run, std::size_t lane, CvodeAdjoint& adjoint) const {
  std::vector<std::vector<double>> arguments;
  for (std::size_t i = 4; i < context_.operand_shapes.size(); ++i) arguments.push_back(lane_of(run, context_, i, lane));
  std::vector<double> cotangent = lane_of(run, context_, 1, lane);
  const std::vector<double> times = known_times_.empty() ? lane_of(run, context_, 3, lane) : known_times_;
  drop_if_failed(lane_of(run, context_, 0, lane), cotangent);
  return adjoint.run(lane_of(run, context_, 2, lane), times, arguments, cotangent);
}

OneSample one_by_cvodes(const SolveAdjoint& adjoint, std::span<const std::vector<double>> operands) {
  const CvodeProblem problem(adjoint.solve().field(), adjoint.solve().options(), adjoint.wanted());
  std::vector<double> cotangent = operands[1];
  drop_if_failed(operands[0], cotangent);
  const CvodeGradients found = CvodeAdjoint(problem).run(operands[2], operands[3], operands.subspan(4), cotangent);
  const auto& inputs = problem.field.function().inputs();
  OneSample one{.result = found.z0, .sums = found.arguments};
  one.result.resize(one.result.size() + operands[3].size());
  for (std::size_t i = 0; i < problem.wanted.size(); ++i)
    if (inputs[1 + problem.field.parts().size() + problem.wanted[i]].kind == InputKind::kSample)
      one.result.insert(one.result.end(), found.arguments[i].begin(), found.arguments[i].end());
  return one;
}

template class CvodeAdjointOp<float>;
template class CvodeAdjointOp<double>;

}  // namespace costate::internal
