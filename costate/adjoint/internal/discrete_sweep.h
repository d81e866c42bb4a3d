// The discrete adjoint of a lane solve: its accepted steps taken back one by one, exact to rounding for the steps that
// were taken (step sizes count as given numbers). Per step of size h from (t, y), with the cotangent a of its end
// state:
//
//     k_i = f(t + c_i h, Y_i),  Y_i = y + h sum_j a_ij k_j     the frame that the solve kept, or the stages again
//     y1  = y + h sum_i b_i k_i           ->  ybar = a,   kbar_i = h b_i a
//     out = y + h sum_i b_i(theta) k_i    ->  ybar += w,  kbar_i += h b_i(theta) w      outputs and events within
//     i descending:  (Ybar_i, ...) = kbar_i . df(t_i, Y_i);  ybar += Ybar_i;  kbar_j += h a_ij Ybar_i
//
// A closing stage that is the next step's first is taken back once, with the cotangents of both. Lanes whose step was
// accepted in the same attempt step back side by side; the others wait with cotangent 0.
//
// Hairer, Norsett and Wanner II.6; Sanz-Serna 2016, "Symplectic Runge-Kutta schemes for adjoint equations".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/adjoint/internal/event_sweep.h"
#include "costate/adjoint/internal/field_vjp.h"
#include "costate/adjoint/internal/function_step_reverse.h"
#include "costate/adjoint/internal/gradients.h"
#include "costate/adjoint/internal/lender.h"
#include "costate/adjoint/internal/output_passes.h"
#include "costate/adjoint/internal/output_slopes.h"
#include "costate/adjoint/internal/step_replay.h"
#include "costate/solve/internal/dense_form.h"
#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/stragglers.h"

namespace costate::internal {

template <class T>
class DiscreteSweep : public AdjointSweep<T> {
 public:
  DiscreteSweep(const LaneProblem<T>& problem, const FieldVjp<T>& field);

  /// Takes back a solve that kept its records.
  std::int64_t run(const FinishedSolve<T>& solve, const T* cotangent, SolveGradients<T>& gradients) override;

 private:
  /// The sweep over steps of Stragglers.
  struct Narrow {
    explicit Narrow(const LaneProblem<T>& problem) : field(problem), sweep(problem, field) {}

    FieldVjp<T> field;
    DiscreteSweep sweep;
    SolveGradients<T> gradients;
    AlignedVector<T> cotangent;
  };

  void take_back_stragglers();
  bool start();
  std::optional<std::size_t> last_round() const;
  void load_steps(std::size_t round);
  void load_frame(std::size_t round);
  void evaluate_stages();
  void start_cotangents();
  const T* load_pass(const OutputPasses& passes);
  void add_end_outputs();
  void add_dense_outputs();
  void add_dense_output(const T* w);
  void add_dense_times(const T* w);
  void take_back_stages();
  void take_back_events();
  T* time_target(std::size_t lane);
  void take_back_stage(std::size_t stage, std::int64_t num_lanes);
  void take_back_first_stage();
  void add_to_times(std::size_t lane);
  T rate_at_end(std::size_t lane, std::size_t output) const;
  void add_rate_at_end(std::size_t lane, std::size_t output);
  void add_rates_at_start();
  void add_dot(const T* x, std::span<const double> weights);
  void add_to_slopes(const T* x, std::span<const double> weights);
  void add_own_arguments();
  void finish_step();
  void finish();

  // Steps by a Function (discrete_sweep_function_steps.cpp).
  void load_function_step();
  void start_function_step();
  T function_step_rate(std::size_t lane, std::size_t output, double theta) const;
  void add_function_step_rates_at_start(std::size_t lane);
  void take_back_function_step();

  TileCall<T> call(std::size_t stage);

  // What the dense output is made of: slopes, or increments of a function step (DenseForm).
  std::size_t num_vectors() const { return function_reverse_ ? dense_form_.size() : num_used_stages_; }
  Slopes<T> vectors() const;
  T* vector_cotangent(std::size_t j) {
    return function_reverse_ ? function_reverse_->dense_cotangent(j) : slope_cotangent(j);
  }

