// The gradient guard (control/gradient_guard.h) of a tile's lanes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "costate/solve/internal/guard_problem.h"
#include "costate/solve/internal/lane_clock.h"
#include "costate/solve/internal/lane_problem.h"
#include "costate/solve/internal/stage_times.h"
#include "costate/solve/internal/step_frames.h"

namespace costate::internal {

/// An attempted step of all lanes.
template <class T>
struct GuardedAttempt {
  StepFrame<T> frame;        // with the evaluations of stages 1, 2, … before the closing one, and the first slope
  const T* y = nullptr;      // before the step
  const T* steps = nullptr;  // h of each lane
  const T* bends = nullptr;  // LaneErrors::bend_of, where reads_bends()
  const double *first_times = nullptr, *last_times = nullptr;  // StepTimes
  const LaneInputs<T>& inputs;
  const char* is_explicit = nullptr;  // [lanes] of a method that switches
};

template <class T>
class LaneGuard {
 public:
  /// `problem.guard` must be there. `workspace` is of the problem's function, and free while judge() runs.
  LaneGuard(const LaneProblem<T>& problem, TileWorkspace<T>& workspace);

  /// A solve begins, with other arguments.
  void start();
  /// The lane begins a sample, whose solve has this span.
  void begin(std::size_t lane, double span);
  /// All of a lane.
  void copy(std::size_t lane, const LaneGuard& from, std::size_t from_lane);

  /// Whether judge() reads the bends of an attempt with these errors of the state.
  bool reads_bends(const LaneClock& clock) const;
  /// Raises clock.error, the errors of the state, where a lane's attempt would not follow its disturbances.
  void judge(const GuardedAttempt<T>& attempt, LaneClock& clock);
  /// Goes on from the attempts that were accepted.
  void advance(const LaneClock& clock);

 private:
  /// A thread's runs of a TangentField.
  struct Tangent {
    explicit Tangent(const TangentField<T>& tangent_field, std::size_t lanes)
        : field(tangent_field),
          stage_times(field.time, lanes),
          times(field.time.count * lanes),
          shared(field.function.shared_size()),
          saved(field.function.saved_size()),
          workspace(field.function.make_workspace()) {}

    const TangentField<T>& field;
    StageTimes<T> stage_times;
    AlignedVector<T> times;  // [rows of time, lanes] of a stage
    AlignedVector<T> shared, saved;
    TileWorkspace<T> workspace;
    bool is_prepared = false;  // for the arguments of this solve
  };

  /// A disturbance of each lane that carries one. Buffers are made when the first lane does.
  struct Disturbance {
    const TangentField<T>* field = nullptr;
    std::vector<double> is_carried;  // [lane]
    std::vector<double> size;        // [lane] what it began with, or is relative to since it was scaled back
    std::vector<double> ratio;       // [lane] of the attempt
    AlignedVector<T> now, end, scale, next_scale;  // [state, lanes] v, v1, s of the step before and of the attempt
    AlignedVector<T> fresh;                        // [state, lanes] what is added after the attempt
    AlignedVector<T> stage, slopes;  // [state, lanes], [stage, state, lanes]; of an implicit step d alone, and spare
    std::unique_ptr<Tangent> tangent, of_explicit_step;
    bool any_is_carried = false;  // by a lane, maybe
  };

  void carry_where_silent(const LaneClock& clock);
  void ask(const GuardedAttempt<T>& attempt);
  void ask_where_due(const GuardedAttempt<T>& attempt, const LaneClock& clock);
  void take_answer(std::size_t lane, double h);
  void choose_trials(const LaneClock& clock);
  void try_patterns(const GuardedAttempt<T>& attempt, const LaneClock& clock);
  void test(const GuardedAttempt<T>& attempt, Disturbance& disturbance, bool with_arguments, LaneClock& clock);
  void make(Disturbance& disturbance, bool with_arguments);
  void begin(Disturbance& disturbance, std::size_t lane);
  void carry_pattern(std::size_t lane);
  void follow(const GuardedAttempt<T>& attempt, const LaneClock& clock, Disturbance& disturbance);
  void follow_function_step(const GuardedAttempt<T>& attempt, const LaneClock& clock, Disturbance& disturbance);
  void follow_step(const GuardedAttempt<T>& attempt, const LaneClock& clock, const std::vector<double>& nodes,
                   Tangent& tangent, const T* now);
  void run_tangent(const GuardedAttempt<T>& attempt, Tangent& tangent);
  double find_ratio(const LaneClock& clock, Disturbance& disturbance, std::size_t lane);
  void advance(Disturbance& disturbance, std::size_t lane);

  const LaneProblem<T>& problem_;
  const GuardProblem<T>& shared_;
  const std::size_t lanes_, rows_;
  std::vector<double> rate_, reach_, span_, state_error_;  // [lane]
  std::vector<int> mendings_;                              // [lane] attempts rejected in a row since v was not finite
  std::vector<char> is_silent_;       // [lane] the last accepted step showed nothing of what the field does
  std::vector<char> next_is_silent_;  // [lane] nor does this attempt
  std::vector<char> asks_, tries_;    // [lane] in this attempt
  AlignedVector<T> probe_, answer_;   // [state, lanes] u of the next ask; uᵀ J
  AlignedVector<T> mask_;             // [lane]
  TileWorkspace<T>& workspace_;
  Disturbance trial_, state_, inputs_;
  std::vector<const T*> input_pointers_;
  std::vector<T*> output_pointers_;
};

extern template class LaneGuard<float>;
extern template class LaneGuard<double>;

}  // namespace costate::internal
