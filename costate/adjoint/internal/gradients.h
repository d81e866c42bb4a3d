// What every adjoint of a lane solve is given and gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

/// A solve that was just run.
template <class T>
struct FinishedSolve {
  const LaneSolver<T>* solver = nullptr;
  LaneInputs<T> inputs;
  const T* states = nullptr;              // [time, state, lanes]
  const DenseRecord<T>* dense = nullptr;  // of its steps, for adjoints that read it (reads_dense)
};

/// Gradients of a lane solve. A sample whose solve failed has zeros.
template <class T>
struct SolveGradients {
  AlignedVector<T> z0;                      // [state, lanes]
  AlignedVector<T> times;                   // [time, lanes]
  std::vector<AlignedVector<T>> arguments;  // one a wanted argument: [n, lanes], or [n] summed where shared

  /// Sizes all for a problem and sets them to 0.
  void clear(const LaneProblem<T>& problem, const std::vector<WantedArgument>& wanted);
  /// What a solve that failed on the way makes unknown, NaN: all gradients of its sample, and every sum over the
  /// samples.
  void lose(std::size_t lane, std::size_t lanes, const std::vector<WantedArgument>& wanted);
};

/// What a thread keeps of a reverse solve, of which sums over samples are read.
template <class T>
struct GradientState : TileOpState {
  SolveGradients<T> gradients;
};

/// A forward and a reverse solve of one sample: operands of solve_adjoint in, its result and the kept sums out.
struct OneSample {
  std::vector<double> result;
  std::vector<std::vector<double>> sums;  // one a wanted argument
};

/// A thread's way from the cotangents of a solve's result to those of its operands.
template <class T>
class AdjointSweep {
 public:
  virtual ~AdjointSweep() = default;

  /// `cotangent` [time, state, lanes] is of the solve's states, with that of its events behind (EventField::tail_size),
  /// and finite in all lanes. Returns the number of evaluations, of the field and of its vjp, over all samples.
  virtual std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) = 0;
};

/// Where a vjp of the field writes the cotangent of each wanted argument: shared ones straight into the gradients,
/// which add up, those of samples into `own`, of the caller.
template <class T>
std::vector<T*> argument_targets(const std::vector<WantedArgument>& wanted, SolveGradients<T>& gradients,
                                 std::vector<AlignedVector<T>>& own) {
  std::vector<T*> targets;
  for (std::size_t i = 0; i < wanted.size(); ++i)
    targets.push_back(wanted[i].is_shared ? gradients.arguments[i].data() : own[i].data());
  return targets;
}

extern template struct SolveGradients<float>;
extern template struct SolveGradients<double>;

}  // namespace costate::internal
