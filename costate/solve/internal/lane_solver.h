// The solver of a tile: `lanes` samples side by side, each with its own time, step and controller. Its arithmetic for a
// sample is that of reference_solve, so a sample's bits do not depend on its neighbours.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/solve/internal/dense_record.h"
#include "costate/solve/internal/function_stepper.h"
#include "costate/solve/internal/lane_clock.h"
#include "costate/solve/internal/lane_dense.h"
#include "costate/solve/internal/lane_errors.h"
#include "costate/solve/internal/lane_events.h"
#include "costate/solve/internal/lane_guard.h"
#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/lane_record.h"
#include "costate/solve/internal/lane_switch.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/step_frames.h"

namespace costate::internal {

/// Whether column `lane` of y [rows, lanes] has neither an infinity nor a NaN.
template <class T>
bool lane_is_finite(const T* y, std::size_t lane, std::size_t lanes, std::size_t rows) {
  for (std::size_t row = 0; row < rows; ++row)
    if (!std::isfinite(y[row * lanes + lane])) return false;
  return true;
}

/// How one lane ended: the time that it reached, the step that it tried last, and what it took.
struct LaneOutcome {
  Status status = Status::kOk;
  double t = 0;
  double h = 0;
  std::int64_t nfe = 0;
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
  std::int64_t implicit = 0;                // of the accepted ones
  double next_step = 0;                     // of a solve that got to its end, as the next
  double previous_log = 0, before_log = 0;  // ControlState
};

/// The samples of a host solve that wait for a lane.
class LaneQueue {
 public:
  virtual ~LaneQueue() = default;
  /// A lane is done: its outcome and its column of the states are there.
  virtual void finished(std::size_t lane) = 0;
  /// Puts the next sample into the lane's columns of z0, times and arguments; false if there is none.
  virtual bool load(std::size_t lane) = 0;
};

/// Hears of a solve's steps.
class StepListener {
 public:
  virtual ~StepListener() = default;
  /// Steps of some lanes were accepted: LaneSolver's is_accepted() and what follows it tell of them until this returns.
  virtual void stepped() {}
  /// The lanes' next attempts are planned; they were made and judged. is_attempted(), is_accepted() and what follows
  /// them tell of them until this returns.
  virtual void planned() {}
  virtual void judged() {}
};

template <class T>
class Stragglers;

/// A thread's solver. solve() may be called again and again; warm calls allocate nothing.
template <class T>
class LaneSolver {
 public:
  explicit LaneSolver(const LaneProblem<T>& problem);
  ~LaneSolver();

  /// Solves one sample in each lane. Fills states [time, state, lanes], with NaN from where a sample failed; keeps
  /// records and frames if wanted, tells a listener of each step, and records their dense output, which is for adaptive
  /// ones. A problem with Stragglers (LaneProblem::narrow) takes neither: they would not hear of theirs.
  void solve(const LaneInputs<T>& inputs, bool keep_records, T* states, StepListener* listener = nullptr,
             DenseRecord<T>* dense = nullptr);

  /// Solves all samples of the queue; a lane that is done takes the next one. Keeps no records. `inputs` are the
  /// columns that the queue fills; rows[lane] is where the states [time, state] of its sample go, which are valid when
  /// the queue hears of its end, and so is `dense`, if the dense output of its adaptive steps is wanted.
  void solve_queue(const LaneInputs<T>& inputs, LaneQueue& queue, std::span<T* const> rows,
                   DenseRecord<T>* dense = nullptr, StepListener* listener = nullptr);

  /// Goes on where `wide` is between two steps: lane i with lane columns[i] of that. Lanes beyond the inputs' samples
  /// are padding. Fills the outputs to come.
  void take_over(const LaneSolver& wide, std::span<const std::uint32_t> columns, const LaneInputs<T>& inputs,
                 T* states);

  const LaneProblem<T>& problem() const { return problem_; }
  const T* y() const { return y_.data(); }
  const std::vector<LaneOutcome>& outcomes() const { return outcomes_; }
  const std::vector<LaneRecord<T>>& records() const { return records_; }
  /// A step of the records. The outputs of an adaptive step end before `outputs_end`, with which the next step's begin
  /// (num_times after the last); the default is for callers that read no outputs.
  LaneStep step(std::size_t lane, std::size_t index, std::int32_t outputs_end = 1) const;
  /// Steps that were accepted in the same attempt have the same round; rounds ascend along a lane.
  std::size_t round_of(std::size_t lane, std::size_t index) const {
    return problem_.is_fixed ? index : records_[lane].rounds[index];
  }
  /// The first stop of a lane's solve after t; the last of its times if there is none before.
  double first_stop(std::size_t lane, double t) const {
    return stops_.next(lane, t, time_of(problem_.num_times - 1, lane));
  }
  /// The events of the lanes; null where the problem has none.
  const LaneEvents<T>* events() const { return events_.get(); }
  /// Which steps the lanes took; null but of a method that switches.
  const LaneSwitch* switches() const { return switch_.get(); }
  /// The time itself, or where it is a stop its later (direction 1) or earlier side (-1).
  double side_of(std::size_t lane, double t, double direction) const {
    return has_stops_ ? stops_.side(lane, t, direction) : t;
  }
  /// The evaluations of the first rounds, one frame a round.
  const StepFrames<T>& frames() const { return frames_; }

