// The Functions of a solve's events lowered for its tiles, and a thread's evaluations of one of them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "costate/exec/internal/tile_function.h"
#include "costate/solve/internal/event_field.h"
#include "costate/solve/internal/stage_times.h"

namespace costate::internal {

/// A Function whose inputs are those of a field and then more.
template <class T>
struct EventFunction {
  EventFunction(LinearField linear, std::size_t lanes);

  std::size_t num_others;  // inputs besides t
  TimeRows time;           // what it reads of t
  TileFunction<T> function;
};

template <class T>
struct EventProblem {
  EventProblem(const EventField& events, std::size_t lanes, const std::optional<WantedGradients>& wanted);

  const EventField events;
  const EventFunction<T> watch, values;
  const std::optional<EventFunction<T>> linear;  // with gradients: linearize_events()
  std::vector<std::size_t> part_offsets;

  std::size_t size() const { return events.rules.size(); }
};

/// What a tile's evaluation of an EventFunction reads.
template <class T>
struct EventPlace {
  const double* times = nullptr;        // [lanes]
  const T* y = nullptr;                 // [state, lanes]
  std::span<const T* const> arguments;  // LaneInputs::arguments
  std::span<const T* const> more = {};  // the inputs behind the field's
  std::size_t num_samples = 0;
};

template <class T>
class EventEvaluator {
 public:
  /// `part_offsets`: the rows at which the parts of the state begin.
  EventEvaluator(std::span<const std::size_t> part_offsets, const EventFunction<T>& function, std::size_t lanes);

  /// What the function makes of the arguments that all samples share; before the first run() with new ones.
  void prepare(std::span<const T* const> arguments);
  void run(const EventPlace<T>& place, std::span<T* const> outputs) { run(Phase::kForward, place, outputs); }
  /// kReverse and kAccumulate go by the kForward before them.
  void run(Phase phase, const EventPlace<T>& place, std::span<T* const> outputs);
  void finish_sums(std::span<T* const> outputs) { function_.function.finish_sums(outputs, workspace_); }

 private:
  void bind(const EventPlace<T>& place, const T* times);

  const std::vector<std::size_t> part_offsets_;
  const EventFunction<T>& function_;
  const std::size_t lanes_;
  TileWorkspace<T> workspace_;
  AlignedVector<T> shared_, saved_, rows_;
  StageTimes<T> times_;
  std::vector<const T*> inputs_;
};

extern template struct EventFunction<float>;
extern template struct EventFunction<double>;
extern template struct EventProblem<float>;
extern template struct EventProblem<double>;
extern template class EventEvaluator<float>;
extern template class EventEvaluator<double>;

}  // namespace costate::internal
