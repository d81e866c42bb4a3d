// What all tiles of a lane solve share: the field lowered for `lanes` samples side by side, the options and the layout
// of a step; and a thread's evaluations of that field on a tile.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/control/stiffness_switch.h"
#include "costate/solve/internal/error_measure.h"
#include "costate/solve/internal/event_problem.h"
#include "costate/solve/internal/function_step_problem.h"
#include "costate/solve/internal/lane_stops.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/internal/lowered_time.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/step_frames.h"
#include "costate/solve/options.h"

namespace costate::internal {

template <class T>
class GuardProblem;

/// What all tiles of a solve share. With `gradients`, the field is evaluated together with what its vjp needs
/// (linearize). With `events`, `field` is theirs. Steps end where inputs of the field bend, or those of `bends_of`,
/// which has the same arguments.
template <class T>
struct LaneProblem {
  LaneProblem(const VectorField& field, const SolveOptions& options, std::size_t lanes, std::size_t num_times,
              const std::optional<WantedGradients>& gradients = {}, const EventField* events = nullptr,
              const VectorField* bends_of = nullptr);
  ~LaneProblem();

  VectorField field;
  SolveOptions options;
  const Tableau* tableau;
  std::size_t lanes;
  std::size_t num_times;                  // output times, the start among them
  std::size_t state_size;                 // numbers of a sample's state, all parts together
  std::vector<std::size_t> part_offsets;  // where each part of the state begins, in rows
  ErrorMeasure measure;
  std::vector<std::size_t> nonnegative;  // rows that no step takes below 0
  std::optional<WantedGradients> gradients;
  TimeRows time;                                          // what `function` reads of t
  TileFunction<T> function;                               // of the field; with `gradients`, of linearize
  std::size_t num_late_inputs = 0, num_late_outputs = 0;  // cotangents that `function` takes and gives
  bool is_fixed;                                          // steps follow from the output times, without control
  bool reads_time;                                        // of the field
  StopTables stops;
  FrameLayout frame;
  std::unique_ptr<const FunctionStepProblem<T>> function_step;  // how a method that steps by a Function does; else null
  std::unique_ptr<const GuardProblem<T>> guard;   // null where steps are not held to derivatives (SolveOptions)
  std::unique_ptr<const EventProblem<T>> events;  // null where there are none
  std::unique_ptr<const LaneProblem> narrow;      // for the Stragglers of a tile; null where they would gain nothing

  /// The field's argument `index`, or the Parameter after these, as its Function takes it.
  const Input& argument(std::size_t index) const { return field.function().inputs()[1 + part_offsets.size() + index]; }
  /// Where `shared` has what the function step reads.
  std::size_t step_shared() const { return padded(function.shared_size()); }
  /// The stage at the end of the step: f(t + h, y1), carried over as the next step's first.
  std::size_t closing() const { return static_cast<std::size_t>(tableau->num_stages - 1); }
};

/// How `memory_budget` is shared out: half of it for recorded states (recorded_numbers), a quarter for frames
/// (most_frames) and a quarter for the states that the way back keeps (StepReplay).
///
/// Numbers of recorded states that one lane may keep, where so many tiles share the budget.
template <class T>
std::size_t recorded_numbers(const LaneProblem<T>& problem, std::size_t memory_parts = 1) {
  return problem.options.memory_budget / memory_parts / sizeof(T) / problem.lanes / 2;
}

/// Frames that a solve may keep for its reverse sweep, the one that it works in among them.
template <class T>
std::size_t most_frames(const LaneProblem<T>& problem, std::size_t memory_parts = 1);

/// How lanes go on that another solve left: SolveEnd.
template <class T>
struct LaneResume {
  std::vector<double> h, previous_log, before_log;  // [lanes]
  std::vector<char> knows_slope;                    // [lanes]
  std::vector<StiffnessSwitch> switches;            // [lanes]
  AlignedVector<T> slopes;                          // [state, lanes]
};

/// Inputs of one tile.
template <class T>
struct LaneInputs {
  const T* z0 = nullptr;                // [state, lanes]
  const double* times = nullptr;        // [time, lanes]
  bool rounds_times = false;            // they were computed in f32
  std::span<const T* const> arguments;  // of the field, then its Parameters: [n, lanes] or, where shared, [n]
  const T* shared = nullptr;            // prepare_field's
  std::size_t num_samples = 0;          // lanes that hold samples: the first ones
  std::size_t memory_parts = 1;         // so many tiles share the memory budget
  const LaneResume<T>* resume = nullptr;
  const double* shared_times = nullptr;  // [time], where all samples have these
};

/// The pointers of the inputs of a problem's function: what it reads of the times [TimeRows, lanes], the parts within
/// y, then arguments and Parameters.
template <class T>
void bind_field_inputs(const LaneProblem<T>& problem, const T* times, const T* y, std::span<const T* const> arguments,
                       std::vector<const T*>& pointers);

/// TileFunction::prepare of the field, and of a function step behind it, for given arguments and Parameters; `shared`
/// is sized here.
template <class T>
void prepare_field(const LaneProblem<T>& problem, std::span<const T* const> arguments, AlignedVector<T>& shared);

/// A thread's evaluations of a field on a tile.
template <class T>
class FieldEvaluator {
 public:
  explicit FieldEvaluator(const LaneProblem<T>& problem);

  /// slope [state, lanes] = f at times [TimeRows, lanes] and y [state, lanes].
  void run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope) {
    run(times, y, inputs, slope, saved_.data());
  }
  /// For other phases of the field's function between two run()s.
  TileWorkspace<T>& workspace() { return workspace_; }
  /// `saved` has room for TileFunction::saved_size() numbers.
  void run(const T* times, const T* y, const LaneInputs<T>& inputs, T* slope, T* saved);

 private:
  const LaneProblem<T>& problem_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> saved_;
  std::vector<const T*> inputs_;
  std::vector<T*> outputs_;
};

extern template struct LaneProblem<float>;
extern template struct LaneProblem<double>;
extern template class FieldEvaluator<float>;
extern template class FieldEvaluator<double>;

}  // namespace costate::internal
