// Callables of Python that hear of a solve's steps.
#pragma once

#include "costate/solve/solve_watch.h"
#include "python/bindings/bindings.h"

namespace costate::python {

/// Each is a callable or None.
SolveWatch to_watch(const nb::object& on_step, const nb::object& on_accept, const nb::object& on_reject,
                    const nb::object& progress);

void bind_step_view(nb::module_& module);

}  // namespace costate::python
