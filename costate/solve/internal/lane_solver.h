// The solver of a tile: `lanes` samples side by side, each with its own time, step and controller. Its arithmetic for a
// sample is that of reference_solve, so a sample's bits do not depend on its neighbours.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/lane_clock.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/internal/output_passes.h"
#include "costate/solve/internal/step_frames.h"
#include "costate/solve/solve.h"

namespace costate::internal {

/// What all tiles of a solve share. With `gradients`, the field is evaluated together with what its vjp needs.
template <class T>
struct LaneProblem {
  LaneProblem(const VectorField& field, const SolveOptions& options, std::size_t lanes, std::size_t num_times,
              const std::optional<WantedGradients>& gradients = {});

  VectorField field;
  SolveOptions options;
  const Tableau* tableau;
  std::size_t lanes;
  std::size_t num_times;
  std::size_t state_size;
  std::optional<WantedGradients> gradients;
  TileFunction<T> function;  // of the field; with `gradients`, of linearize
  std::size_t num_late_inputs = 0, num_late_outputs = 0;
  std::vector<std::size_t> part_offsets;  // in rows
  bool is_fixed;
  bool reads_time;  // an autonomous field needs no stage times
  FrameLayout frame;
  std::unique_ptr<const LaneProblem> narrow;  // for the Stragglers of a tile; null where they would gain nothing

  std::size_t closing() const { return static_cast<std::size_t>(tableau->num_stages - 1); }
};

/// Numbers of recorded states that one lane may keep: half of the memory budget. A quarter is for frames, and one for
/// the way back.
template <class T>
std::size_t recorded_numbers(const LaneProblem<T>& problem) {
  return problem.options.memory_budget / sizeof(T) / problem.lanes / 2;
}

/// Frames that a solve may keep for its reverse sweep, the one that it works in among them.
template <class T>
std::size_t most_frames(const LaneProblem<T>& problem);

/// Steps of a fixed-step solve in an interval between output times.
int steps_in_interval(double length, const SolveOptions& options);

/// An accepted step of one lane.
struct LaneStep {
  double t = 0;
  double h = 0;
  double t_next = 0;
  std::int32_t first_output = 0;  // outputs first_output, … lie in (t, t_next]
  std::int32_t num_outputs = 0;
};

/// What is kept of one lane's accepted steps: every `stride`-th state before a step, and of the steps as little as
/// LaneSolver::step needs to tell the rest.
template <class T>
struct LaneRecord {
  std::size_t num_steps = 0;
  std::vector<double> starts, sizes;        // [step]; empty for fixed steps
  std::vector<std::uint32_t> rounds;        // [step]; empty for fixed steps, of which all active lanes take one a round
  std::vector<std::size_t> interval_steps;  // [interval between outputs] steps up to its end; empty for adaptive steps
  std::vector<T> states;                    // [steps / stride, state]
  std::size_t stride = 1;

  void clear();
  /// Appends the state before a step. Doubles the stride whenever the states would outgrow `most_numbers`.
  void append(const T* y, std::size_t lane, std::size_t lanes, std::size_t state_size, std::size_t most_numbers);
};

/// How one lane ended.
struct LaneOutcome {
  Status status = Status::kOk;
  double t = 0;
  double h = 0;
  std::int64_t nfe = 0;
  std::int64_t accepted = 0;
  std::int64_t rejected = 0;
};

/// Inputs of one tile: z0 [state, lanes], times [time, lanes], the field's arguments and Parameters as its Function
/// takes them.
template <class T>
struct LaneInputs {
  const T* z0 = nullptr;
  const double* times = nullptr;
  std::span<const T* const> arguments;
  const T* shared = nullptr;  // TileFunction::prepare's
  std::size_t num_samples = 0;
};

/// The pointers of a field's Function inputs: t, the parts within y, then arguments and Parameters.
template <class T>
void bind_field_inputs(const LaneProblem<T>& problem, const T* times, const T* y, std::span<const T* const> arguments,
                       std::vector<const T*>& pointers);

/// TileFunction::prepare of the field for given arguments and Parameters; `shared` is sized here.
template <class T>
void prepare_field(const LaneProblem<T>& problem, std::span<const T* const> arguments, AlignedVector<T>& shared);

/// A thread's evaluations of a field on a tile.
template <class T>
class FieldEvaluator {
 public:
  explicit FieldEvaluator(const LaneProblem<T>& problem);

  /// slope [state, lanes] = f at times [lanes] and y [state, lanes].
  void run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope) {
    run(times, y, inputs, slope, saved_.data());
  }
  /// `saved` has room for TileFunction::saved_size() numbers.
  void run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope, T* saved);

 private:
  const LaneProblem<T>& problem_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> saved_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
};

/// Samples that wait for a lane.
class LaneQueue {
 public:
  virtual ~LaneQueue() = default;
  /// A lane is done: its outcome and its column of the states are there.
  virtual void finished(std::size_t lane) = 0;
  /// Puts the next sample into the lane's columns of z0, times and arguments; false if there is none.
  virtual bool load(std::size_t lane) = 0;
  /// Asked before each attempted step; true ends the solve where it stands.
  virtual bool should_stop() = 0;
};

template <class T>
class Stragglers;

/// A thread's solver. solve() may be called again and again; warm calls allocate nothing.
template <class T>
class LaneSolver {
 public:
  explicit LaneSolver(const LaneProblem<T>& problem);
  ~LaneSolver();

  /// Fills states [time, state, lanes]; keeps records if wanted.
  void solve(const LaneInputs<T>& inputs, bool keep_records, T* states);

