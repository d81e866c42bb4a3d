// The discrete adjoint of a lane solve: its accepted steps taken back one by one, exact to rounding for the steps that
// were taken (step sizes count as given numbers). Per step of size h from (t, y), with the cotangent a of its end
// state:
//
//     k_i = f(t + c_i h, Y_i),  Y_i = y + h sum_j a_ij k_j                    the stages again, each kept for its
//     reverse y1  = y + h sum_i b_i k_i                      ->  ybar = a,  kbar_i = h b_i a out = y + h sum_i
//     b_i(theta) k_i               ->  ybar += w, kbar_i += h b_i(theta) w     dense outputs in the step i descending:
//     (Ybar_i, …) = kbar_i · df(t_i, Y_i);  ybar += Ybar_i;  kbar_j += h a_ij Ybar_i
//
// (Hairer, Norsett and Wanner II.6; Sanz-Serna 2016, "Symplectic Runge-Kutta schemes for adjoint equations".) Lanes
// step back side by side, each through its own steps; one that is done waits at its start with cotangent 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "costate/adjoint/internal/field_vjp.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/adjoint/internal/step_replay.h"
#include "costate/solve/internal/lane_solver.h"

namespace costate::internal {

template <class T>
class DiscreteSweep {
 public:
  DiscreteSweep(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// Takes back a solve that kept its records. `cotangent` [time, state, lanes] is of its states, and
  /// finite in all lanes. Returns the number of
  /// evaluations of the field and of its vjp, over all samples.
  std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients);

 private:
  bool start();
  bool load_steps();
  void evaluate_stages();
  void start_cotangents();
  void add_dense_outputs();
  void add_dense_output(std::size_t output);
  void add_dense_times(std::size_t output);
  void take_back_stage(std::size_t stage);
  void add_to_times(std::size_t lane);
  void add_dot(const T* x, std::span<const double> weights);
  void add_to_slopes(const T* x, std::span<const double> weights);
  void finish_step();
  void finish();
  TileCall<T> call(std::size_t stage);

  T* slope(std::size_t stage) { return slopes_.data() + stage * size_; }
  T* slope_cotangent(std::size_t stage) { return slope_cotangents_.data() + stage * size_; }
  T* stage_state(std::size_t stage) { return stage_states_.data() + stage * size_; }
  T* stage_times(std::size_t stage) { return stage_times_.data() + stage * lanes_; }
  T* saved(std::size_t stage) { return saved_.data() + stage * saved_size_; }
  const LaneStep& step(std::size_t lane) const { return current_[lane]; }
  double time_of(std::size_t output, std::size_t lane) const { return solve_.inputs.times[output * lanes_ + lane]; }
  const T* output_cotangent(std::size_t output) const { return cotangent_ + output * problem_.state_size * lanes_; }
  std::size_t closing() const { return static_cast<std::size_t>(problem_.tableau->num_stages - 1); }

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, padded_, size_, saved_size_;
  StepReplay<T> replay_;
  Lender<T> lender_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_, saved_, slopes_, slope_cotangents_, stage_states_, stage_times_;
  AlignedVector<T> y_, y_cotangent_, state_cotangent_, time_cotangent_, steps_, scaled_steps_, step_bars_, time_bars_,
      idle_times_, mask_;
  AlignedVector<T> dense_weights_;  // [stage, padded lanes]
  AlignedVector<double> theta_;     // [padded lanes]
  std::vector<AlignedVector<T>> argument_cotangents_;
  std::vector<const T*> input_pointers_;
  std::vector<T*> output_pointers_;
  FieldCotangents<T> cotangents_;
  std::vector<std::size_t> remaining_;
  std::vector<LaneStep> current_;  // the one to take back
  std::size_t num_used_stages_ = 0;
  std::int64_t evaluations_ = 0;
  FinishedSolve<T> solve_;
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
};

extern template class DiscreteSweep<float>;
extern template class DiscreteSweep<double>;

}  // namespace costate::internal