  /// For a StepListener: whether the lane's step was accepted, its times, and the states [state, lanes] at a stage.
  bool is_accepted(std::size_t lane) const { return clock_.accepted[lane] != 0; }
  bool is_attempted(std::size_t lane) const { return clock_.is_active[lane] != 0; }
  double error_of_attempt(std::size_t lane) const { return problem_.is_fixed ? 0 : clock_.error[lane]; }
  /// Where a lane that got to its end was evaluated there, its slope: column `lane` of [state, lanes].
  bool knows_last_slope(std::size_t lane) const { return !stepper_ && clock_.knows_first[lane] != 0; }
  const T* last_slopes() const { return slope(0); }
  StepTimes times_of_step(std::size_t lane) const {
    return {.t = clock_.t[lane], .h = clock_.h[lane], .first = first_times()[lane], .last = last_times()[lane]};
  }
  void write_state(std::size_t stage, T* out) const;

  /// Who took over the last lanes of the last solve; null if nobody did.
  const Stragglers<T>* stragglers() const { return num_handed_over_ > 0 ? stragglers_.get() : nullptr; }
  bool took_over() const { return took_over_; }
  /// The lane's first step here follows one of the solver that it was taken over from.
  bool follows_step(std::size_t lane) const { return outputs_[lane].follows_step; }
  /// The output that comes after the lane's last step here; num_times once all are there.
  std::size_t next_output(std::size_t lane) const { return static_cast<std::size_t>(next_[lane]); }

 private:
  /// What most steps leave as it is, and so apart from LaneClock.
  struct LaneOutputs {
    std::int32_t step_in_interval = 0, steps_in_interval = 0;  // of fixed steps: taken, and in all
    bool is_fresh = false;                                     // begins a sample, its first step not yet chosen
    bool has_step = false;                                     // which another solve has left
    bool follows_step = false;                                 // taken over after at least one step
  };

  // A solve, and its last lanes (stragglers.h).
  void start(const LaneInputs<T>& inputs, bool keep_records);
  void step_to_the_end(T* states);
  void hand_over(T* states);

  // Beginning and ending a sample.
  void refill(LaneQueue& queue, std::vector<char>& holds_sample);
  void begin(std::size_t lane, bool is_finite, T* states);
  void take_up(std::size_t lane);
  void end_at_start(std::size_t lane);
  bool has_valid_times(std::size_t lane);
  std::optional<double> misplaced_time(std::size_t lane) const;
  std::optional<double> coarse_time(std::size_t lane) const;
  void end_lane(std::size_t lane, Status status);
  void report(std::size_t lane);

  // Stops (lane_solver_stops.cpp).
  void start_at_stops();
  void find_sides();
  void limit_steps();
  void pass_stops();
  bool ends_at_stop(std::size_t lane) const {
    return is_cut(lane) || (has_stops_ && clock_.last_time[lane] != clock_.t_next[lane]);
  }
  double direction(std::size_t lane) const { return clock_.end[lane] >= clock_.t[lane] ? 1 : -1; }
  const double* first_times() const { return has_stops_ ? clock_.first_time.data() : clock_.t.data(); }
  const double* last_times() const { return has_stops_ ? clock_.last_time.data() : clock_.t_next.data(); }

  // Events (lane_solver_events.cpp).
  void find_events(Judgement& judgement);
  void refuse_step(std::size_t lane);
  void end_at_events();
  /// The step just accepted ends at an event.
  bool is_cut(std::size_t lane) const { return events_ != nullptr && events_->cuts(lane); }

  // The first step (lane_solver_first_step.cpp).
  void find_first_steps();
  void choose_first_steps();

  // An attempt of all lanes: plan, evaluate, judge.
  bool plan_steps();
  void plan_fixed(std::size_t lane);
  void attempt();
  void judge(T* states);
  Judgement judge_errors();
  void refuse_negative();
  double halving_error() const;
  void end_at_shortest();
  void add_up_zeros(const T* y);
  Judgement accept_fixed();
  void join(T* norms) const;
  double evaluations_of_attempt() const;
  void carry_over();
  void select_first(const StepFrame<T>& x, std::size_t stage, const StepFrame<T>& y, const StepFrame<T>& out);
  void keep_records();
  void keep_record(std::size_t lane);