  /// Solves what the queue holds; a lane that is done takes the next sample.
  void solve_queue(const LaneInputs<T>& inputs, LaneQueue& queue, T* states);

  /// Goes on where `wide` is between two steps: lane i with lane columns[i] of that. Lanes beyond the inputs' samples
  /// are padding. Fills the outputs to come.
  void take_over(const LaneSolver& wide, std::span<const std::uint32_t> columns, const LaneInputs<T>& inputs,
                 T* states);

  const LaneProblem<T>& problem() const { return problem_; }
  const T* y() const { return y_.data(); }
  const std::vector<LaneOutcome>& outcomes() const { return outcomes_; }
  const std::vector<LaneRecord<T>>& records() const { return records_; }
  /// A step of the records. The outputs of an adaptive step end before `outputs_end`, with which the next step's begin
  /// (num_times after the last); who does not need them leaves it out.
  LaneStep step(std::size_t lane, std::size_t index, std::int32_t outputs_end = 1) const;
  /// Steps that were accepted in the same attempt have the same round; rounds ascend along a lane.
  std::size_t round_of(std::size_t lane, std::size_t index) const {
    return problem_.is_fixed ? index : records_[lane].rounds[index];
  }
  /// The evaluations of the first rounds, one frame a round.
  const StepFrames<T>& frames() const { return frames_; }

  /// Who took over the last lanes of the last solve; null if nobody did.
  const Stragglers<T>* stragglers() const { return num_handed_over_ > 0 ? stragglers_.get() : nullptr; }
  bool took_over() const { return took_over_; }
  /// The lane's first step here follows one of the solver that it was taken over from.
  bool follows_step(std::size_t lane) const { return outputs_[lane].follows_step; }
  /// The output that comes after the lane's last step here; num_times once all are there.
  std::size_t next_output(std::size_t lane) const { return static_cast<std::size_t>(outputs_[lane].next); }

 private:
  /// What steps rarely touch.
  struct LaneOutputs {
    std::int32_t next = 1;
    std::int32_t step_in_interval = 0, steps_in_interval = 0;
    bool is_fresh = false, follows_step = false;
  };

  void start(const LaneInputs<T>& inputs, bool keep_records);
  void step_to_the_end(T* states);
  void hand_over(T* states);

  void refill(LaneQueue& queue, std::vector<char>& holds_sample, T* states);
  void begin(std::size_t lane, T* states);
  void find_first_steps();
  void choose_first_steps();
  void join(T* norms) const;
  LaneStep fixed_step(std::size_t lane, std::size_t index) const;
  bool plan_steps();
  void plan_fixed(std::size_t lane);
  void attempt();
  void judge(T* states);
  Judgement judge_errors();
  Judgement accept_fixed();
  void keep_record(std::size_t lane);
  void pass_all_outputs(std::size_t num_reached, T* states);
  void pass_outputs(std::size_t lane, T* states);
  void write_dense_outputs(T* states);
  void write_state(const T* y, std::size_t lane, std::size_t output, T* states) const;
  void end_lane(std::size_t lane, Status status);
  void report(std::size_t lane);
  void evaluate(std::size_t stage) {
    field_.run(frame_.times(stage), frame_.state(stage), inputs_, frame_.slope(stage), frame_.saved(stage));
  }
  void evaluate_stage(std::size_t stage);
  void evaluate_first();
  void evaluate_closing();
  void evaluate_extra();
  void carry_over();
  void select_first(const StepFrame<T>& x, std::size_t stage, const StepFrame<T>& y, const StepFrame<T>& out);
  void combine(std::span<const double> weights, T* out);
  T* slope(std::size_t stage) const { return frame_.slope(stage); }
  /// The state at the end of the step that is tried, which is the closing stage's.
  T* y_next() { return problem_.is_fixed ? y_next_.data() : frame_.state(closing()); }
  std::size_t closing() const { return problem_.closing(); }
  std::size_t num_active() const;
  double time_of(std::size_t output, std::size_t lane) const { return inputs_.times[output * lanes_ + lane]; }

  const LaneProblem<T>& problem_;
  std::size_t lanes_, padded_, state_size_, size_;  // padded_: lanes in whole vectors of any type
  FieldEvaluator<T> field_;
  StepFrames<T> frames_;
  StepFrame<T> frame_;
  AlignedVector<T> y_, y_next_, spare_block_, steps_, mask_, norms_, other_norms_, dense_mask_, dense_values_;
  AlignedVector<T> dense_weights_;  // [stage, padded lanes]
  AlignedVector<double> theta_;     // [padded lanes]
  LaneClock clock_;
  std::vector<LaneOutputs> outputs_;
  OutputPasses dense_;                  // outputs within the steps that were just accepted
  std::vector<std::uint32_t> reached_;  // lanes that got to their next output
  std::vector<LaneOutcome> outcomes_;
  std::vector<LaneRecord<T>> records_;
  LaneInputs<T> inputs_;
  bool keeps_records_ = false, closing_known_ = false, took_over_ = false;
  std::unique_ptr<Stragglers<T>> stragglers_;
  std::size_t num_handed_over_ = 0;
  std::uint32_t round_ = 0;
};

extern template struct LaneProblem<float>;
extern template struct LaneProblem<double>;
extern template struct LaneRecord<float>;
extern template struct LaneRecord<double>;
extern template class FieldEvaluator<float>;
extern template class FieldEvaluator<double>;
extern template class LaneSolver<float>;
extern template class LaneSolver<double>;

}  // namespace costate::internal