  T* slope_cotangent(std::size_t stage) { return slope_cotangents_.data() + stage * size_; }
  const LaneStep& step(std::size_t lane) const { return current_[lane]; }
  double time_of(std::size_t output, std::size_t lane) const { return solve_.inputs.times[output * lanes_ + lane]; }
  const T* output_cotangent(std::size_t output) const { return cotangent_ + output * problem_.state_size * lanes_; }
  std::size_t closing() const { return problem_.closing(); }
  /// Of an output at the end of its step: its time, whose gradient is asked for, moves it alone. (The last time moves
  /// the step.)
  bool moves_alone(std::size_t output) const {
    return field_.wants_times() && !problem_.is_fixed && output + 1 < problem_.num_times;
  }
  bool is_at_start(std::size_t output, std::size_t lane) const {
    return output == 0 || (!problem_.is_fixed && time_of(output, lane) == time_of(0, lane));
  }
  bool has_mass() const { return !problem_.options.mass_matrix.empty(); }
  /// No step follows the one to take back.
  bool is_last(std::size_t lane) const {
    return remaining_[lane] == solve_.solver->records()[lane].num_steps &&
           solve_.solver->next_output(lane) == problem_.num_times;
  }

  /// No step is before the one to take back.
  bool is_first_step(std::size_t lane) const { return remaining_[lane] == 1 && !solve_.solver->follows_step(lane); }

  const LaneProblem<T>& problem_;
  const FieldVjp<T>& field_;
  const std::size_t lanes_, padded_, size_;
  const DenseForm dense_form_;
  const bool carries_;  // each step's first slope is the closing one of the step before
  StepReplay<T> replay_;
  Lender<T> lender_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_;     // where the solve's own can't be used
  AlignedVector<T> own_frame_;  // of steps whose evaluations the solve has not kept
  StepFrame<T> frame_;          // of the round that is taken back
  AlignedVector<T> slope_cotangents_;
  AlignedVector<T> carried_;                           // cotangent of the first slope of each lane's following step
  AlignedVector<T> y_, y_cotangent_;                   // state before the step, and its cotangent so far (ybar)
  AlignedVector<T> state_cotangent_, time_cotangent_;  // of one stage: Ybar_i and that of t_i
  AlignedVector<T> gathered_;               // cotangents of a pass's outputs, which are different ones in each lane
  AlignedVector<T> ones_, dots_;            // [lanes], as all below; dots of cotangents and slopes
  AlignedVector<T> step_bars_, time_bars_;  // cotangents of the step's h and t
  AlignedVector<double> idle_times_;        // a valid time for lanes without a step in this round
  std::vector<double> first_stops_;         // where steps no longer shift with times[0]
  StageWalk<T> walk_;
  AlignedVector<T> mask_;
  OutputPasses dense_, ends_;                      // outputs within the steps of this round, and at their ends
  std::unique_ptr<EventSweep<T>> events_;          // null where the problem has none
  std::unique_ptr<OutputSlopes<T>> start_slopes_;  // null where no time's gradient asks for them
  bool is_event_pass_ = false;                     // the dense output that is taken back is that of events
  T unused_time_ = 0;
  AlignedVector<T> dense_weights_;  // [slope or increment, padded lanes]
  AlignedVector<double> theta_;     // [padded lanes]
  std::vector<AlignedVector<T>> argument_cotangents_;
  std::vector<const T*> input_pointers_;
  std::vector<T*> output_pointers_;
  FieldCotangents<T> cotangents_;
  std::vector<std::size_t> remaining_;  // steps of each lane that are still to be taken back
  std::vector<std::size_t> targets_;    // remaining_ of the lanes in this round, 0 elsewhere
  std::vector<char> active_;            // lanes with a step in this round
  std::vector<char> is_explicit_;       // of which this one is, of a method that switches
  std::int64_t num_active_ = 0;
  bool solve_is_linear_ = false;   // of just these gradients: its frames and shared values can be read
  std::vector<LaneStep> current_;  // the one to take back
  std::size_t num_used_stages_ = 0;
  std::int64_t evaluations_ = 0;
  FinishedSolve<T> solve_;
  const T* cotangent_ = nullptr;
  SolveGradients<T>* gradients_ = nullptr;
  std::unique_ptr<Narrow> narrow_;
  std::unique_ptr<FunctionStepReverse<T>> function_reverse_;  // of methods that step by a Function; else null
};

extern template class DiscreteSweep<float>;
extern template class DiscreteSweep<double>;

}  // namespace costate::internal
