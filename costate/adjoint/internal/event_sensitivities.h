// What events add to a gradient by forward sensitivities: the cotangents of their times and of the states there, times
// what these move by along each tangent (solve/internal/tangent_field.h).
#pragma once

#include <cstddef>
#include <vector>

#include "costate/solve/internal/lane_solver.h"
#include "costate/solve/internal/tangent_field.h"

namespace costate::internal {

template <class T>
class EventSensitivities {
 public:
  /// `events` are those of the solve, `augmented` is what is solved for its tangents.
  EventSensitivities(const EventField& events, const LaneProblem<T>& augmented, const Directions& directions);

  /// Of what `solver` has found; `cotangent` [EventField::tail_size, lanes] is of what a solve gives behind its states.
  void find(const LaneSolver<T>& solver, const LaneInputs<T>& inputs, const T* cotangent);
  /// What the lane's events add along a tangent.
  T along(std::size_t tangent, std::size_t lane) const { return sums_[tangent * lanes_ + lane]; }

 private:
  void load(const LaneSolver<T>& solver, const LaneInputs<T>& inputs, std::size_t index);
  void add(std::size_t lane, std::size_t index, std::size_t event, const T* cotangent);

  const std::size_t lanes_, state_size_, num_tangents_, num_events_, max_events_;
  FieldFunction<T> rates_;
  FieldFunctionEvaluator<T> evaluator_;
  AlignedVector<double> times_;                 // [lanes]
  AlignedVector<T> y_;                          // [state and tangents, lanes]
  AlignedVector<T> slopes_, passing_, moving_;  // of event_rates(); `moving` of all directions
  AlignedVector<T> sums_;                       // [tangents, lanes]
  std::vector<T*> outputs_;
};

extern template class EventSensitivities<float>;
extern template class EventSensitivities<double>;

}  // namespace costate::internal
