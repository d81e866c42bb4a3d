// Events of a solve, as Python gives and gets them.
#pragma once

#include <vector>

#include "costate/solve/solve.h"
#include "python/bindings/bindings.h"
#include "python/bindings/states.h"

namespace costate::python {

/// The events of a list, traced for a field. CallError if one is something else.
std::vector<SolveEvent> to_events(const VectorField& field, const StateLayout& state, const nb::sequence& events);

/// One value of each event of a sample: NumPy's array of it, or for a batch a list of one a sample.
nb::any event_times(const SolutionEvents& events, bool is_single);
nb::any event_numbers(const SolutionEvents& events, bool is_single);
nb::any event_states(const SolutionEvents& events, bool is_single, const nb::object& structure);

}  // namespace costate::python
