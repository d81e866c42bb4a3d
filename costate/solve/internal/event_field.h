// A field together with the events of its solve: Functions of the same inputs, so that one list of arguments and
// Parameters serves all.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "costate/solve/control/event_tracker.h"
#include "costate/solve/events.h"
#include "costate/solve/internal/linear_field.h"
#include "costate/solve/vector_field.h"

namespace costate::internal {

struct EventField {
  VectorField field;  // what the solve steps; its arguments are those of the one given, then those the events capture
  Function values;    // g [events], and if any event resets, the states after each that does [resets, state]
  Function watch;     // g [events] and its tangents [events]; inputs: the field's, then tangents of t and the parts
  std::vector<EventRule> rules;
  std::vector<std::size_t> reset_rows;  // [events] of those that reset
  // How many events a solve inside a trace lists. It gives the states, then for each time, number and state of the
  // event, each of [max_events], and how many there were.
  std::size_t max_events = 0;

  std::size_t num_resets() const;
  /// Numbers that a solve gives behind its states.
  std::size_t tail_size() const;
};

/// Throws InvalidArgument for an event of a field with another state or other arguments.
EventField join_events(const VectorField& field, std::span<const SolveEvent> events, std::size_t max_events = 0);

/// `values` with its vjp, as linearize() has it of a field: the cotangents of t, the parts and the wanted arguments.
LinearField linearize_events(const EventField& events, const WantedGradients& wanted);

}  // namespace costate::internal
