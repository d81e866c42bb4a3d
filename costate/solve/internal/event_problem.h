// The Functions of a solve's events lowered for its tiles.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "costate/solve/internal/event_field.h"
#include "costate/solve/internal/field_function.h"

namespace costate::internal {

template <class T>
struct EventProblem {
  EventProblem(const EventField& events, std::size_t lanes, const std::optional<WantedGradients>& wanted);

  const EventField events;
  const FieldFunction<T> watch, values;
  const std::optional<FieldFunction<T>> linear;  // with gradients: linearize_events()
  std::vector<std::size_t> part_offsets;

  std::size_t size() const { return events.rules.size(); }
};

extern template struct EventProblem<float>;
extern template struct EventProblem<double>;

}  // namespace costate::internal
