// The dense output of a solve in Python.
#pragma once

#include <memory>

#include "costate/solve/dense_solution.h"
#include "python/bindings/bindings.h"

namespace costate::python {

struct PythonDense {
  std::shared_ptr<const DenseSolution> dense;
  bool is_single;                     // no batch axis
  nb::object structure = nb::none();  // of a state of several arrays
};

}  // namespace costate::python
