// The operation solve_adjoint where adjoint = "cvodes".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "costate/adjoint/internal/cvode_adjoint.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/solve_vjp.h"

namespace costate::internal {

/// The samples of a tile one after the other, each solved forward again.
template <class T>
class CvodeAdjointOp : public TileOp<T> {
 public:
  CvodeAdjointOp(const SolveAdjoint& adjoint, const TileOpContext& context);

  std::unique_ptr<TileOpState> make_state() const override { return std::make_unique<State>(problem_); }
  void run(const TileOpRun<T>& run, T* out) const override;

 private:
  struct State : GradientState<T> {
    explicit State(const CvodeProblem& problem) : adjoint(problem) {}
    CvodeAdjoint adjoint;
  };

  CvodeGradients gradients_of(const TileOpRun<T>& run, std::size_t lane, CvodeAdjoint& adjoint) const;

  TileOpContext context_;
  std::vector<double> known_times_;
  CvodeProblem problem_;
  std::vector<WantedArgument> wanted_;
};

/// The same for one sample.
OneSample one_by_cvodes(const SolveAdjoint& adjoint, std::span<const std::vector<double>> operands);

extern template class CvodeAdjointOp<float>;
extern template class CvodeAdjointOp<double>;

}  // namespace costate::internal