  // A step by a Function (lane_solver_function_steps.cpp).
  void attempt_by_function();
  void judge_function_step();
  void end_without_convergence();
  void note_stiffness();

  // Evaluations of the field at the stages.
  void evaluate(std::size_t stage) {
    field_.run(frame_.times(stage), frame_.state(stage), inputs_, frame_.slope(stage), frame_.saved(stage));
  }
  void evaluate_stage(std::size_t stage);
  void evaluate_first();
  void evaluate_closing();
  /// The slope at the end of this attempt is an evaluation that is yet to be done; steps by a Function do without.
  bool lacks_closing() const { return !closing_known_ && !stepper_; }

  // Outputs (lane_solver_outputs.cpp).
  void pass_all_outputs(std::size_t num_reached, T* states);
  void write_inside(T* states);
  bool has_many_inside(const StepOutputs<T>& outputs) const;
  void count_inside(bool closing_is_new);
  std::size_t pass_ends(std::span<std::uint32_t> lanes);
  void write_ends(std::span<const std::uint32_t> lanes, T* states);
  void finish_outputs(std::size_t lane);
  bool has_rate_at_end(std::span<const std::uint32_t> lanes) const;
  void evaluate_extra();
  void evaluate_dense();
  void keep_dense();
  DenseStep<T> dense_step() const;
  /// The next output of a lane whose step has reached it.
  bool is_at_end(std::size_t lane) const {
    return problem_.is_fixed || (clock_.next_time[lane] == clock_.t_next[lane] && !is_cut(lane));
  }
  void write_state(const T* y, std::size_t lane, std::size_t output, T* states) const;
  LaneStep fixed_step(std::size_t lane, std::size_t index) const;
  void set_sides(std::size_t lane, std::size_t index, LaneStep& step) const;

  T* slope(std::size_t stage) const { return frame_.slope(stage); }
  /// The state at the end of the step that is tried, which is the closing stage's.
  T* y_next() { return problem_.is_fixed ? y_next_.data() : frame_.state(closing()); }
  std::size_t closing() const { return problem_.closing(); }
  bool any_active() const;
  double time_of(std::size_t output, std::size_t lane) const { return inputs_.times[output * lanes_ + lane]; }

  const LaneProblem<T>& problem_;
  std::size_t lanes_;
  std::size_t state_size_;  // rows of the state
  std::size_t size_;        // state_size_ * lanes_, padded
  FieldEvaluator<T> field_;
  StepFrames<T> frames_;
  StepFrame<T> frame_;
  AlignedVector<T> y_, y_next_;                          // [state, lanes]; y_next_ of fixed steps alone
  AlignedVector<T> spare_block_;                         // where k_0 is evaluated that only some lanes need
  AlignedVector<T> steps_, mask_, norms_, other_norms_;  // [lanes]; the last of these: bends in a guarded attempt
  AlignedVector<T> dense_values_;                        // [state, lanes] the next output of each lane
  LaneDense<T> dense_;
  LaneClock clock_;
  LaneStops<T> stops_;
  const bool has_stops_;
  StageTimes<T> stage_times_;
  std::vector<LaneOutputs> outputs_;
  std::vector<std::int32_t> next_;      // [lane] the output to be written next
  std::vector<std::uint32_t> reached_;  // lanes that got to it
  std::vector<std::uint32_t> inside_;   // those of them whose step has outputs before its end
  std::vector<LaneOutcome> outcomes_;
  std::vector<LaneRecord<T>> records_;
  std::vector<LaneCopy<T>> copies_;  // into the records
  LaneInputs<T> inputs_;
  StepListener* listener_ = nullptr;
  DenseRecord<T>* dense_record_ = nullptr;
  std::span<T* const> rows_;  // of solve_queue(); empty in others
  bool keeps_records_ = false;
  bool closing_known_ = false;  // the closing stage of this attempt was evaluated
  bool extra_known_ = false;    // and those of dense output
  bool took_over_ = false;
  LaneErrors<T> errors_;
  std::unique_ptr<FunctionStepper<T>> stepper_;  // of methods that step by a Function; else null
  std::unique_ptr<LaneSwitch> switch_;           // null but of a method that switches
  std::unique_ptr<LaneGuard<T>> guard_;          // null where the problem has none
  std::unique_ptr<LaneEvents<T>> events_;        // likewise
  std::unique_ptr<Stragglers<T>> stragglers_;
  std::size_t num_handed_over_ = 0;
  std::uint32_t round_ = 0;
};

extern template class LaneSolver<float>;
extern template class LaneSolver<double>;

}  // namespace costate::internal
