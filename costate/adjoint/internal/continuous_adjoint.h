// The continuous adjoint: the adjoint equation, solved from the last output to the first. Between two outputs, from the
// later to the earlier,
//
//     a' = -a^T df/dz(t, z),   g' = -a^T df/dx(t, z)
//
// where a jumps by an output's cotangent w_i and by what events do to it (event_sweep.h), and g are the cotangents of
// the field's arguments x.
//
//     backsolve      z is solved backwards, too, z' = f, and starts again from the forward solution at each output:
//                    Algorithm 2 of Chen et al. 2018 (arXiv:1806.07366, appendix C). Memory does not grow with the
//                    steps.
//     interpolating  z is the forward solve's dense output (Trajectory).
//     quadrature     z likewise; a alone is solved, and all of g is the integral of what its dense output and z make
//                    (CotangentIntegral). Rackauckas et al. 2018 (arXiv:1812.01892) compare the three.
//
// By the first two, cotangents g of a sample's own arguments are solved together with a. Those of what all samples
// share are integrals along the steps that a takes, by the method's own weights (Kidger, Chen and Lyons 2021, "Hey,
// that's not an ODE", leave them out of the error norm for the same reason: nothing depends on them); of implicit
// methods, whose stages are within their steps, by CotangentIntegral.
//
//     dL/dt_i = w_i · f(t_i, z_i) for i > 0,   dL/dt_0 = -a(t_0) · f(t_0, z_0) with a before its last jump.
//
// Accuracy is that of the tolerances.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "costate/adjoint/internal/adjoint_stations.h"
#include "costate/adjoint/internal/cotangent_integral.h"
#include "costate/adjoint/internal/event_sweep.h"
#include "costate/adjoint/internal/field_pullback.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/adjoint/internal/output_slopes.h"
#include "costate/adjoint/internal/trajectory.h"
#include "costate/solve/internal/stage_walk.h"

namespace costate::internal {

template <class T>
class ContinuousAdjoint : public AdjointSweep<T>, private StepListener {
 public:
  /// `options` are those of the solve; the problem's own are of an explicit method, by which nothing is solved.
  ContinuousAdjoint(const LaneProblem<T>& problem, const FieldVjp<T>& field, const SolveOptions& options);

  /// A sample whose reverse solve fails makes its own gradients and the shared sums NaN.
  std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) override;

 private:
  using Side = typename OutputSlopes<T>::Side;

  bool start();
  void visit_stations();
  void add_time_gradients(const T* slope, const T* a);
  void visit_events(T* a);
  void solve_interval();
  void integrate_interval();
  void stepped() override;
  void load_steps();
  void load_stage(std::size_t stage);
  void finish();

  const LaneEventList<T>& event_list(std::size_t lane) const { return solve_.solver->events()->list(lane); }
  bool reads_trajectory() const { return trajectory_ != nullptr; }
  /// Where a begins in the state of the reverse solve.
  std::size_t adjoint_offset() const { return reads_trajectory() ? 0 : num_state_; }

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, num_state_;             // num_state_ = state * lanes
  std::shared_ptr<DenseTrajectory<T>> trajectory_;  // null by backsolve
  LaneProblem<T> augmented_;
  LaneSolver<T> solver_;
  Lender<T> lender_;
  OutputSlopes<T> slopes_;
  FieldPullback<T> pullback_;
  typename FieldPullback<T>::Sums sums_;
  AlignedVector<T> augmented_shared_;
  AdjointStations<T> stations_;
  std::unique_ptr<EventSweep<T>> events_;      // null where the solve has none
  AlignedVector<T> z_, jump_, rates_, after_;  // [state, lanes] at the stations: z, w, f; z after an event
  AlignedVector<T> start_;   // ((z,) a, g_1, …) [augmented state, lanes] where the next interval begins
  AlignedVector<T> states_;  // of an interval: its start and its end
  StageWalk<T> walk_;
  StageTimes<T> stage_field_times_;                            // what the field itself reads of a stage's time
  AlignedVector<T> mask_, weights_, stage_, stage_z_, times_;  // of a step along the shared integral
  AlignedVector<double> stage_times_;                          // [lanes]
  std::vector<double> interval_;         // [2, lanes]: the later output time, then the earlier one
  std::vector<char> failed_;             // lanes whose reverse solve ended early
  std::vector<char> counts_;             // lanes that are solved for
  std::optional<DenseRecord<T>> steps_;  // of the reverse solve, where an integral reads it
  std::unique_ptr<CotangentIntegral<T>> integral_;
  DenseTrajectory<T> adjoint_;
  std::int64_t evaluations_ = 0;
  bool sums_at_stages_ = false;
  bool solves_own_ = true;  // the cotangents of arguments of samples are part of the state
  LaneInputs<T> interval_inputs_;
  FinishedSolve<T> solve_;
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
};

extern template class ContinuousAdjoint<float>;
extern template class ContinuousAdjoint<double>;

}  // namespace costate::internal
