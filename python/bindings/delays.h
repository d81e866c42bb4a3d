// Delay equations in Python.
#pragma once

#include "python/bindings/bindings.h"

namespace costate::python {

void bind_delays(nb::module_& module);

}  // namespace costate::python
