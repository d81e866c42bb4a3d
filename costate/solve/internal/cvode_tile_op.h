// A traced solve by CVODE: the samples of a tile one after the other, in f64.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "costate/exec/tile_op.h"
#include "costate/solve/internal/cvode_solver.h"
#include "costate/solve/internal/solve_extension.h"

namespace costate::internal {

/// A lane of an operand [n, lanes], or what all share.
template <class T>
std::vector<double> lane_of(const TileOpRun<T>& run, const TileOpContext& context, std::size_t operand,
                            std::size_t lane) {
  const auto size = static_cast<std::size_t>(context.operand_shapes[operand].size());
  const bool is_shared = context.operand_is_shared[operand];
  std::vector<double> values(size);
  for (std::size_t i = 0; i < size; ++i)
    values[i] = static_cast<double>(run.operands[operand][is_shared ? i : i * context.lanes + lane]);
  return values;
}

template <class T>
class CvodeTileOp : public TileOp<T> {
 public:
  CvodeTileOp(const SolveExtension& extension, const TileOpContext& context)
      : context_(context), known_times_(extension.known_times()), problem_(extension.field(), extension.options()) {}

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<State>(problem_); }
  void run(const TileOpRun<T>& run, T* out) const override;

 private:
  struct State : TileOpState {
    explicit State(const CvodeProblem& problem) : solver(problem) {}
    CvodeSolver solver;
  };

  TileOpContext context_;
  std::vector<double> known_times_;
  CvodeProblem problem_;
};

/// Of one sample: states [time, state]. Operands are those of the solve.
std::vector<double> solve_one_by_cvode(const SolveExtension& extension, std::span<const std::vector<double>> operands);

extern template class CvodeTileOp<float>;
extern template class CvodeTileOp<double>;

}  // namespace costate::internal
