// The continuous adjoint, solved backwards together with the state: Algorithm 2 of Chen et al. 2018 (arXiv:1806.07366,
// appendix C). Between two output times, from the later to the earlier,
//
//     z' = f(t, z, x),   a' = -a^T df/dz,   g' = -a^T df/dx.
//
// At each output time a jumps by the output's cotangent w_i, and z starts again from the forward solution. Cotangents g
// of a sample's own arguments are solved together with z and a. Those of what all samples share are integrals along the
// steps that z and a take, by the method's own weights (Kidger, Chen and Lyons 2021, "Hey, that's not an ODE", leave
// them out of the error norm for the same reason: nothing depends on them).
//
//     dL/dt_i = w_i · f(t_i, z_i) for i > 0,   dL/dt_0 = -a(t_0) · f(t_0, z_0) with a before its last jump.
//
// Memory does not grow with the number of steps; accuracy is that of the tolerances.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/solve/internal/stage_walk.h"

namespace costate::internal {

template <class T>
class Backsolve : private StepListener {
 public:
  Backsolve(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// As DiscreteSweep::run, from the states of the solve alone. A sample whose reverse solve fails makes its own
  /// gradients and the shared sums NaN.
  std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients);

 private:
  bool start();
  void visit_output(std::size_t output);
  double time_of_slope(std::size_t output, std::size_t lane) const;
  void solve_interval(std::size_t output);
  void stepped() override;
  void load_steps();
  void load_stage(std::size_t stage);
  void integrate_stage(std::size_t stage);
  void add_time_gradient(std::size_t output, const T* x, T sign);
  void finish();
  void lose(std::size_t lane);

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, num_state_;  // num_state_ = state * lanes
  LaneProblem<T> augmented_;
  LaneSolver<T> solver_;
  Lender<T> lender_;
  FieldEvaluator<T> slopes_of_field_;
  TileWorkspace<T> vjp_workspace_;
  AlignedVector<T> augmented_shared_, vjp_shared_, vjp_saved_;
  AlignedVector<T> start_;              // (z, a, g_1, …) [augmented state, lanes] where the next interval begins
  AlignedVector<T> states_;             // of an interval: its start and its end
  AlignedVector<T> slope_, times_;      // f at an output; what the field reads of its time, or of a stage's
  AlignedVector<double> output_times_;  // [lanes]
  StageWalk<T> walk_;
  AlignedVector<T> mask_, weights_, stage_, slopes_;  // of a step along the shared integral
  std::vector<AlignedVector<T>> argument_cotangents_;
  std::vector<double> interval_;  // [2, lanes]: the later output time, then the earlier one
  std::vector<char> failed_;      // lanes whose reverse solve ended early
  std::vector<const T*> input_pointers_;
  std::vector<T*> output_pointers_;
  FieldCotangents<T> cotangents_;
  std::int64_t evaluations_ = 0;
  bool has_shared_ = false;
  LaneInputs<T> interval_inputs_;
  FinishedSolve<T> solve_;
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
};

extern template class Backsolve<float>;
extern template class Backsolve<double>;

}  // namespace costate::internal
