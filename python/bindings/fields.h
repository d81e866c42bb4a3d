// Right-hand sides that a call takes, and the keywords of its solves.
#pragma once

#include <functional>
#include <vector>

#include "costate/solve/vector_field.h"
#include "python/bindings/keywords.h"
#include "python/bindings/states.h"

namespace costate {
struct Solution;
struct SolveOptions;
}  // namespace costate

namespace costate::python {

/// A VectorField as it is, or a callable traced for a state and arguments of these shapes. CallError if it is neither;
/// `what` names it there.
VectorField to_field(const char* what, const nb::object& f, const StateLayout& state, const nb::dict& arguments,
                     const nb::object& jac = nb::none());

/// Arguments of a field that are given inside a trace, and their shapes by the names that to_field gives them.
struct TracedArguments {
  std::vector<Array> values = {};
  nb::dict shapes = {};
};
TracedArguments traced_arguments(const nb::sequence& args);

/// A callable of two Arrays, for as long as the caller holds it.
std::function<Array(Array, Array)> to_function(const nb::callable& f);

/// What solve() gives in Python: of one array a sample, without the batch axis if `is_single`.
nb::any to_python(Solution solution, const HostArray& times, bool is_single);

/// The options of a solve, as solve() takes them.
Keywords<SolveOptions> solve_keywords();

/// A user's error_norm(errors) for a state of so many numbers; an empty Function where `norm` is none.
Function to_norm(const nb::object& norm, std::int64_t state_size);

}  // namespace costate::python
