// The record of one lane's accepted steps, which its reverse sweep goes through from last to first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "costate/solve/internal/stage_times.h"
#include "costate/solve/solve.h"

namespace costate::internal {

/// Steps of a fixed-step solve in an interval between output times.
int steps_in_interval(double length, const SolveOptions& options);

/// An accepted step of one lane.
struct LaneStep {
  double t = 0;
  double h = 0;
  double t_next = 0;
  std::int32_t first_output = 0;  // outputs first_output, … lie in (t, t_next]
  std::int32_t num_outputs = 0;
  double first_time = 0, last_time = 0;  // where its first and its last slope were evaluated

  bool is_explicit = false;  // of a method that switches

  bool starts_at_event = false, ends_at_event = false;  // ends: t_next is the event's time, within [t, t + h]

  StepTimes times() const { return {.t = t, .h = h, .first = first_time, .last = last_time}; }
  /// Its first or last slope is not that of its neighbour.
  bool starts_at_stop() const { return first_time != t || starts_at_event; }
  bool ends_at_stop() const { return last_time != t_next || ends_at_event; }
};

/// What is kept of one lane's accepted steps: the state before every `stride`-th step, and of each step as little as
/// LaneSolver::step needs to tell the rest.
template <class T>
struct LaneRecord {
  std::size_t num_steps = 0;
  std::vector<double> starts, sizes;        // [step]; empty for fixed steps
  std::vector<std::uint32_t> rounds;        // [step]; empty for fixed steps, of which all active lanes take one a round
  std::vector<char> is_explicit;            // [step] of a method that switches
  std::vector<std::size_t> interval_steps;  // [interval between outputs] steps up to its end; empty for adaptive steps
  std::vector<T> states;                    // [steps / stride, state]
  std::size_t stride = 1;

  void clear();
  /// Appends a step, and gives the place for the state before it; null where that is not kept. Doubles the stride
  /// whenever the states would outgrow `most_numbers`.
  T* append(std::size_t state_size, std::size_t most_numbers);
};

extern template struct LaneRecord<float>;
extern template struct LaneRecord<double>;

}  // namespace costate::internal
